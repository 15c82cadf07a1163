"""README.txt of a lookalike run: the folder explained to a marketer, in words computed from the run."""

from collections.abc import Iterator

import polars as pl

from foretell.delivery.lookalike_run import LookalikeRun
from foretell.delivery.plain_text import escaped_words, heading, section, wrap
from foretell.delivery.wording import instant_words, percent, whole

_FEW_SEEDS = 100
_MOST_PROFILE_LINES = 8


def render_lookalike_readme(run: LookalikeRun, *, escaped_cells: int) -> str:
    """Return the README of a lookalike run's folder.

    Parameters
    ----------
    run : LookalikeRun
        A finished run.
    escaped_cells : int
        Text cells of all CSV files that got a leading apostrophe.

    Returns
    -------
    str
        Plain text without a customer in it; equal runs give equal text.
    """
    title = f"{' '.join(run.shop.split())}: who resembles your seeds, as of {instant_words(run.as_of)}"
    blocks = [
        heading(title),
        wrap(_opening(run)),
        section("Which file is which", _files(run)),
        section("Who the audience is", list(_profile(run))),
        section("What a larger audience costs", list(_reach(run))),
        section("Seeds", list(_seeds(run))),
        section("What was learnt from", list(_columns(run))),
        section("Sensitive attributes", list(_audit(run))),
        section("How to use it", _use(escaped_cells)),
    ]
    return "\n\n".join(blocks) + "\n"


def _opening(run: LookalikeRun) -> str:
    return (
        f"{whole(run.ranking.height)} customers were ranked by how much they resemble {whole(run.seeds.matched)} seeds "
        f"({run.method}). The audience is the {whole(run.audience.height)} most alike, without seeds and "
        "exclusions."
    )


def _files(run: LookalikeRun) -> list[str]:
    return [
        f"audience.csv: the {whole(run.audience.height)} most alike, best first, with what makes each one alike.",
        "lookalikes.csv: everybody ranked. lookalikes.parquet: the same with every digit, for programs.",
        "reach.csv: size against precision. profile.csv: the audience beside everybody.",
        "audit.csv: shares of sensitive groups among seeds, audience and pool.",
        f"unmatched_seeds.csv: rows of the seeds that were not found ({whole(run.unmatched.height)}).",
        "data_dictionary.csv: what every column of the ranking means.",
        "model_card.json, run.json, manifest.json: for programs: what was learnt, what went in, how to check it.",
    ]


def _profile(run: LookalikeRun) -> Iterator[str]:
    told = run.profile.get_column("words").head(_MOST_PROFILE_LINES).to_list()
    yield from (f"{words}." for words in told)
    if not told:
        yield "Nothing sets the audience apart beyond chance."


def _reach(run: LookalikeRun) -> Iterator[str]:
    for row in run.reach.iter_slices(1):
        values = row.row(0, named=True)
        yield (
            f"Top {percent(values['top_share'])}: {percent(values['recall'])} of the held-out seeds are in it, "
            f"{values['lift']:.1f} times as many as by chance ({values['lift_low']:.1f} to {values['lift_high']:.1f}; "
            f"at most {values['lift_ceiling']:.0f} are possible)."
        )
    passed = run.reach.filter((pl.col("control_lift_low") <= 1) & (pl.col("control_lift_high") >= 1)).height
    verdict = (
        "as it should be" if passed == run.reach.height else "which says that these figures flatter: trust them less"
    )
    yield (
        f"The same with customers drawn by chance in the place of seeds: at {passed} of {run.reach.height} sizes their "
        f"figure is no better and no worse than chance, {verdict}."
    )


def _seeds(run: LookalikeRun) -> Iterator[str]:
    seeds = run.seeds
    rate = percent(seeds.matched / seeds.given) if seeds.given else "none"
    yield f"{whole(seeds.matched)} of {whole(seeds.given)} seeds were found ({rate}), by {seeds.matched_by}."
    if seeds.duplicates:
        yield f"Rows that repeat a seed: {whole(seeds.duplicates)}; each seed counts once."
    if seeds.capped:
        yield (
            f"{whole(seeds.capped)} seeds are worth more than five times the usual and count five times; together the "
            f"weighted seeds say as much as {seeds.effective:.0f} equal ones."
        )
    if seeds.matched < _FEW_SEEDS:
        yield f"Fewer than {_FEW_SEEDS} seeds: the ranking would change with other seeds of the same kind."
    yield f"What nearly all seeds have in common: {seeds.rule}."


def _columns(run: LookalikeRun) -> Iterator[str]:
    yield f"{whole(len(run.features))} columns: {', '.join(run.features)}."
    yield from (f"Not from {name}: it {why}." for name, why in run.left_out.items())


def _audit(run: LookalikeRun) -> Iterator[str]:
    if run.audit.is_empty():
        yield "No column is known to describe a protected group; name such columns by lookalike.sensitive."
    for row in run.audit.iter_slices(1):
        values = row.row(0, named=True)
        shares = (
            f"{percent(values[name]) if values[name] is not None else 'nobody'}"
            for name in ("seeds_share", "audience_share", "pool_share")
        )
        seeds, audience, pool = shares
        group = f"{values['column']}, {values['value']}"
        yield f"{group}: {seeds} of the seeds, {audience} of the audience, {pool} of the pool."


def _use(escaped_cells: int) -> list[str]:
    lines = [
        "Resemblance is no promise to buy: it says who is like the seeds in what is known of them.",
        "Keep a random tenth of the audience out of the campaign. Without it nobody can tell what the campaign did.",
        "A spreadsheet may drop the zeros before a number such as 00123: import customer_id as text.",
        "Advertising platforms want seeds of their own: 100 at least, 1,000 to 5,000 are better.",
    ]
    if escaped_cells:
        lines.append(escaped_words(escaped_cells, "lookalikes.parquet"))
    return lines
