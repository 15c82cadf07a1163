"""docs/cli.md says what the commands say."""

from foretell.cli.commands import root
from foretell.cli.exit_codes import EXIT_CODES
from foretell.cli.reference import render, walk


def test_the_page_is_current(repository):
    page = (repository / "docs/cli.md").read_text(encoding="utf-8")
    assert page == render(), "Write it anew: python -m foretell.cli.reference > docs/cli.md"


def test_the_page_has_every_command_and_exit_code():
    page = render()
    assert all(f"## `{name}`" in page for name, _ in walk(root, "foretell"))
    assert all(f"| {code} | {meaning} |" in page for code, meaning in EXIT_CODES.items())
