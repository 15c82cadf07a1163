"""Settings come from flags, environment, file and defaults, in that order; every problem comes at once."""

from datetime import datetime
from pathlib import Path

import pytest

from foretell.config.keys import flatten, known_keys
from foretell.config.load import load_settings
from foretell.config.settings import Settings
from foretell.errors import ConfigError


def problems(load, path=None, **given):
    with pytest.raises(ConfigError) as caught:
        load(path, **given)
    assert caught.value.exit_code == 2
    return list(caught.value.problems)


# --- precedence ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "environment", "flag", "days", "source"),
    [
        (False, False, False, 90, "default"),
        (True, False, False, 10, "config file"),
        (True, True, False, 20, "environment"),
        (True, True, True, 30, "flag"),
        (False, True, False, 20, "environment"),
        (True, False, True, 30, "flag"),
    ],
)
def test_flag_beats_environment_beats_file_beats_default(load, write, file, environment, flag, days, source):
    loaded = load(
        write("[horizons]\nchurn_days = 10\n") if file else None,
        environment={"FORETELL__HORIZONS__CHURN_DAYS": "20"} if environment else {},
        flags={"horizons.churn_days": 30} if flag else {},
    )
    assert loaded.settings.horizons.churn_days == days
    assert loaded.sources["horizons.churn_days"] == source


def test_every_key_has_a_source(load):
    assert load().sources == dict.fromkeys(known_keys(), "default")


def test_an_overridden_mistake_is_no_problem(load, write):
    path = write("[horizons]\nchurn_days = 0\n")
    assert load(path, flags={"horizons.churn_days": 5}).settings.horizons.churn_days == 5


def test_defaults_of_a_command_stand_below_the_environment(load):
    loaded = load(defaults={"horizons.clv_days": 180}, environment={})
    assert (loaded.settings.horizons.clv_days, loaded.sources["horizons.clv_days"]) == (180, "default")
    loaded = load(defaults={"horizons.clv_days": 180}, environment={"FORETELL__HORIZONS__CLV_DAYS": "7"})
    assert loaded.settings.horizons.clv_days == 7


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("FORETELL__TRACKING__ENABLED", "False", "tracking.enabled", False),
        ("FORETELL__TRAINING__RUNGS", "pareto", "training.rungs", ("pareto",)),
        ("FORETELL__TRAINING__RUNGS", "pareto, purchase", "training.rungs", ("pareto", "purchase")),
        ("FORETELL__TRAINING__RUNGS", '["pareto"]', "training.rungs", ("pareto",)),
        ("FORETELL__TRAINING__ANNUAL_DISCOUNT_RATE", "1", "training.annual_discount_rate", 1.0),
        ("FORETELL__SCORING__CHURN_BAND_EDGES", "0.2,0.5", "scoring.churn_band_edges", (0.2, 0.5)),
        ("FORETELL__SHOP__NAME", "7", "shop.name", "7"),
        ("FORETELL__SHOP__NAME", "  ", "shop.name", "shop"),
        ("FORETELL_DATA", "somewhere", "shop.name", "shop"),
    ],
)
def test_the_environment_is_read_as_the_type_of_the_setting(load, variable, text, key, value):
    assert flatten(load(environment={variable: text}).settings)[key] == value


def test_the_environment_can_name_the_data(load, tmp_path):
    orders = load(environment={"FORETELL__DATA__ORDERS__PATH": "o.csv"}).settings.data.orders
    assert orders is not None
    assert orders.path == str(tmp_path / "o.csv")


def test_a_flag_that_was_not_given_changes_nothing(load):
    assert load(flags={"tracking.enabled": None}).sources["tracking.enabled"] == "default"


# --- files -----------------------------------------------------------------------------------------------------------


def test_without_a_file_there_are_defaults_and_no_data(load, tmp_path):
    loaded = load()
    assert loaded.config_path is None
    assert loaded.settings.data.orders is None
    assert loaded.settings.folders.models == tmp_path / "models"
    assert loaded.settings.folders.output == tmp_path / "data/exports"


def test_the_working_folder_is_looked_at(load, write):
    path = write("[shop]\nname = 'x'\n")
    assert load().config_path == path
    assert load(discover=False).config_path is None


def test_pyproject_is_a_config_file_too(load, write):
    path = write("[tool.foretell.shop]\nname = 'x'\n", "pyproject.toml")
    assert load(path).settings.shop.name == "x"
    assert load().config_path == path
    write("[shop]\nname = 'y'\n")
    assert load().settings.shop.name == "y"


def test_a_pyproject_of_somebody_else_is_left_alone(load, write):
    path = write("[tool.other]\nname = 'x'\n", "pyproject.toml")
    assert load().config_path is None
    assert problems(load, path) == [f"{path} has no table [tool.foretell]."]


def test_paths_of_a_file_start_at_the_file(load, write, tmp_path):
    text = '[data.orders]\npath = "in/*.csv"\n[folders]\nmodels = "m"\n'
    settings = load(write(text, "deep/foretell.toml"), working_folder=tmp_path / "elsewhere").settings
    assert settings.data.orders is not None
    assert settings.data.orders.path == str(tmp_path / "deep/in/*.csv")
    assert settings.folders.models == tmp_path / "deep/m"
    assert settings.folders.output == tmp_path / "deep/data/exports"


def test_paths_of_flags_and_environment_start_at_the_working_folder(load, write, tmp_path):
    path = write("", "deep/foretell.toml")
    environment = {"FORETELL__FOLDERS__MODELS": "m"}
    settings = load(path, environment=environment, flags={"folders.output": "o"}).settings
    assert (settings.folders.models, settings.folders.output) == (tmp_path / "m", tmp_path / "o")


def test_absolute_and_home_paths_stay(load, write, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    settings = load(write('[folders]\nmodels = "/srv/m"\noutput = "~/o"\n')).settings
    assert (settings.folders.models, settings.folders.output) == (Path("/srv/m"), tmp_path / "me/o")


def test_a_file_with_a_byte_order_mark_reads(load, write):
    path = write("")
    path.write_bytes(b'\xef\xbb\xbf[shop]\nname = "x"\n')
    assert load(path).settings.shop.name == "x"


def test_a_missing_file_says_how_to_make_one(load, tmp_path):
    (problem,) = problems(load, tmp_path / "no.toml")
    assert "There is no config file" in problem
    assert "foretell init" in problem


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[shop]\nname = anna@example.org\n", "is not TOML (at line 2"),
        (b"[shop]\nname = 'caf\xe9'\n", "is not UTF-8"),
        (b"[data.orders]\npath = 'anna.csv'\n# [data.events]\npath = 'b.csv'\n", "there for the second time"),
        (b"[shop]\nname = 'anna'\n[shop]\n", "there for the second time"),
    ],
)
def test_a_broken_file_says_where_and_repeats_nothing(load, write, content, words):
    path = write("")
    path.write_bytes(content)
    (problem,) = problems(load, path)
    assert words in problem
    assert "anna" not in problem


# --- problems --------------------------------------------------------------------------------------------------------


def test_every_problem_comes_at_once(load, write):
    path = write(
        """
        clv_days = 4
        [horizons]
        churn_days = true
        order_dys = 3
        clv_days = 0
        [shop]
        name = 3
        time_zone = "Mars/Olympus"
        [data.orders]
        delimiter = ";;"
        date_format = ["%q"]
        [scoring]
        churn_band_edges = [0.7, 0.3]
        [trainin]
        seed = 4
        """
    )
    found = problems(load, path, environment={"FORETELL__FOLDER__OUTPUT": "x"}, flags={"tracking.enabled": "maybe"})
    assert [problem.split(":")[0] for problem in found] == [
        "clv_days",
        "horizons.order_dys",
        "trainin",
        "folder.output",
        "shop.name",
        "shop.time_zone",
        "data.orders.path",
        "data.orders.delimiter",
        "data.orders.date_format",
        "horizons.clv_days",
        "horizons.churn_days",
        "scoring.churn_band_edges",
        "tracking.enabled",
    ]
    assert "Did you mean 'horizons.clv_days'?" in found[0]
    assert "Did you mean 'horizons.order_days'?" in found[1]
    assert "Did you mean 'training'?" in found[2]
    assert "FORETELL__FOLDER__OUTPUT" in found[3]
    assert "Did you mean 'folders.output'?" in found[3]
    assert found[6].startswith("data.orders.path: is missing; it must be a file, a pattern such as ")
    assert found[9] == "horizons.clv_days: must be a whole number of days from 1 to 10,000, got 0 (foretell.toml)."
    assert found[10].endswith("got true (foretell.toml).")


def test_a_text_in_the_wrong_place_is_not_repeated(load, write):
    orders = '[data.orders]\npath = "o.csv"\ndecimal_comma = "anna@example.org"\n'
    path = write(orders + '[horizons]\nclv_days = "0151 23"\n')
    found = problems(load, path)
    assert [problem.split(":")[0] for problem in found] == ["data.orders.decimal_comma", "horizons.clv_days"]
    assert not any("anna" in problem or "0151" in problem for problem in found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("shop = 3", "shop: must be a section, as in [shop] (foretell.toml)."),
        (
            "[training]\nrungs = []",
            "training.rungs: must be a list of 'boosted', 'purchase' and 'pareto' (foretell.toml).",
        ),
        ("[training]\nrungs = ['purchse']", "training.rungs: holds an unknown model. Did you mean 'purchase'? "),
        ("[training]\nrungs = ['pareto', 'pareto']", "training.rungs: names a model twice."),
        ("[training]\nannual_discount_rate = nan", "training.annual_discount_rate: must be a number from 0 to 10, "),
        ("[training]\nseed = -1", "training.seed: must be a whole number from 0 to 4,294,967,295, got -1"),
        ("[data.orders]\npath = ''", "data.orders.path: must be a file, a pattern"),
        ("[data.orders]\npath = 'x'\nobserved_until = 'soon'", "data.orders.observed_until: 'soon' is not a date."),
        ("[data.orders]\npath = 'x'\ncustomer = 'id'", "data.orders.customer: there is no such setting"),
        ("[data.order]\npath = 'x'", "data.order: there is no such setting (foretell.toml). Did you "),
    ],
)
def test_a_problem_says_key_and_remedy(load, write, text, problem):
    assert problems(load, write(text))[0].startswith(problem)


def test_an_empty_text_means_absent(load, write):
    orders = load(write('[data.orders]\npath = "x"\norder_id = ""\namount = ""\n')).settings.data.orders
    assert orders is not None
    assert orders.order_id is None
    assert orders.amount is None


# --- values ----------------------------------------------------------------------------------------------------------


def test_the_data_section_holds_what_the_reader_takes(load, write):
    orders = load(
        write(
            """
            [data.orders]
            path = "o.csv"
            amount = "Quantity * UnitPrice"
            date_format = ["%d/%m/%Y", "%Y-%m-%d"]
            observed_until = 2011-12-10
            attributes = ["Country"]
            country = "Country"
            """
        )
    ).settings.data.orders
    assert orders is not None
    assert orders.read_arguments() == {
        "customer_id": "customer_id",
        "ordered_at": "ordered_at",
        "amount": "Quantity * UnitPrice",
        "country": "Country",
        "attributes": ("Country",),
        "encoding": "utf8",
        "decimal_comma": False,
        "date_format": ("%d/%m/%Y", "%Y-%m-%d"),
        "observed_until": datetime(2011, 12, 10),
        "drop_duplicates": False,
    }


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Settings().horizons.clv_days = 3


def test_the_loader_does_not_look_at_the_process(monkeypatch, tmp_path):
    monkeypatch.setenv("FORETELL__HORIZONS__CLV_DAYS", "5")
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, environment={}, flags={}).settings.horizons.clv_days == 365
