"""README.txt: the folder explained to a marketer, in words computed from the run."""

import textwrap
from collections.abc import Sequence

from foretell.delivery.headlines import headlines
from foretell.delivery.rule_columns import aliases
from foretell.delivery.run import Run
from foretell.delivery.selection import Selection
from foretell.delivery.trust import answers, overall, untested, verdicts
from foretell.delivery.wording import instant_words, money, percent, whole

WIDTH = 92


def render_readme(run: Run, selections: Sequence[Selection], *, escaped_cells: int) -> str:
    """Return the README of a run's folder.

    Parameters
    ----------
    run : Run
        A finished run.
    selections : sequence of Selection
        Its segments.
    escaped_cells : int
        Text cells of all CSV files that got a leading apostrophe.

    Returns
    -------
    str
        Plain text without a customer in it; equal runs give equal text.
    """
    title = f"{' '.join(run.shop.split())}: your customers as of {instant_words(run.as_of)}"
    blocks = [
        title + "\n" + "=" * min(len(title), WIDTH),
        wrap(_opening(run)),
        section("Which file is which", _files(selections)),
        section("How to use them", _use(run, escaped_cells)),
        section("How far to trust the numbers", _trust(run)),
        section("What not to believe", _limits(run)),
        section("What was left out", _left_out(run)),
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


def _files(selections: Sequence[Selection]) -> list[str]:
    lines = [
        "report.html: the results on one page, for any browser; start here.",
        "scores.csv: one row per customer, for a spreadsheet. scores.parquet: the same with every digit, for programs.",
        "data_dictionary.csv: what every column means.",
    ]
    for selection in selections:
        size = f"{whole(selection.size)} customers" if selection.size else "nobody today, so it holds its header only"
        segment = selection.segment
        lines.append(f"{selection.file_name}: {segment.title} ({size}). {segment.description} {segment.action}")
    lines.append("quarantine.csv: rows of the input that could not be used, by row number, and why.")
    lines.append("run.json, manifest.json: for programs: what went in, what came out, and how to check it.")
    return lines


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
        "Keep a random tenth of every group out of the campaign. Without it nobody can tell what the campaign did.",
        (
            "Money has a point as its decimal sign; dates are year-month-day. A spreadsheet may drop the zeros before "
            "a number such as 00123: import customer_id as text."
        ),
    ]
    if escaped_cells:
        lines.append(
            f"{whole(escaped_cells)} text cells began with a sign that a spreadsheet would run as a formula. They "
            "have an apostrophe before it in the CSV files; scores.parquet has them as they are."
        )
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


def section(title: str, lines: Sequence[str]) -> str:
    """Return a headed list of sentences.

    Parameters
    ----------
    title : str
        The heading.
    lines : sequence of str
        The sentences.

    Returns
    -------
    str
        Plain text.
    """
    return title + "\n" + "-" * len(title) + "\n" + "\n".join(wrap(line, bullet=True) for line in lines)


def wrap(text: str, *, bullet: bool = False) -> str:
    """Return a text in lines of 92 characters.

    Parameters
    ----------
    text : str
        One paragraph.
    bullet : bool
        Whether it is an entry of a list.

    Returns
    -------
    str
        Plain text.
    """
    return textwrap.fill(
        " ".join(text.split()),
        WIDTH,
        initial_indent="- " if bullet else "",
        subsequent_indent="  " if bullet else "",
        break_long_words=False,
        break_on_hyphens=False,
    )
