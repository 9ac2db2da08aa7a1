"""Every test that docs/surprises.md names is there."""

from __future__ import annotations

import re

from support.markdown import CHECKOUT, code, read, rows


def test_every_surprise_names_its_test_and_every_test_exists() -> None:
    named = [code(cells[-1]) for cells in rows(read("docs/surprises.md"))]
    assert [names for names in named if len(names) != 1] == []
    tests = {
        name
        for path in (CHECKOUT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {names[0] for names in named} - tests == set()
