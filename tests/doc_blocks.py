"""Fenced blocks of the pages that people read, and what their shell lines say."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "notebooks/README.md", *sorted(ROOT.glob("docs/*.md")))
LANGUAGES = frozenset({"python", "sh", "text", "toml"})
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Block:
    """One fenced block: where it begins, its language and its text."""

    page: str
    line: int
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Its shell lines without comments."""
        lines = (re.sub(r"(^|\s{2,})#.*$", "", line).strip() for line in self.text.splitlines())
        return [line for line in lines if line]


def blocks(path: Path) -> list[Block]:
    """Return the blocks of a page in their order."""
    text = path.read_text(encoding="utf-8")
    name = str(path.relative_to(ROOT))
    return [Block(name, text.count("\n", 0, found.start()) + 1, found[1], found[2]) for found in _FENCE.finditer(text)]


def require_said(shown: str, printed: str) -> None:
    """Find the lines of a page, in order, in what was printed; … stands for lines left out.

    Hashes of models and the last digits of numbers may differ between machines.
    """
    waiting = iter(printed.splitlines())
    for line in shown.splitlines():
        if line.strip() != "…":
            assert any(_alike(line, found) for found in waiting), f"not printed, or not in this order: {line}"


def _alike(shown: str, printed: str) -> bool:
    plain = [re.sub(r"\b[0-9a-f]{16}\b", "HASH", line).rstrip() for line in (shown, printed)]
    if len({_NUMBER.sub("0", line) for line in plain}) > 1:
        return False
    mine, theirs = ([float(number.replace(",", "")) for number in _NUMBER.findall(line)] for line in plain)
    return all(abs(a - b) <= 0.005 * max(abs(a), abs(b)) + 1e-9 for a, b in zip(mine, theirs, strict=True))
