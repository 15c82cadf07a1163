"""A config file in a folder of its own, and the loader that reads it."""

import pytest

from foretell.config.load import load_settings


@pytest.fixture
def write(tmp_path):
    """Write a foretell.toml and return its path."""

    def writing(text, name="foretell.toml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return writing


@pytest.fixture
def load(tmp_path):
    """Load with nothing but what the test gives, from a working folder of its own."""

    def loading(path=None, *, environment=None, flags=None, **others):
        others.setdefault("working_folder", tmp_path)
        return load_settings(path, environment=environment or {}, flags=flags or {}, **others)

    return loading
