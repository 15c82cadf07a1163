"""The catalogue as a frame and as a page."""

from foretell.features.behaviour.available import Available
from foretell.features.catalogue import (
    EVERYTHING,
    catalogue,
    catalogue_frame,
    family_of,
    family_states,
    render_catalogue,
)


def test_frame_has_a_row_per_feature_and_nothing_empty():
    frame = catalogue_frame()
    assert frame["name"].to_list() == [feature.name for feature in catalogue(available=EVERYTHING)]
    assert frame.columns == ["name", "family", "unit", "dtype", "meaning", "null_when", "needs", "source"]
    assert not any((frame[name].str.len_chars() == 0).any() for name in frame.columns)


def test_page_in_the_documents_is_current(repository):
    page = repository / "docs" / "features.md"
    remedy = "docs/features.md is not what render_catalogue() returns: write its text there"
    assert page.read_text(encoding="utf-8") == render_catalogue(), remedy


def test_page_names_every_feature():
    page = render_catalogue()
    assert all(f"| `{feature.name}`" in page for feature in catalogue(available=EVERYTHING))


def test_every_feature_finds_its_family_also_of_columns_and_events_nobody_foresaw():
    assert all(family_of(feature.name) == feature.family for feature in catalogue(available=EVERYTHING))
    assert family_of("profile_favourite_colour") == "profile"
    assert family_of("orders_in_singles_day_newest") == family_of("years_in_singles_day") == "occasions"
    assert family_of("shoe") is None


def test_states_say_which_families_are_on_and_what_the_others_lack():
    events = frozenset(("event", "category"))
    available = Available({"orders": frozenset(("amount",)), "order_lines": frozenset(("brand",)), "events": events})
    states = {state.name: state for state in family_states(available)}
    on = {name for name, state in states.items() if state.is_on}
    of_orders = {"rfm", "rhythm", "windowed", "trend", "calendar"}
    assert on == of_orders | {"assortment", "baskets", "browsing", "carts", "intent", "messages"}
    assert {name: state.missing for name, state in states.items() if name not in on} == {
        "reorder": "a category of the lines",
        "cross_sell": "a category of the lines",
        "profile": "a table of customers",
        "occasions": "a calendar of events",
        "touches": "a source, medium or campaign of them",
    }
    assert states["assortment"].features == 7 < states["assortment"].of
    assert all(state.is_on and not state.missing for state in family_states(EVERYTHING))
