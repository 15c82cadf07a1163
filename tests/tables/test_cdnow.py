"""CDNOW: the counts and sums published with the data, read without importing lifetimes."""

import subprocess
import sys
from datetime import date, datetime
from importlib.metadata import PackageNotFoundError

import polars as pl
import pytest

from foretell.errors import DataError, WindowError
from foretell.tables import cdnow as module
from foretell.tables.cdnow import load_cdnow
from foretell.tables.purchases import purchase_days


def test_the_whole_history(cdnow):
    orders = cdnow.orders.collect()
    assert orders.height == 69_659
    assert orders["customer_id"].n_unique() == 23_570
    assert orders["amount_minor"].sum() == 25_003_156_300  # 2,500,315.63 dollars
    assert (orders["amount_minor"] == 0).sum() == 80
    assert orders["ordered_at"].min() == datetime(1997, 1, 1)
    assert orders["ordered_at"].max() == datetime(1998, 6, 30)
    assert purchase_days(cdnow).collect().height == 67_591


def test_first_rows_as_printed_in_the_file(cdnow):
    first = cdnow.orders.head(4).collect()
    assert first.rows() == [
        (1, "00001", datetime(1997, 1, 1), 117_700, 1),
        (2, "00002", datetime(1997, 1, 12), 120_000, 1),
        (3, "00002", datetime(1997, 1, 12), 770_000, 5),
        (4, "00003", datetime(1997, 1, 2), 207_600, 2),
    ]
    assert first.columns == ["row_number", "customer_id", "ordered_at", "amount_minor", "cds"]


def test_the_sample_is_the_published_one(cdnow_sample):
    # Fader, Hardie and Lee (2005), section 4: 2,357 customers; 946 of them buy again by 1997-09-30
    days = purchase_days(cdnow_sample.before("1997-10-01")).group_by("customer_id").len().collect()
    assert days.height == 2_357
    assert (days["len"] > 1).sum() == 946
    assert cdnow_sample.orders.collect().height == 6_919


def test_the_sample_keeps_rows_of_the_whole(cdnow, cdnow_sample):
    whole, sample = cdnow.orders.collect(), cdnow_sample.orders.collect()
    assert whole.join(sample, on="row_number", how="semi").equals(sample)


def test_the_end_of_observation_is_given(cdnow):
    assert cdnow.observed_until == datetime(1998, 7, 1)
    assert cdnow.before(date(1998, 7, 1)).observed_until == datetime(1998, 7, 1)
    with pytest.raises(WindowError, match="observed_until"):
        cdnow.before("1998-07-02")


def test_everybody_came_in_the_first_quarter(cdnow):
    first = cdnow.orders.group_by("customer_id").agg(pl.col("ordered_at").min()).collect()
    assert first["ordered_at"].max() < datetime(1997, 4, 1)


def test_a_missing_distribution_is_a_named_error(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(module, "distribution", absent)
    with pytest.raises(DataError, match="pip install lifetimes") as caught:
        load_cdnow()
    assert caught.value.exit_code == 3


def test_another_file_is_a_named_error(monkeypatch, tmp_path):
    class Elsewhere:
        def locate_file(self, name):
            return tmp_path / name

    (tmp_path / "lifetimes" / "datasets").mkdir(parents=True)
    path = tmp_path / "lifetimes" / "datasets" / "CDNOW_master.txt"
    path.write_text("customer_id date number_of_cds dollar_value\n 00001 19970101  1   11.77\n not a line\n", "ascii")
    monkeypatch.setattr(module, "distribution", lambda _: Elsewhere())
    with pytest.raises(DataError, match="not the published one"):
        load_cdnow()


def test_lifetimes_and_pandas_are_not_imported():
    program = (
        "import sys; from foretell.tables.cdnow import load_cdnow; load_cdnow(); "
        "print([name for name in ('lifetimes', 'pandas') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
