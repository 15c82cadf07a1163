"""Jobs read every table that the settings name, and account for each."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from foretell.config.settings import Settings
from foretell.errors import DataError, DataWarning
from foretell.jobs.check import check
from foretell.jobs.doctor import doctor
from foretell.jobs.inputs import read_shop
from foretell.jobs.score import score
from foretell.jobs.segments import list_segments

EMAIL = "@private.example"
TABLES = {
    "events": {"customer_id": "who", "occurred_at": "at", "event": "what", "event_names": {"put in bag": "cart"}},
    "customers": {"customer_id": "who", "stable_attributes": ("town",)},
    "calendar": {},
}


@pytest.fixture
def settings(trained_shop: Path, shop_settings: Settings, tmp_path: Path) -> Settings:
    folder = Path(shutil.copytree(trained_shop, tmp_path / "shop"))
    some = pl.read_csv(folder / "orders.csv")["who"].unique().sort().head(3).to_list()
    pl.DataFrame(
        {
            "who": [*some, "stranger" + EMAIL, None],
            "at": ["2025-06-01", "2025-06-02 08:00", "2025-08-01", "2025-06-03", "2025-06-04"],
            "what": ["view", "Put in bag", "view", "view", "view"],
        }
    ).write_csv(folder / "events.csv")
    pl.DataFrame({"who": some, "town": ["x", "y", None], "email": some}).write_csv(folder / "customers.csv")
    pl.DataFrame({"event": ["sale"], "starts_on": ["2025-11-28"]}).write_csv(folder / "calendar.csv")
    values = json.loads(shop_settings.model_dump_json().replace(str(trained_shop), str(folder)))
    values["data"] |= {name: {"path": str(folder / f"{name}.csv"), **keys} for name, keys in TABLES.items()}
    return Settings.model_validate_json(json.dumps(values))


def test_the_settings_reach_the_reader(settings: Settings) -> None:
    data = read_shop(settings)
    assert data.optional.names == ("events", "customers", "calendar")
    assert data.optional.stable_attributes == ("town",)
    assert data.optional.events is not None
    assert data.optional.events.collect()["event"].to_list() == ["view", "cart", "view", "view"]


def test_check_prints_every_table_and_what_it_switches_on(settings: Settings) -> None:
    result = check(settings, as_of="2025-08-01")
    lines = result.lines()
    assert "Table events: 3 rows; 3 customers, 2 (67%) with orders; 2025-06-01 to 2025-06-03" in lines
    assert "Table customers: 3 rows; 3 customers, 2 (67%) with orders" in lines
    assert "Table calendar: 1 rows; 2025-11-28 to 2025-11-28" in lines
    assert "  events: 5 in = 3 used + 1 at or after as_of + 1 quarantined" in lines
    assert "  quarantined: events.customer_id_missing 1" in lines
    assert any(line.startswith("note: events: 1 rows have no customer id") for line in lines)
    assert any(line.split() == ["rfm", "21", "21"] for line in lines)
    facts = result.as_dict()
    assert facts["rows"]["tables"]["events"] == {"rows_in": 5, "used": 3, "at_or_after_as_of": 1, "quarantined": 1}
    assert EMAIL not in json.dumps(facts, default=str) + "\n".join(lines)


def test_a_published_run_accounts_for_every_table(settings: Settings) -> None:
    result = score(settings, as_of="2025-08-01")
    assert result.folder is not None
    counts = json.loads((result.folder / "run.json").read_text())["counts"]
    assert set(counts["tables"]) == {"orders", "events", "customers", "calendar"}
    for fate in ("rows_in", "used", "at_or_after_as_of", "quarantined"):
        assert counts[fate] == sum(table[fate] for table in counts["tables"].values())
    quarantine = pl.read_csv(result.folder / "quarantine.csv")
    assert quarantine.filter(pl.col("table") == "events").rows() == [
        (5, "events", "customer_id", "customer_id_missing")
    ]
    assert "events: 1 rows have no customer id" in (result.folder / "README.txt").read_text().replace("\n", " ")


def test_events_that_change_are_another_input(settings: Settings) -> None:
    score(settings, as_of="2025-08-01")
    assert settings.data.events is not None
    assert settings.data.customers is not None
    people, events = Path(settings.data.customers.path), Path(settings.data.events.path)
    people.write_text(people.read_text().replace(EMAIL + "\n", ".other" + EMAIL + "\n"))
    assert not score(settings, as_of="2025-08-01").changed
    events.write_text(events.read_text().replace("Put in bag", "Wrapped"))
    with pytest.warns(DataWarning, match="1 events have one of 1 names"):
        assert score(settings, as_of="2025-08-01").changed


def test_the_problems_of_all_tables_are_told_at_once_and_doctor_looks_for_each(settings: Settings) -> None:
    assert settings.data.calendar is not None
    Path(settings.data.calendar.path).write_text("event,starts\nsale,2025-11-28\n")
    assert settings.data.events is not None
    Path(settings.data.events.path).unlink()
    with pytest.raises(DataError) as error:
        check(settings)
    assert [violation.table for violation in error.value.violations] == ["events", "calendar"]
    assert any("mend data.events.path" in finding.said for finding in doctor(settings).findings)


def test_buckets_publish_the_same_of_every_table(settings: Settings) -> None:
    values = json.loads(settings.model_dump_json())
    published = []
    for engine in ("frame", "buckets"):
        values["scoring"]["engine"] = engine
        values["folders"]["output"] = f"{settings.folders.output}-{engine}"
        result = score(Settings.model_validate_json(json.dumps(values)), as_of="2025-08-01")
        assert result.folder is not None
        published.append((json.loads((result.folder / "manifest.json").read_bytes())["content"], result.lines()[:8]))
    assert published[0] == published[1]


def test_segments_by_country_read_the_customers_table_where_orders_hold_no_countries(
    trained_shop: Path, shop_settings: Settings, tmp_path: Path
) -> None:
    def settings(name: str, orders: pl.DataFrame, **columns: str) -> Settings:
        folder = Path(shutil.copytree(trained_shop, tmp_path / name))
        orders.write_csv(folder / "orders.csv")
        countries = pl.when(pl.col("who").hash(1) % 3 == 0).then(pl.lit("CH")).otherwise(pl.lit("DE"))
        orders.select("who").unique().sort("who").with_columns(country=countries).write_csv(folder / "customers.csv")
        (folder / "segments").mkdir()
        own = '[[segments]]\nname = "{0}"\nlike = "{0}"\nparameters = {{country = "CH"}}\n'
        own = own.format("in_country") + own.format("outside_country")
        (folder / "segments" / "own.toml").write_text(own, encoding="utf-8")
        values = json.loads(shop_settings.model_dump_json(exclude_unset=True).replace(str(trained_shop), str(folder)))
        values["data"]["orders"] |= columns
        path = str(folder / "customers.csv")
        values["data"]["customers"] = {"path": path, "customer_id": "who", "country": "country"}
        values["segments"] = {"folder": str(folder / "segments"), "ready": []}
        return Settings.model_validate_json(json.dumps(values))

    orders = pl.read_csv(trained_shop / "orders.csv")
    for name, frame, columns, read in (
        ("by_customer", orders, {}, "profile_country"),
        ("by_order", orders.with_columns(land=pl.lit("CH")), {"country": "land"}, "last_order_country"),
    ):
        asked = settings(name, frame, **columns)
        folder = score(asked, as_of="2025-08-01").folder
        assert folder is not None
        scored = set(pl.read_parquet(folder / "scores.parquet")["customer_id"])
        table = pl.read_csv(asked.data.customers.path if asked.data.customers else "")
        swiss = set(table.filter(pl.col("country") == "CH")["who"]) & scored if name == "by_customer" else scored
        found = {one: pl.read_csv(folder / "segments" / f"{one}.csv") for one in ("in_country", "outside_country")}
        assert set(found["in_country"]["customer_id"]) == swiss
        assert set(found["outside_country"]["customer_id"]) == scored - swiss
        assert read in found["in_country"].columns
        (tmp_path / name / "orders.csv").unlink()  # what was published is enough to list them
        rows = {row["name"]: row for row in list_segments(asked).rows}
        assert rows["in_country"]["rule"] == f"{read} = 'CH'"
        assert rows["in_country"]["customers"] == len(swiss)
