"""The lookalike job: lists of seeds in any spelling, one whole folder, the same again changes nothing."""

import hashlib
import json

import numpy as np
import polars as pl
import pytest

from foretell.config.audience_settings import audience_size
from foretell.config.settings import Settings
from foretell.delivery.manifest import is_whole
from foretell.delivery.uploads.hashing import digests
from foretell.errors import ColumnMismatch, ConfigError, TooFewSeeds
from foretell.jobs.lookalike import lookalike
from foretell.jobs.seed_files import read_list
from foretell.tables.keyed_file import read_keyed_file

ROWS = 400
AS_OF = "2026-11-01"
pytestmark = pytest.mark.filterwarnings("ignore::foretell.errors.DataWarning")


@pytest.fixture(scope="module")
def pool():
    rng = np.random.default_rng(1)
    love = rng.normal(size=ROWS)
    return pl.DataFrame(
        {
            "member": [f"=M{number:03}" for number in range(ROWS)],
            "email": [f"Member{number}@Private.example " for number in range(ROWS)],
            "visits": rng.poisson(np.exp(1 + love)),
            "zip": [f"0{number % 7}" for number in range(ROWS)],
            "club": np.where(love + rng.normal(size=ROWS) > 0, "yes", "no"),
            "age": rng.integers(18, 90, ROWS),
            "love": love,
        }
    )


@pytest.fixture(scope="module")
def seeds(pool):
    return pool.filter(pl.col("love") > 0.8).head(20).select("member", value=pl.lit(3.0))


@pytest.fixture
def settings_for(pool, seeds, tmp_path):
    pool.drop("love").write_csv(tmp_path / "pool.csv")
    seeds.write_csv(tmp_path / "seeds.csv")

    def make(**asked):
        given = {"pool": tmp_path / "pool.csv", "seeds": tmp_path / "seeds.csv", "key": "member", **asked}
        return Settings.model_validate({"lookalike": given, "folders": {"output": tmp_path / "out"}})

    return make


@pytest.mark.filterwarnings("ignore::foretell.errors.SmallSampleWarning")
def test_a_folder_is_published_whole_and_only_once(settings_for, pool, seeds, tmp_path):
    pool.head(30).select("member").write_csv(tmp_path / "exclude.csv")
    settings = settings_for(weights="value", exclude=tmp_path / "exclude.csv", size="10%")
    assert lookalike(settings, as_of=AS_OF, dry_run=True).folder is None
    assert not (tmp_path / "out").exists()
    result = lookalike(settings, as_of=AS_OF)
    assert result.folder == tmp_path / "out" / "lookalikes" / AS_OF
    assert is_whole(result.folder)
    ranking = pl.read_parquet(result.folder / "lookalikes.parquet")
    gone = set(seeds["member"]) | set(pool["member"].head(30))
    assert set(ranking["customer_id"]) == set(pool["member"]) - gone
    audience = pl.read_csv(result.folder / "audience.csv")
    assert audience.height == round(ranking.height / 10)
    # a spreadsheet would run =M001 as a formula
    assert audience["customer_id"].str.starts_with("'=M").all()
    card = json.loads((result.folder / "model_card.json").read_text())
    assert card["left_out"]["age"] == "is a sensitive attribute"
    assert {row["column"] for row in card["audit"]} == {"age"}
    readme = (result.folder / "README.txt").read_text()
    assert "20 of 20 seeds were found" in readme
    assert "age, up to" in readme
    for path in result.folder.iterdir():
        assert b"private.example" not in path.read_bytes().lower()
    assert not lookalike(settings, as_of=AS_OF).changed


def test_seeds_by_hashed_address_are_the_same_seeds(pool, seeds, tmp_path):
    chosen = pool.join(seeds, on="member", how="semi")
    plain = chosen["email"].str.strip_chars().str.to_lowercase()
    hashed = [hashlib.sha256(text.encode()).hexdigest().upper() for text in plain]
    pl.DataFrame({"hash": [*hashed, "ab" * 32]}).write_csv(tmp_path / "hashed.csv")
    pl.DataFrame({"email": [*plain.str.to_uppercase(), "Stranger@private.example"]}).write_csv(tmp_path / "mail.csv")
    pl.DataFrame({"id": [*chosen["member"], "nobody"]}).write_csv(tmp_path / "ids.csv")
    for name, by in (("hashed", "hashed email"), ("mail", "email"), ("ids", "key")):
        found = read_list(tmp_path / f"{name}.csv", pool, "member", what="seeds")
        assert found.matched_by == by
        assert found.rows["member"].to_list() == chosen["member"].to_list()
        assert found.unmatched["row_number"].to_list() == [21]
        assert "@" not in found.unmatched["seed"][0]
    stranger = digests(pl.Series(["stranger@private.example"]))[0]
    assert read_list(tmp_path / "mail.csv", pool, "member", what="seeds").unmatched["seed"][0] == stranger
    with pytest.raises(ColumnMismatch, match="no column 'email'"):
        read_list(tmp_path / "hashed.csv", pool.drop("email"), "member", what="seeds")


def test_what_cannot_be_run_is_said_before_anything_is_read(settings_for, tmp_path):
    for asked in ({"seeds": None}, {"seed_rule": "clv_percentile > 95"}):
        with pytest.raises(ConfigError, match=r"neither is given|both is given"):
            lookalike(settings_for(**asked), as_of=AS_OF)
    with pytest.raises(ConfigError, match="--as-of"):
        lookalike(settings_for())
    pl.DataFrame({"member": ["=M001", "=M002"]}).write_csv(tmp_path / "two.csv")
    with pytest.raises(TooFewSeeds, match="2 of 2 seeds"):
        lookalike(settings_for(seeds=tmp_path / "two.csv"), as_of=AS_OF)
    assert not (tmp_path / "out").exists()


def test_sizes_are_shares_or_numbers():
    assert [audience_size(text) for text in ("1%", "2.5 %", "500", 7)] == [0.01, 0.025, 500, 7]
    for text in ("0", "0%", "11%", "5 percent", "-3", "1.5"):
        with pytest.raises(ValueError, match="1% to 10%"):
            audience_size(text)


def test_columns_of_a_text_file_get_the_type_of_all_their_values(tmp_path):
    (tmp_path / "pool.csv").write_text("key,zip,n,x,flag,mixed,empty\n1, 01,1,1.5,true,1,\n2,22,,2,FALSE,b,\n")
    frame = read_keyed_file(tmp_path / "pool.csv", table="pool", texts=("key",))
    assert dict(frame.schema) == {
        "key": pl.String, "zip": pl.String, "n": pl.Int64, "x": pl.Float64, "flag": pl.Boolean, "mixed": pl.String,
        "empty": pl.String,
    }  # fmt: skip
    assert frame.row(0) == ("1", "01", 1, 1.5, True, "1", None)


@pytest.mark.slow
def test_seeds_by_a_rule_over_scores_leave_its_columns_out(shop_settings, tmp_path):
    asked = {"seed_rule": "clv_percentile > 90", "size": 25}
    settings = shop_settings.model_copy(
        update={
            "lookalike": type(shop_settings.lookalike).model_validate(asked),
            "folders": shop_settings.folders.model_copy(update={"output": tmp_path}),
        }
    )
    result = lookalike(settings, as_of="2025-07-01")
    assert result.run.seeds.matched_by == "rule"
    assert result.run.audience.height == 25
    assert "spend_total" in result.run.left_out
    assert "clv_percentile" not in result.run.features
    wrong = settings.model_copy(update={"lookalike": settings.lookalike.model_copy(update={"seed_rule": "clv > 9"})})
    with pytest.raises(ConfigError, match="there is no score 'clv'"):
        lookalike(wrong, as_of="2025-07-01")
