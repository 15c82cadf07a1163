"""The catalogue as a frame and as a page."""

from foretell.features.catalogue import catalogue, catalogue_frame, render_catalogue


def test_frame_has_a_row_per_feature_and_nothing_empty():
    frame = catalogue_frame()
    assert frame["name"].to_list() == [feature.name for feature in catalogue()]
    assert frame.columns == ["name", "family", "unit", "dtype", "meaning", "null_when", "needs", "source"]
    assert not any((frame[name].str.len_chars() == 0).any() for name in frame.columns)


def test_page_in_the_documents_is_current(repository):
    page = repository / "docs" / "features.md"
    remedy = "docs/features.md is not what render_catalogue() returns: write its text there"
    assert page.read_text(encoding="utf-8") == render_catalogue(), remedy


def test_page_names_every_feature():
    page = render_catalogue()
    assert all(f"| `{feature.name}`" in page for feature in catalogue())
