"""What was asked for, checked before anybody is written."""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from foretell.delivery.uploads.platforms import platform_for
from foretell.delivery.uploads.template import UploadOptions
from foretell.errors import ConfigError, DataError, ForetellError, Violation

_SAFE_NAME = re.compile(r"[a-z0-9_]+")


def check_requests(
    audiences: Mapping[str, pl.DataFrame],
    wanted: Mapping[str, Sequence[str]],
    options: UploadOptions,
    *,
    scores: pl.DataFrame | None = None,
) -> None:
    """Refuse what cannot be written.

    Parameters
    ----------
    audiences : mapping of str to pl.DataFrame
        Name to members.
    wanted : mapping of str to sequence of str
        Platform to names of audiences.
    options : UploadOptions
        Choices that are left open.
    scores : pl.DataFrame or None
        What audiences do not say of their members.

    Raises
    ------
    ConfigError
        If a platform does not exist, a name is no safe file name or an option is missing or wrong; all at once.
    DataError
        If an audience lacks ``customer_id``, or ``value`` where the format needs it.
    """
    problems = [
        f"The name of an audience may hold only lower case letters, digits and underscores, not {name!r}."
        for name in audiences
        if not _SAFE_NAME.fullmatch(name)
    ]
    problems += _option_problems(options)
    valued = set()
    for name, names in wanted.items():
        try:
            platform = platform_for(name, options)
        except ForetellError as error:
            problems.append(str(error))
            continue
        sources = {column.source for column in platform.columns}
        for option in ("currency", "adjusted_at"):
            if f"option:{option}" in sources and getattr(options, option) is None:
                problems.append(f"{platform.title} needs the option {option}.")
        if platform.time_zone_line and options.time_zone is None:
            problems.append(f"{platform.title} needs the option time_zone, as in Europe/Amsterdam.")
        if platform.needs_value:
            valued |= set(names)
    if problems:
        raise ConfigError(problems)
    _check_audiences(audiences, valued, scores)


def _option_problems(options: UploadOptions) -> list[str]:
    known = {
        "birth_date_order": ("mdy", "dmy"),
        "tiktok_phone": ("digits", "plus"),
        "tiktok_tags": ("keep", "drop"),
        "criteo_identifier": ("sha256", "md5", "sha256_md5", "plain"),
    }
    problems = [
        f"The option {name} must be one of {', '.join(values)}, not {getattr(options, name)!r}."
        for name, values in known.items()
        if getattr(options, name) not in values
    ]
    problems += [
        f"The option sensitive may name gender and birth_date, not {name!r}."
        for name in options.sensitive
        if name not in {"gender", "birth_date"}
    ]
    patterns = (("default_country", "[A-Z]{2}", "NL"), ("currency", "[A-Z]{3}", "EUR"))
    for name, pattern, example in patterns:
        value = getattr(options, name)
        if value is not None and not re.fullmatch(pattern, value):
            problems.append(f"The option {name} must be {len(example)} upper-case letters, as in {example}.")
    if options.time_zone is not None and not re.fullmatch(r"[A-Za-z0-9_+\-/]+", options.time_zone):
        problems.append("The option time_zone must be the name of a time zone, as in Europe/Amsterdam.")
    if options.value_cap is not None and not options.value_cap > 0:
        problems.append("The option value_cap must be more than 0.")
    return problems


def _check_audiences(audiences: Mapping[str, pl.DataFrame], valued: set[str], scores: pl.DataFrame | None) -> None:
    violations = []
    if scores is not None and "customer_id" not in scores.columns:
        violations.append(Violation("scores", "customer_id", "the column is missing", 1, remedy="Name it so."))
    for name, own in audiences.items():
        table = f"audience {name}"
        frame = own if "value" in own.columns or scores is None or "value" not in scores.columns else scores
        if "customer_id" not in own.columns:
            violations.append(Violation(table, "customer_id", "the column is missing", 1, remedy="Name it so."))
        if name in valued and "value" not in frame.columns:
            remedy = "Add what each customer is worth, or leave the platforms that want values out."
            violations.append(Violation(table, "value", "the column is missing", 1, remedy=remedy))
        elif name in valued and not frame["value"].dtype.is_numeric():
            violations.append(Violation(table, "value", "the column holds no numbers", frame.height, remedy="Cast it."))
    if violations:
        raise DataError(violations)
