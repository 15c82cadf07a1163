"""Ten folders of upload files, read by eye once, byte for byte since.

To see what a change does to them: run this file with pytest's ``--basetemp=FOLDER``, look at the new files there, and
copy them here if they are right.
"""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from foretell.delivery.uploads.platforms import PLATFORMS
from foretell.delivery.uploads.readme import render_upload_readme

AS_OF = datetime(2026, 11, 1)
GOLDEN = Path(__file__).parent / "golden"


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.csv")}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_folder_is_the_golden_one(write, platform):
    uploads, folder = write(platform)
    golden = content(GOLDEN / platform)
    assert golden
    assert content(folder / platform) == golden
    readme = render_upload_readme(uploads, PLATFORMS[platform], shop="Corner & Sons", as_of=AS_OF)
    (folder / platform / "README.txt").write_text(readme, encoding="utf-8")
    assert readme == (GOLDEN / platform / "README.txt").read_text(encoding="utf-8")


def test_the_order_of_rows_and_the_company_of_platforms_change_nothing(write, people, audience):
    shuffled = people.sample(fraction=1.0, shuffle=True, seed=3)
    _, folder = write(*PLATFORMS, contacts=shuffled, audiences={"vip": audience.reverse()})
    assert {name: content(folder / name) for name in PLATFORMS} == {name: content(GOLDEN / name) for name in PLATFORMS}


def test_the_counts_of_the_golden_folders_add_up(write):
    uploads, _ = write(*PLATFORMS)
    reasons = uploads.counts.columns[5:]
    accounted = uploads.counts.select(pl.col("written") + pl.sum_horizontal(reasons)).to_series()
    assert accounted.to_list() == uploads.counts["members"].to_list() == [15] * len(PLATFORMS)
