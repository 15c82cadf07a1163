"""The sample config file reads, validates, and shows every key with its default."""

import re

import pytest

from foretell.config.keys import flatten, known_keys
from foretell.config.template import render_template


def test_the_sample_reads_and_validates(load, write):
    loaded = load(write(render_template()))
    assert loaded.settings.shop.name == "My shop"
    assert loaded.settings.data.orders is not None


def test_the_sample_with_every_line_in_use_validates(load, write):
    text = re.sub(r"^# (?=\w+ = |\[)", "", render_template(), flags=re.MULTILINE)
    loaded = load(write(text))
    assert set(loaded.sources.values()) == {"config file"}


def test_the_sample_shows_defaults(load, write):
    text = re.sub(r"^# (?=\w+ = |\[)", "", render_template(), flags=re.MULTILINE)
    shown = flatten(load(write(text)).settings)
    for key, value in flatten(load(write("[data.orders]\npath = 'data/raw/orders.csv'\n")).settings).items():
        if value is not None and key != "shop.name":
            assert shown[key] == value, key


@pytest.mark.parametrize("key", known_keys())
def test_every_key_says_what_it_means_and_allows(key):
    field = known_keys()[key]
    assert field.description
    assert isinstance(field.json_schema_extra, dict)
    assert field.json_schema_extra["allowed"]
    assert key.rpartition(".")[2] + " = " in render_template()


def test_lines_are_short():
    assert max(len(line) for line in render_template().splitlines()) <= 120


def test_the_data_keys_are_the_arguments_of_the_reader():
    import inspect

    from foretell.tables.read import read_orders
    from foretell.tables.schema import ORDERS

    takes = set(inspect.signature(read_orders).parameters) - {"source", "columns", "time_zone"} | set(ORDERS.names)
    assert keys_of("orders") == takes | {"path"}


@pytest.mark.parametrize("name", ["order_lines", "events", "customers", "calendar", "places"])
def test_the_keys_of_the_other_tables_are_the_arguments_of_their_sources(name):
    from foretell.tables.optional_reading import known_arguments

    assert keys_of(name) == set(known_arguments(name)) - {"time_zone"} | {"path"}


def keys_of(table):
    return {key.removeprefix(f"data.{table}.") for key in known_keys() if key.startswith(f"data.{table}.")}
