"""The project's Markdown as tests read it: tables, fenced blocks, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block: its language, its text, and the comment ``<!-- … -->`` right before it."""

    language: str
    text: str
    marker: str | None


def read(name: str) -> str:
    """A file's text, by its path in the checkout."""
    return (CHECKOUT / name).read_text(encoding="utf-8")


def documents() -> list[str]:
    """Every document, by its path in the checkout."""
    paths = [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")]
    return sorted(str(path.relative_to(CHECKOUT)) for path in paths)


def section(text: str, heading: str) -> str:
    """What stands under a heading (given with its ``#``), up to the next of its rank or higher."""
    rank = len(heading) - len(heading.lstrip("#"))
    before, found, after = f"\n{text}".partition(f"\n{heading}\n")
    assert found, f"no heading {heading!r} in {before[:60]!r}…"
    return re.split(rf"^#{{1,{rank}}} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row in the text, without heads and rulers."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    bare = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rulers = {i for i, cells in enumerate(bare) if all(set(cell) <= {"-", ":"} for cell in cells)}
    return [cells for i, cells in enumerate(bare) if i not in rulers and i + 1 not in rulers]


def marked(text: str, marker: str) -> str:
    """What stands after the comment ``<!-- marker -->``, up to the next heading."""
    found = text.partition(f"<!-- {marker} -->")[2]
    assert found, f"no marker {marker!r}"
    return re.split(r"^#+ ", found, maxsplit=1, flags=re.MULTILINE)[0]


def fences(text: str) -> list[Fence]:
    """The fenced blocks, in order."""
    found = re.finditer(
        r"(?:<!-- (?P<marker>[^\n]*?) -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
        text,
        re.MULTILINE | re.DOTALL,
    )
    return [Fence(match["language"], match["text"], match["marker"]) for match in found]


def code(text: str) -> list[str]:
    """The code spans of a text."""
    return re.findall(r"`([^`]+)`", text)


def links(text: str) -> list[str]:
    """The targets of all links, but for those within fenced blocks."""
    bare = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", bare)


def anchors(text: str) -> set[str]:
    """The anchors that a forge makes of the headings."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
