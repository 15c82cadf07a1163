"""Databases as sources and destinations: DuckDB in a file; no secret in an address, no value in an error."""

from datetime import datetime

import duckdb
import polars as pl
import pytest

from foretell.delivery.database import Destination, write_scores
from foretell.errors import ConfigError, DataError, OutputError
from foretell.tables.database_access import passes_with_time, quoted, secret_problem, shown
from foretell.tables.read import read_orders

AS_OF = datetime(2025, 8, 1)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA sales")
        connection.execute("CREATE TABLE sales.orders (who VARCHAR, moment TIMESTAMP, paid DECIMAL(18, 4))")
        connection.execute(
            "INSERT INTO sales.orders SELECT 'c' || (i % 7), TIMESTAMP '2025-01-01' + INTERVAL (i) HOUR, i * 1.25 "
            "FROM range(1000) t(i)"
        )
    return path


COLUMNS = {"customer_id": "who", "ordered_at": "moment", "amount": "paid"}


def test_a_table_and_a_query_are_read_to_the_last_digit(file):
    whole = read_orders(f"duckdb://{file}", table="sales.orders", **COLUMNS)
    assert whole.report.rows_in == whole.report.rows_used == 1_000
    assert whole.orders.select(pl.col("amount_minor").sum()).collect().item() == sum(i * 12_500 for i in range(1_000))
    part = read_orders(f"duckdb://{file}", query="SELECT * FROM sales.orders WHERE paid < 10", **COLUMNS)
    assert part.report.rows_in == 8
    frame = whole.orders.select(who="customer_id", moment="ordered_at", paid=pl.col("amount_minor") / 10_000)
    assert read_orders(frame.collect(), **COLUMNS).fingerprint() == whole.fingerprint()


def test_a_query_without_rows_and_a_table_that_is_not_there_are_named(file):
    with pytest.raises(DataError, match="column names and no row"):
        read_orders(f"duckdb://{file}", query="SELECT * FROM sales.orders WHERE who = 'hushed'", **COLUMNS)
    with pytest.raises(DataError, match="did not answer") as caught:
        read_orders(f"duckdb://{file}", query="SELECT CAST(who AS INT) AS hushed FROM sales.orders", **COLUMNS)
    assert "hushed" not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(DataError, match="cannot be reached"):
        read_orders(f"duckdb://{file}.none", table="orders", **COLUMNS)


@pytest.mark.parametrize(
    ("state", "text", "passes"),
    [
        ("08006", "", True),  # connection failure
        ("53300", "", True),  # too many connections
        ("57P03", "", True),  # starting up
        ("57014", "cancelled by the user", False),
        ("42P01", "there is no table", False),
        (None, 'connection to server at "db", port 5432 failed: Connection refused', True),
        (None, 'could not translate host name "db" to address', True),
        (None, 'FATAL: password authentication failed for user "shop"', False),
        (None, "Cannot open file: No such file or directory", False),
    ],
)
def test_what_passes_with_time_is_told_from_what_needs_a_person(state, text, passes):
    error = OSError(text)
    error.sqlstate = state
    assert passes_with_time(error) is passes


@pytest.mark.parametrize(
    ("source", "given", "words"),
    [
        ("duckdb:///x", {}, "either a query or a table"),
        ("duckdb:///x", {"query": "SELECT 1", "table": "t"}, "either a query or a table"),
        ("postgresql://u:hushed@h/d", {"table": "t"}, "holds a password"),
        ("orders.csv", {"query": "SELECT 1"}, "from a database only"),
        ("duckdb:///x", {"table": "a.b.c.d"}, "one to three names"),
        ("duckdb:///x", {"table": "a\nb"}, "one to three names"),
    ],
)
def test_what_cannot_be_meant_is_refused(source, given, words):
    with pytest.raises(ConfigError, match=words) as caught:
        read_orders(source, **given)
    assert "hushed" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:hushed@h/d",
        "postgres://:hushed@h",
        "postgresql://h/d?user=u&password=hushed",
        "postgresql://h/d?sslpassword=hushed",
    ],
)
def test_a_password_in_an_address_is_refused_and_never_shown(address):
    assert "PGPASSWORD" in secret_problem(address)
    assert "hushed" not in secret_problem(address) + shown(address)
    with pytest.raises(ConfigError) as caught:
        Destination(address)
    assert "hushed" not in str(caught.value)


def test_an_address_without_a_password_is_shown_without_its_user():
    assert secret_problem("postgresql://hushed@h:5/d?sslmode=require&passfile=/run/x") == ""
    assert shown("postgresql://hushed@h:5/d?sslmode=require") == "postgresql://h/d"
    assert "hushed" not in repr(Destination("postgresql://hushed@h/d"))
    assert quoted('a"b.c') == '"a""b"."c"'


def scores(rows=5, as_of=AS_OF):
    return pl.DataFrame({"customer_id": [f"c{i}" for i in range(rows)], "as_of": as_of, "p_alive": 0.5})


def read(file, query):
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("mode", ["replace", "by_as_of"])
def test_scores_are_written_once_and_replaced_whole(file, mode):
    to = Destination(f"duckdb://{file}", "sales.scores", mode)
    assert write_scores(scores(), to, as_of=AS_OF, content="a")
    assert not write_scores(scores(), to, as_of=AS_OF, content="a")
    assert write_scores(scores(3), to, as_of=AS_OF, content="b")
    assert read(file, "SELECT count(*) FROM sales.scores") == [(3,)]
    later = datetime(2025, 8, 2)
    assert write_scores(scores(4, later), to, as_of=later, content="c")
    assert read(file, "SELECT count(*) FROM sales.scores") == [(4 if mode == "replace" else 7,)]
    runs = read(file, "SELECT content, customers FROM sales.scores_runs ORDER BY as_of")
    assert runs == ([("c", 4)] if mode == "replace" else [("b", 3), ("c", 4)])


@pytest.mark.parametrize("mode", ["replace", "by_as_of"])
def test_prospects_stand_beside_the_scores_and_go_with_them(file, mode):
    to, later = Destination(f"duckdb://{file}", "sales.scores", mode), datetime(2025, 8, 2)
    people = scores(2).with_columns(p_first_order_90d=pl.lit(0.25))
    assert write_scores(scores(), to, as_of=AS_OF, content="a")
    assert write_scores(scores(), to, as_of=AS_OF, content="a", prospects=people)
    assert not write_scores(scores(), to, as_of=AS_OF, content="a", prospects=people)
    assert read(file, "SELECT count(*), sum(p_first_order_90d) FROM sales.scores_prospects") == [(2, 0.5)]
    assert write_scores(
        scores(4, later), to, as_of=later, content="c", prospects=people.head(1).with_columns(as_of=later)
    )
    assert read(file, "SELECT count(*) FROM sales.scores_prospects") == [(1 if mode == "replace" else 3,)]
    assert write_scores(scores(4, later), to, as_of=later, content="d")
    tables = {name for (name,) in read(file, "SELECT table_name FROM information_schema.tables")}
    if mode == "replace":
        assert "scores_prospects" not in tables
    else:
        assert read(file, "SELECT DISTINCT as_of FROM sales.scores_prospects") == [(AS_OF,)]


def test_a_failure_while_writing_leaves_the_old_table(file, monkeypatch):
    to = Destination(f"duckdb://{file}", "scores")
    write_scores(scores(), to, as_of=AS_OF, content="a")
    monkeypatch.setattr("foretell.delivery.database._SLICE_ROWS", 2)
    real = pl.DataFrame.to_arrow
    calls = []

    def to_arrow(frame):
        calls.append(frame.height)
        if len(calls) == 3:
            msg = "hushed"
            raise ConnectionError(msg)
        return real(frame)

    monkeypatch.setattr(pl.DataFrame, "to_arrow", to_arrow)
    with pytest.raises(OutputError, match="Nothing was changed there") as caught:
        write_scores(scores(9), to, as_of=AS_OF, content="b")
    assert "hushed" not in str(caught.value)
    assert read(file, "SELECT count(*) FROM scores") == [(5,)]
    assert write_scores(scores(9), to, as_of=AS_OF, content="b")
    assert read(file, "SELECT count(*) FROM scores") == [(9,)]
