"""A real PostgreSQL server: orders are read from it, scores written to it, whatever happens to it meanwhile."""

import shutil
from datetime import datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foretell.cli.entry import run
from foretell.config.settings import Settings
from foretell.delivery.database import Destination, write_scores
from foretell.errors import DatabaseUnavailable, DataError
from foretell.jobs.score import score
from foretell.tables.read import read_orders
from postgres_server import postgres_server, programs

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed (make servers)"),
]
SECRET = "hu/shed:pass word"  # noqa: S105  of a server that lives for these tests
AS_OF = datetime(2025, 8, 1)


@pytest.fixture(scope="module")
def port():
    with postgres_server(SECRET) as port:
        yield port


@pytest.fixture
def address(port, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", SECRET)
    return f"postgresql://shop@127.0.0.1:{port}/postgres"


@pytest.fixture
def ask(address):
    """Run one statement; its rows where it has some."""
    import adbc_driver_postgresql.dbapi as driver

    def call(statement):
        with driver.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    return call


@pytest.fixture
def orders_table(ask, orders, address):
    import adbc_driver_postgresql.dbapi as driver

    ask("CREATE SCHEMA IF NOT EXISTS sales")
    with driver.connect(address) as connection:
        with connection.cursor() as cursor:
            cursor.adbc_ingest("orders", orders.to_arrow(), mode="replace", db_schema_name="sales")
            cursor.execute("ALTER TABLE sales.orders ALTER COLUMN total TYPE numeric(18, 4)")
        connection.commit()
    return "sales.orders"


COLUMNS = {"customer_id": "who", "ordered_at": "when", "amount": "total", "order_id": "number"}


def test_a_table_is_the_same_as_the_file(address, orders_table, orders):
    found = read_orders(address, table=orders_table, **COLUMNS)
    assert found.report.rows_in == orders.height
    names = ["customer_id", "ordered_at", "amount_minor", "order_id"]
    rows = [data.orders.select(names).sort(names).collect() for data in (found, read_orders(orders, **COLUMNS))]
    assert_frame_equal(*rows)
    assert found.fingerprint() == read_orders(orders, **COLUMNS).fingerprint()


def test_types_of_postgres_arrive_as_what_they_mean(address):
    query = (
        "SELECT '00000000-0000-0000-0000-00000000000' || (g % 4) AS text_id, "
        "('00000000-0000-0000-0000-00000000000' || (g % 4))::uuid AS id, "
        "timestamptz '2025-01-01 12:00+00' + g * interval '1 day' AS at, (g * 0.0001)::numeric(30, 4) AS paid "
        "FROM generate_series(1, 300000) g"
    ).replace("300000", "2000")
    found = read_orders(
        address, query=query, customer_id="id", ordered_at="at", amount="paid", time_zone="Europe/Berlin"
    )
    rows = found.orders.sort("row_number").collect()
    assert (rows["customer_id"] == rows["text_id"]).all()
    assert rows["amount_minor"].to_list() == list(range(1, 2_001))
    assert rows["ordered_at"][0] == datetime(2025, 1, 2, 13)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT * FROM nowhere", "there is no such table"),
        ("SELEKT hushed", "not SQL that it reads"),
        ("SELECT 'hushed'::int", "SQLSTATE 22P02"),
        ("SELECT 1 / (random()::int * 0) AS hushed", "the answer broke off"),
    ],
)
def test_what_a_query_gets_wrong_is_said_without_its_values(address, query, words):
    with pytest.raises(DataError, match=words) as caught:
        read_orders(address, query=query)
    assert "hushed" not in str(caught.value)


def test_a_wrong_password_and_a_server_that_is_not_there_are_told_apart(address, monkeypatch):
    with pytest.raises(DatabaseUnavailable, match=r"cannot be reached[.] Remedy: try again later"):
        read_orders("postgresql://shop@127.0.0.1:1/postgres", table="orders")
    monkeypatch.setenv("PGPASSWORD", "hushed too")
    with pytest.raises(DataError, match="does not let this user in") as caught:
        read_orders(address, table="orders")
    assert "hushed" not in str(caught.value)


@pytest.mark.parametrize("mode", ["replace", "by_as_of"])
def test_the_job_reads_and_writes_and_a_second_run_changes_nothing(
    address, ask, orders_table, trained_shop, shop_settings, tmp_path, mode
):
    folder = shutil.copytree(trained_shop, tmp_path / "shop")
    text = shop_settings.model_dump_json().replace(str(trained_shop), str(folder))
    settings = Settings.model_validate_json(text)
    read = settings.data.orders.model_copy(update={"path": address, "table": orders_table})
    settings = settings.model_copy(
        update={
            "data": settings.data.model_copy(update={"orders": read}),
            "database": settings.database.model_copy(update={"address": address, "table": f"s_{mode}", "mode": mode}),
        }
    )
    first = score(settings, as_of="2025-08-01")
    assert first.changed
    scores = pl.read_parquet(first.folder / "scores.parquet")
    assert ask(f"SELECT count(*), round(sum(p_alive)::numeric, 6) FROM s_{mode}")[0][0] == scores.height  # noqa: S608
    assert not score(settings, as_of="2025-08-01").changed
    second = score(settings, as_of="2025-08-02")
    expected = second.customers + (first.customers if mode == "by_as_of" else 0)
    assert ask(f"SELECT count(*) FROM s_{mode}") == [(expected,)]  # noqa: S608
    told = b"".join(path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file())
    assert SECRET.encode() not in told
    assert b"shop@127" not in told


def small(rows):
    return pl.DataFrame({"customer_id": [f"c{i}" for i in range(rows)], "as_of": AS_OF, "p_alive": 0.5})


@pytest.mark.parametrize("mode", ["replace", "by_as_of"])
def test_prospects_stand_beside_the_scores(address, ask, mode):
    to = Destination(address, f"people_{mode}", mode)
    people = small(3).with_columns(reason_1=pl.lit(None, pl.String))
    assert write_scores(small(5), to, as_of=AS_OF, content="a", prospects=people)
    assert not write_scores(small(5), to, as_of=AS_OF, content="a", prospects=people)
    assert ask(f"SELECT count(*), count(reason_1) FROM people_{mode}_prospects") == [(3, 0)]  # noqa: S608
    assert write_scores(small(5), to, as_of=AS_OF, content="b", prospects=people.head(2))
    assert ask(f"SELECT count(*) FROM people_{mode}_prospects") == [(2,)]  # noqa: S608


@pytest.mark.parametrize("mode", ["replace", "by_as_of"])
def test_a_database_that_goes_away_while_it_is_written_keeps_the_old_rows(address, ask, monkeypatch, mode):
    to = Destination(address, f"gone_{mode}", mode)
    write_scores(small(5), to, as_of=AS_OF, content="a")
    monkeypatch.setattr("foretell.delivery.database._SLICE_ROWS", 4)
    real, calls = pl.DataFrame.to_arrow, []

    def to_arrow(frame):
        calls.append(frame.height)
        if len(calls) == 3:
            ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query <> ''")
        return real(frame)

    with monkeypatch.context() as patch:
        patch.setattr(pl.DataFrame, "to_arrow", to_arrow)
        with pytest.raises(DatabaseUnavailable, match="Nothing was changed there"):
            write_scores(small(20), to, as_of=AS_OF, content="b")
    assert len(calls) >= 3
    assert ask(f"SELECT count(*) FROM gone_{mode}") == [(5,)]  # noqa: S608
    assert ask(f"SELECT content FROM gone_{mode}_runs") == [("a",)]  # noqa: S608
    assert write_scores(small(20), to, as_of=AS_OF, content="b")
    assert ask(f"SELECT count(*) FROM gone_{mode}") == [(20,)]  # noqa: S608


def test_the_command_says_no_secret(address, capfd, monkeypatch):
    monkeypatch.setenv("FORETELL__DATA__ORDERS__PATH", address.replace("shop@", "shop:hushed@"))
    assert run(["--verbose", "check"]) == 2
    monkeypatch.setenv("FORETELL__DATA__ORDERS__PATH", address)
    monkeypatch.setenv("FORETELL__DATA__ORDERS__TABLE", "nowhere")
    assert run(["--verbose", "check"]) == 3
    told = "".join(capfd.readouterr())
    assert "hushed" not in told
    assert SECRET not in told
    assert "shop@" not in told
