"""Check, backtest, registry, init, doctor: what they say, and what they leave behind."""

import shutil
from pathlib import Path

import pytest

from foretell.config.load import load_settings
from foretell.config.settings import Settings
from foretell.errors import ConfigError, ModelNotFound, OutputError
from foretell.jobs.backtest import backtest
from foretell.jobs.check import check
from foretell.jobs.doctor import doctor
from foretell.jobs.registry import promote, rollback, runs
from foretell.jobs.start import start
from foretell.jobs.train import train


def test_check_says_what_was_found_and_what_it_is_good_for(shop_settings: Settings) -> None:
    result = check(shop_settings, as_of="2025-07-01")
    text = "\n".join(result.lines())
    account = result.account
    assert account.rows_in == account.used + account.at_or_after_as_of + account.quarantine.height
    assert f"Customers: {result.customers:,}" in text
    assert "judge churn over 60 days" in text
    assert "private.example" not in text + str(result.as_dict())


def test_backtest_shows_naive_rows_and_lifetimes_beside_the_model(shop_settings: Settings) -> None:
    result = backtest(shop_settings, as_of="2025-07-01")
    rungs = set(result.record["backtest"]["rung"])
    assert rungs == {"purchase", "naive_rate", "naive_gap", "lifetimes_bgnbd"}
    assert result.record["skipped"].is_empty()
    assert sum(line.startswith("Backtest at") for line in result.lines()) == 2


def test_a_dry_training_writes_nothing(shop_settings: Settings, tmp_path: Path) -> None:
    dry = shop_settings.model_copy(
        update={"folders": shop_settings.folders.model_copy(update={"models": tmp_path / "models"})}
    )
    result = train(dry, as_of="2025-05-01", dry_run=True)
    assert "Dry run: nothing was written." in result.lines()
    assert not (tmp_path / "models").exists()


def test_promote_and_roll_back_by_hand(trained_shop: Path, shop_settings: Settings, tmp_path: Path) -> None:
    models = Path(shutil.copytree(trained_shop / "models", tmp_path / "models"))
    settings = shop_settings.model_copy(update={"folders": shop_settings.folders.model_copy(update={"models": models})})
    (version,) = [entry.version for entry in runs(settings).state.entries]
    with pytest.raises(ModelNotFound, match="previous"):
        rollback(settings, why="test", dry_run=True)
    assert f"{version} is champion." in promote(settings, version[:6], why="test").lines()
    assert any(version in line and "champion" in line for line in runs(settings).lines())


def test_training_as_of_an_older_day_says_that_the_newer_champion_stays(
    trained_shop: Path, shop_settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A weekly job ends with 0 and is not watched: what it did not do has to be a warning."""
    models = Path(shutil.copytree(trained_shop / "models", tmp_path / "models"))
    settings = shop_settings.model_copy(update={"folders": shop_settings.folders.model_copy(update={"models": models})})
    (champion,) = [entry.version for entry in runs(settings).state.entries]
    caplog.set_level("WARNING", logger="foretell")
    result = train(settings, as_of="2025-05-01")
    roles = runs(settings).state.roles
    assert (roles["champion"], roles["challenger"]) == (champion, result.model.version)
    assert (
        f"Bundle {result.model.version} was not promoted and stays challenger: trained as of 2025-05-01" in caplog.text
    )
    assert "better than" not in caplog.text
    promote(settings, "challenger", why="test")
    assert runs(settings).state.roles["champion"] == result.model.version


def test_init_makes_a_config_that_loads(tmp_path: Path) -> None:
    assert not start(tmp_path / "shop", dry_run=True).folder.exists()
    result = start(tmp_path / "shop")
    assert (tmp_path / "shop" / "data" / "raw").is_dir()
    assert result.made[0] == "foretell.toml"
    load_settings(tmp_path / "shop" / "foretell.toml", environment={}, flags={})
    with pytest.raises(OutputError, match="not touched"):
        start(tmp_path / "shop")


def test_a_shop_without_orders_is_named() -> None:
    with pytest.raises(ConfigError, match=r"data\.orders"):
        check(Settings())


def test_the_doctor_finds_a_healthy_shop_and_a_sick_one(shop_settings: Settings, tmp_path: Path) -> None:
    assert doctor(shop_settings).healthy, doctor(shop_settings).lines()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "registry.json").write_text("{")
    (tmp_path / "models" / "mlflow.db").write_text("not a database")
    sick = shop_settings.model_copy(
        update={
            "folders": shop_settings.folders.model_copy(update={"models": tmp_path / "models"}),
            "tracking": shop_settings.tracking.model_copy(update={"enabled": True}),
        }
    )
    failed = {finding.what for finding in doctor(sick).findings if not finding.fine}
    assert failed == {"champion", "tracking store"}
