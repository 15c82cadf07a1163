"""Segments as files that a person reads: one workbook, and CSVs with a decimal point and with a decimal comma."""

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from foretell.delivery.csv_files import MONEY_DECIMALS, write_csv
from foretell.delivery.plain_text import heading, section, wrap
from foretell.delivery.published import PublishedRun, segment_frame
from foretell.delivery.wording import whole
from foretell.delivery.workbook import write_workbook

REVIEW = "review"
WORKBOOK = "segments.xlsx"
COMMA_FOLDER = "csv-decimal-comma"
POINT_FOLDER = "csv"
README = "README.txt"


def write_review(
    run: PublishedRun, segments: Sequence[str], folder: Path, *, forget: Collection[str] = ()
) -> tuple[str, ...]:
    """Write the segments of a run for people.

    Parameters
    ----------
    run : PublishedRun
        The run.
    segments : sequence of str
        Names of its segments.
    folder : Path
        An empty folder.
    forget : collection of str
        Customer ids that may not be written anywhere any more.

    Returns
    -------
    tuple of str
        Names of the files: ``segments.xlsx`` with a sheet for each segment and the data dictionary,
        ``csv/<name>.csv`` and ``csv-decimal-comma/<name>.csv``, and ``README.txt``.

    Raises
    ------
    OutputError
        If the extra ``excel`` is not installed.
    """
    dictionary = pl.read_csv(run.folder / "data_dictionary.csv", infer_schema=False)
    wanted = dictionary.filter(pl.col("file").is_in([f"segments/{name}" for name in segments]))
    units = dict(zip(dictionary["column"].to_list(), dictionary["unit"].fill_null("").to_list(), strict=True))
    forgotten = pl.Series(list(forget), dtype=pl.String)
    frames = {
        name: segment_frame(run, name).filter(~pl.col("customer_id").is_in(forgotten.implode())) for name in segments
    }
    write_workbook(frames, wanted, folder / WORKBOOK, units=units, made=run.as_of)
    decimals = {name: MONEY_DECIMALS for name, unit in units.items() if unit.startswith("money")}
    names = [WORKBOOK]
    for place, decimal_comma in ((POINT_FOLDER, False), (COMMA_FOLDER, True)):
        (folder / place).mkdir()
        for name, frame in frames.items():
            write_csv(frame, folder / place / f"{name}.csv", decimals, decimal_comma=decimal_comma)
            names.append(f"{place}/{name}.csv")
    (folder / README).write_text(_readme(run, frames), encoding="utf-8")
    return (*names, README)


def _readme(run: PublishedRun, frames: dict[str, pl.DataFrame]) -> str:
    """Which file is for whom, what it means, how many, since when, what to do with it; without a customer in it."""
    told = pl.read_csv(run.folder / "segments.csv", infer_schema=False).rows_by_key("segment", named=True, unique=True)
    files = []
    for name, frame in frames.items():
        row = told[name]
        files.append(
            f"{name}: {row['title']} ({whole(frame.height)} rows). {(row['description'] or row['title']).rstrip('.')}. "
            f"For {row['owner'] or 'whoever runs campaigns'}. What to do: {row['action'] or 'it is not said.'}"
        )
    blocks = [
        heading("Segments to read"),
        wrap(
            f"Made of the run as of {run.as_of:%Y-%m-%d}, and valid from that day. Who is held out of campaigns stands "
            "in the folder of that run only. What every column means is on the sheet dictionary of the workbook."
        ),
        section(
            "Which file is which",
            [
                f"{WORKBOOK}: every segment on a sheet of its own.",
                f"{POINT_FOLDER}/: one CSV for each segment, with commas between cells and 1234.56.",
                f"{COMMA_FOLDER}/: the same with semicolons between cells and 1234,56.",
            ],
        ),
        section("Which segment is which", files),
        section("What to know", ["Platforms do not take these files: foretell export --to PLATFORM writes theirs."]),
    ]
    return "\n\n".join(blocks) + "\n"
