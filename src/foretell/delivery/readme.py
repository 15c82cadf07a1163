"""README.txt: the folder explained to a marketer, in words computed from the run."""

from foretell.delivery.headlines import headlines
from foretell.delivery.plain_text import escaped_words, heading, section, wrap
from foretell.delivery.readme_segments import change_lines, off_lines, overview_line, segment_lines, where_lines
from foretell.delivery.rule_columns import aliases
from foretell.delivery.run import Run
from foretell.delivery.segment_files import SegmentsOfRun
from foretell.delivery.segment_uploads import upload_lines
from foretell.delivery.trust import answers, overall, untested, verdicts
from foretell.delivery.upload_hint import upload_hint
from foretell.delivery.uploads.write import Uploads
from foretell.delivery.wording import instant_words, money, percent, whole


def render_readme(run: Run, segments: SegmentsOfRun, *, escaped_cells: int, uploads: Uploads | None = None) -> str:
    """Return the README of a run's folder.

    Parameters
    ----------
    run : Run
        A finished run.
    segments : SegmentsOfRun
        Its segments, those that are off, and what changed.
    escaped_cells : int
        Text cells of all CSV files that got a leading apostrophe.
    uploads : Uploads or None
        Upload files of its segments.

    Returns
    -------
    str
        Plain text without a customer in it; equal runs give equal text.
    """
    title = f"{' '.join(run.shop.split())}: your customers as of {instant_words(run.as_of)}"
    blocks = [
        heading(title),
        wrap(_opening(run)),
        section("Which file is which", _files(run)),
        section("Segments: which file is for whom", [overview_line(segments)]),
        *(
            section(f"Segments: {purpose[0].lower()}{purpose[1:]}", told)
            for purpose, told in segment_lines(run, segments)
        ),
        section("Segments: what changed", change_lines(segments)),
        *([section("Files to upload", ways)] if (ways := _uploads(segments, uploads)) else []),
        section("How to use them", _use(run, escaped_cells)),
        section("How far to trust the numbers", _trust(run)),
        section("What not to believe", _limits(run)),
        section("What was left out", _left_out(run)),
        section("Segments: who exactly is in them", where_lines(segments.selections)),
        *([section("Segments that are off, and why", off_lines(segments))] if segments.off else []),
        wrap(
            f"Model {run.model.version}, which learnt from everything before {run.model.trained_as_of.date()}. "
            f"Run {run.inputs_digest[:12]}. The exact content of every file is in manifest.json."
        ),
    ]
    return "\n\n".join(blocks) + "\n"


def _opening(run: Run) -> str:
    totals = headlines(run)
    unsure = untested(run)

    def mark(target: str) -> str:
        return " (not tested)" if target in unsure else ""

    expected = f"about {whole(totals.expected_orders)} orders{mark('orders')}"
    if totals.expected_revenue is not None:
        expected += f" worth {money(totals.expected_revenue, run.currency)}{mark('clv')}"
    return (
        f"{whole(totals.customers)} customers were scored from their orders before that day. About "
        f"{percent(totals.active_share)} of them are still customers{mark('churn')}. In the next "
        f"{run.horizons.clv_days} days {expected} are expected from them; the best tenth of the customers is expected "
        f"to bring {percent(totals.top_tenth_share)} of that{mark('clv' if run.has_money else 'orders')}."
    )


def _files(run: Run) -> list[str]:
    return [
        "report.html: the results on one page, for any browser; start here.",
        "scores.csv: one row per customer, for a spreadsheet. scores.parquet: the same with every digit, for programs.",
        *([] if run.prospect_table is None else [run.prospect_table.readme_line()]),
        "data_dictionary.csv: what every column means.",
        (
            "segments.csv: all segments at a glance, with size, rule, owner, and why others are off. "
            "segments_diff.csv: who entered or left one since the last run, and why. segments_power.csv: the "
            "smallest effect that a holdout can show."
        ),
        "quarantine.csv: rows of the input that could not be used, by row number, and why.",
        (
            "run.json, manifest.json, segment_members.parquet: for programs: what went in, what came out, who is in "
            "which segment, and how to check it."
        ),
    ]


def _uploads(segments: SegmentsOfRun, uploads: Uploads | None) -> list[str]:
    if uploads is None:
        return upload_hint(selection.segment for selection in segments.selections)
    return upload_lines(uploads)


def _use(run: Run, escaped_cells: int) -> list[str]:
    column = aliases(run.columns)
    rank_by = column["predicted_clv" if run.has_money else "predicted_orders"]
    lines = [
        "Work through a segment file from the top: the best candidates come first, and why_here says why.",
        (
            f"To rank customers use clv_percentile or {rank_by}; to find those who are leaving use "
            f"churn_band or {column['churn_risk']}; to find those who are about to order use {column['p_order']}."
        ),
        "A customer may be in several segment files: do not add up what is expected from each of them.",
        (
            "Keep a random tenth of every group out of the campaign: holdout = 0.1 in [segments] of the settings "
            "writes them into files of their own. Without it nobody can tell what the campaign did."
        ),
        (
            "Money has a point as its decimal sign; dates are year-month-day. A spreadsheet may drop the zeros before "
            "a number such as 00123: import customer_id as text."
        ),
    ]
    if escaped_cells:
        lines.append(escaped_words(escaped_cells, "scores.parquet"))
    return lines


def _trust(run: Run) -> list[str]:
    asked = answers(run)
    total = overall(run.record, asked)
    single = (f"{part.question} {part.title}. {' '.join(part.sentences)}" for part in verdicts(run.record, asked))
    return [f"{total.title}. {' '.join(total.sentences)}", *single]


def _limits(run: Run) -> list[str]:
    clv, churn = run.horizons.clv_days, run.horizons.churn_days
    average = (
        f"Predicted value is an average over many possible futures; most customers will spend less in {clv} days, "
        "a few much more. At most 1 in 10 such customers will spend less than the figure in the column ending in "
        "_low, and at most 1 in 10 more than the one ending in _high; a high of 0.00 means most likely nothing."
        if run.has_money
        else f"Predicted orders are an average over many possible futures; most customers will order less often in "
        f"{clv} days, a few much more often."
    )
    return [
        *run.model.limits,
        (
            "A number is right for a group, not for a person: of ten customers at 30 % risk about three leave, and "
            "nobody knows which."
        ),
        average,
        f"Churn here means no order within {churn} days, nothing else.",
        "A percentile is a rank among your customers, not a probability.",
        "The scores age: after a few weeks make new ones.",
    ]


def _left_out(run: Run) -> list[str]:
    counts = run.counts
    return [
        (
            f"Of {whole(counts.rows_in)} rows read, {whole(counts.used)} were used, "
            f"{whole(counts.at_or_after_as_of)} lie on or after the day of these scores, and "
            f"{whole(counts.quarantined)} could not be used."
        ),
        *run.notes,
    ]
