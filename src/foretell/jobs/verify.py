"""Verify: an upload file, ours or another's, checked as its platform will read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foretell.config.settings import Settings
from foretell.delivery.uploads.verify import Verified, finding_words
from foretell.delivery.uploads.verify import verify as verify_file
from foretell.jobs.uploads import upload_options


@dataclass(frozen=True)
class VerifyResult:
    """What is wrong with a file.

    Parameters
    ----------
    path : Path
        The file.
    verified : Verified
        Every problem.
    """

    path: Path
    verified: Verified

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong."""
        return self.verified.ok

    def lines(self) -> list[str]:
        """Return the result in words, line by line."""
        found = self.verified
        if found.ok:
            return [f"{self.path.name} is fit for {found.platform}: {found.rows:,} rows."]
        return [*finding_words(found.findings), f"{self.path.name} is not fit for {found.platform}."]

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain values for JSON."""
        return {
            "file": str(self.path),
            "platform": self.verified.platform,
            "rows": self.verified.rows,
            "ok": self.verified.ok,
            "problems": [
                {"column": each.column or None, "rule": each.rule, "lines": list(each.lines)}
                for each in self.verified.findings
            ],
        }


def verify(
    settings: Settings,
    path: Path,
    platform: str,
    *,
    remove_list: bool = False,
    options: Mapping[str, str] | None = None,
) -> VerifyResult:
    """Check an upload file.

    Parameters
    ----------
    settings : Settings
        Currency and time zone of the shop.
    path : Path
        The file.
    platform : str
        What it is for.
    remove_list : bool
        Whether it takes people off a list.
    options : mapping of str to str or None
        Choices of `UploadOptions` as text.

    Returns
    -------
    VerifyResult
        Every problem by line.

    Raises
    ------
    ConfigError
        If there is no such platform or option.
    DataError
        If the file cannot be read.
    """
    asked = {"sensitive": "gender,birth_date", **(options or {})}
    return VerifyResult(path, verify_file(path, platform, removal=remove_list, options=upload_options(asked, settings)))
