"""Every hostile dump is refused with its line, with a tool's header and without one, cut anywhere."""

from __future__ import annotations

import pytest

from hostile import mysql, postgresql
from hostile.hostile import Hostile, dressed
from python_backup.dump.table import DIALECTS
from python_backup.errors import UnsafeDump

CORPUS = [("mysql", h) for h in (*mysql.HOSTILE, *mysql.SEPARATED)] + [
    ("postgresql", h) for h in postgresql.HOSTILE
]
HONEST = [("mysql", h) for h in mysql.HONEST] + [("postgresql", h) for h in postgresql.HONEST]


def check(family: str, text: bytes, size: int) -> None:
    dialect = DIALECTS[family]
    lexer, guard = dialect.lexer(), dialect.guard("shop")
    for at in range(0, len(text), size):
        for piece in lexer.feed(text[at : at + size]):
            guard.check(piece)
    for piece in lexer.finish():
        guard.check(piece)


def line_of(family: str, text: bytes, size: int) -> int:
    with pytest.raises(UnsafeDump, match=r"\Aline \d+: ") as refused:
        check(family, text, size)
    return int(refused.value.message.partition(":")[0].removeprefix("line "))


@pytest.mark.parametrize("size", [1 << 20, 7], ids=["whole", "cut"])
@pytest.mark.parametrize(("family", "hostile"), CORPUS, ids=[f"{f}: {h.name}" for f, h in CORPUS])
def test_a_hostile_dump_is_refused_with_its_line(family: str, hostile: Hostile, size: int) -> None:
    text, moved = dressed(family, hostile.text)
    assert line_of(family, hostile.text, size) == hostile.line
    assert line_of(family, text, size) == hostile.line + moved


@pytest.mark.parametrize("size", [1 << 20, 7], ids=["whole", "cut"])
@pytest.mark.parametrize(("family", "honest"), HONEST, ids=[f"{f}: {h.name}" for f, h in HONEST])
def test_an_honest_dump_is_not_refused(family: str, honest: Hostile, size: int) -> None:
    check(family, honest.text, size)
    check(family, dressed(family, honest.text)[0], size)


def test_there_are_enough_hostile_dumps_and_no_name_twice() -> None:
    for family in ("mysql", "postgresql"):
        names = [h.name for f, h in CORPUS if f == family]
        assert len(names) >= 60
        assert len(names) == len(set(names))
