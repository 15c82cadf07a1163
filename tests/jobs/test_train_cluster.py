"""Jobs that train on a cluster register what jobs in one piece register, say the same, and refuse what they cannot."""

from pathlib import Path

import polars as pl
import pytest

from foretell.config.settings import Settings
from foretell.errors import ConfigError, DataError
from foretell.jobs.train import TrainResult, train
from jobs.conftest import settings_of

pytestmark = pytest.mark.spark

FORGOTTEN = 5


def settings(folder: Path, engine: str, **data: object) -> Settings:
    values = settings_of(folder).model_dump(exclude_unset=True)
    values["training"]["engine"] = engine
    values["folders"]["models"] = folder / f"models-{engine}"
    values["data"]["orders"] |= data
    values["privacy"] = {"forget": folder / "forget.csv"}
    return Settings.model_validate(values)


@pytest.fixture(scope="module")
def folder(orders: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Orders of which some cannot be read, some were given back, some have no order, and some are to be forgotten."""
    made = tmp_path_factory.mktemp("cluster")
    back = orders.sample(200, seed=2).with_columns(-pl.col("total"), pl.col("when") + pl.duration(days=3))
    alone = orders.head(3).with_columns(
        who=pl.lit("alone@private.example"), total=-pl.col("total"), number=pl.lit(None)
    )
    texts = pl.concat([orders, back, alone]).with_columns(pl.col("when").dt.to_string("%Y-%m-%d %H:%M:%S"))
    broken = texts.head(4).with_columns(when=pl.lit("soon"))
    pl.concat([texts, broken]).sample(fraction=1.0, shuffle=True, seed=3).write_csv(made / "orders.csv")
    (made / "orders").mkdir()
    pl.read_csv(made / "orders.csv", infer_schema=False).write_parquet(made / "orders" / "part.parquet")
    lines = orders.filter(pl.int_range(pl.len()) % 3 > 0).select(
        order_id="number", sku=pl.format("p{}", pl.int_range(pl.len()) % 7), category=pl.lit("tea")
    )
    lines.write_csv(made / "lines.csv")
    visits = orders.select(visitor="who", at=pl.col("when") - pl.duration(days=20), event=pl.lit("view"))
    strangers = visits.head(60).with_columns(visitor=pl.format("v{}", pl.int_range(pl.len())))
    pl.concat([visits, strangers]).write_parquet(made / "events.parquet")
    people = orders.select(customer_id=pl.col("who").unique().sort())
    country = pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("DE")).otherwise(pl.lit("SE"))
    people.with_columns(country=country, email="customer_id").write_csv(made / "people.csv")
    (made / "calendar.csv").write_text("event,starts_on,ends_on\nsale,2025-03-01,2025-03-09\n")
    ids = orders["who"].unique().sort().head(FORGOTTEN)
    pl.DataFrame({"customer_id": "  " + ids}).write_csv(made / "forget.csv")
    return made


def told(result: TrainResult) -> tuple[list[str], dict[str, object]]:
    """What was said, notes aside: row numbers count without the forgotten, and some notes take all rows at once."""
    lines = [line for line in result.lines() if not line.startswith("note:")]
    return lines, {**result.as_dict(), "notes": None}


@pytest.mark.usefixtures("spark")
def test_two_trainings_register_the_same_bundles_and_are_judged_alike(folder: Path) -> None:
    """The second is compared with the champion that the first one left."""
    for as_of, path in (("2025-03-01", folder / "orders.csv"), ("2025-09-01", folder / "orders")):
        here = train(settings(folder, "frame", path=str(path)), as_of=as_of)
        there = train(settings(folder, "spark", path=str(path)), as_of=as_of)
        assert told(there) == told(here)
        assert there.model.version == here.model.version
        assert there.account.reasons()["refund_without_order"] >= 3
        assert {note.code for note in there.notes} >= {"forgotten", "ordered_at_unreadable"}
        assert there.model.bundle.card["training"]["people_on_the_erasure_list"] == FORGOTTEN
    assert any("than champion" in reason for reason in there.decision.reasons)


@pytest.mark.usefixtures("spark")
def test_tables_beside_orders_are_learnt_from_and_people_are_forgotten_in_all_of_them(folder: Path) -> None:
    results = []
    for engine in ("frame", "spark"):
        values = settings(folder, engine, path=str(folder / "orders")).model_dump(exclude_unset=True)
        values["folders"]["models"] = folder / f"models-of-tables-{engine}"
        values["data"] |= {
            "order_lines": {
                # Its orders have the name that needs no mapping.
                "path": str(folder / "lines.csv"),
                "product_id": "sku",
                "category": "category",
            },
            "events": {"path": str(folder / "events.parquet"), "customer_id": "visitor", "occurred_at": "at"},
            "customers": {"path": str(folder / "people.csv"), "country": "country", "email": "email"},
            "calendar": {"path": str(folder / "calendar.csv")},
        }
        results.append(train(Settings.model_validate(values), as_of="2025-09-01"))
    here, there = results
    assert told(there) == told(here)
    assert there.model.version == here.model.version
    assert len(there.account.table_lines()) == 5
    assert there.model.bundle.statistics.names["profile_country"] == ("DE", "SE")
    assert there.model.bundle.card["prospects"]["state"] == "on"


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        pytest.param({"path": "postgresql://user@host/shop"}, ConfigError, "database.*Parquet", id="database"),
        pytest.param({"path": "/nowhere/orders.parquet"}, DataError, "no such file.*all nodes", id="no file"),
        pytest.param({"encoding": "cp1252"}, ConfigError, "encoding cp1252.*UTF-8", id="encoding"),
        pytest.param(
            {"customer_id": "upper(who)"}, ConfigError, "forgotten.*engine 'frame'", id="forget by expression"
        ),
    ],
)
def test_what_a_cluster_cannot_read_is_refused_with_the_remedy(folder, changed, error, said) -> None:
    with pytest.raises(error, match=rf"(?s){said}") as refused:
        train(settings(folder, "spark", **changed), as_of="2025-07-01")
    assert "@private" not in str(refused.value)


@pytest.mark.usefixtures("spark")
def test_a_row_with_too_many_fields_is_refused_without_its_words(folder: Path, tmp_path: Path) -> None:
    text = (folder / "orders.csv").read_text()
    (tmp_path / "orders.csv").write_text(text + "who@private.example,2025-01-01,1.0,7,9,11\n")
    with pytest.raises(DataError, match="fields") as refused:
        train(settings(folder, "spark", path=str(tmp_path / "orders.csv")), as_of="2025-07-01")
    assert "@private" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_what_cannot_be_tuned_is_refused_before_anything_is_read(folder: Path) -> None:
    values = settings(folder, "spark").model_dump(exclude_unset=True)
    values["training"]["tune_trials"] = 3
    with pytest.raises(ConfigError, match="Only the rung 'boosted'"):
        train(Settings.model_validate(values))
