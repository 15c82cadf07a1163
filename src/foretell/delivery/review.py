"""Segments as files that a person reads: one workbook, and CSVs for spreadsheets with a decimal comma."""

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from foretell.delivery.csv_files import MONEY_DECIMALS, write_csv
from foretell.delivery.published import PublishedRun, segment_frame
from foretell.delivery.workbook import write_workbook

REVIEW = "review"
WORKBOOK = "segments.xlsx"
COMMA_FOLDER = "csv-decimal-comma"
POINT_FOLDER = "csv"


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
        ``csv/<name>.csv`` and ``csv-decimal-comma/<name>.csv``.

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
    return tuple(names)
