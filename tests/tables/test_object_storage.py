"""Objects are read through polars' own reader, from a stand-in for S3 on this machine."""

import io

import polars as pl
import pytest

from foretell.errors import ConfigError, DataError
from foretell.tables.read import read_orders
from object_store import object_store

SECRET = "hushed-key"  # noqa: S105  of a stand-in
TEXT = b"customer_id,ordered_at,amount\n007,2025-01-01,5.50\n008,2025-01-03,7\n"


def parquet(rows):
    content = io.BytesIO()
    rows.write_parquet(content)
    return content.getvalue()


ROWS = pl.DataFrame({"customer_id": ["007", "008"], "ordered_at": ["2025-01-01", "2025-01-03"], "amount": [5.5, 7.0]})
OBJECTS = {
    "orders/a.parquet": parquet(ROWS),
    "orders/b.parquet": parquet(ROWS.with_columns(pl.lit("009").alias("customer_id"))),
    "text/a.csv": TEXT,
    "text/b.tsv": TEXT.replace(b",", b"\t"),
    "text/semicolons.csv": TEXT.replace(b",", b";"),
    "cut/a.parquet": parquet(ROWS)[:200],
}


@pytest.fixture(scope="module")
def store():
    with object_store(OBJECTS) as (address, requests):
        yield address, requests


@pytest.fixture
def requests(store, monkeypatch):
    address, requests = store
    for name, value in {
        "AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": SECRET,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    return requests


@pytest.mark.parametrize("name", ["orders/a.parquet", "text/a.csv", "text/b.tsv"])
def test_an_object_is_the_same_as_the_frame(requests, name):
    found = read_orders(f"s3://shop/{name}")
    assert found.report.rows_in == 2
    assert found.fingerprint() == read_orders(ROWS).fingerprint()
    signed = requests[-1][3]
    assert "Credential=reader/" in signed
    assert SECRET not in str(requests)


@pytest.mark.usefixtures("requests")
def test_a_pattern_reads_all_objects_in_name_order():
    found = read_orders("s3://shop/orders/*.parquet")
    assert found.orders.sort("row_number").collect()["customer_id"].to_list() == ["007", "008", "009", "009"]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://shop/none.parquet", "no parquet object"),
        ("s3://shop/none/*.csv", "no text object"),
        ("s3://shop/cut/a.parquet", "no parquet object"),
        ("s3://shop/text/semicolons.csv", "delimiter=';'"),
    ],
)
@pytest.mark.usefixtures("requests")
def test_what_cannot_be_read_is_named(address, words):
    with pytest.raises(DataError, match=words) as caught:
        read_orders(address)
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("address", "given", "words"),
    [
        ("s3://reader:hushed@shop/a.parquet", {}, "holds a user or a secret"),
        ("s3://shop/orders", {}, "must end in a kind of file"),
        ("s3://shop/a.csv", {"encoding": "cp1252"}, "UTF-8 only"),
    ],
)
def test_addresses_that_cannot_be_meant_are_refused(address, given, words):
    with pytest.raises(ConfigError, match=words) as caught:
        read_orders(address, **given)
    assert "hushed" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.usefixtures("requests")
def test_a_store_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_RETRIES", "0")
    with pytest.raises(DataError, match="AWS_ENDPOINT_URL"):
        read_orders("s3://shop/never.parquet")
