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


def test_what_a_cluster_does_not_learn_is_refused_before_anything_is_read(folder: Path) -> None:
    values = settings(folder, "spark").model_dump(exclude_unset=True)
    values["training"]["tune_trials"] = 3
    values["data"]["events"] = {"path": "events.csv"}
    with pytest.raises(ConfigError, match=r"(?s)orders alone; there is events.*nothing is tuned"):
        train(Settings.model_validate(values))
