"""docs/restore.md beside the rewriters and guards."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from types import ModuleType

import pytest

from python_backup.dump.dialect import Dialect
from python_backup.dump.mysql import bridging as mysql_bridging
from python_backup.dump.mysql import definers as mysql_definers
from python_backup.dump.mysql import rewriter as mysql_rewriter
from python_backup.dump.mysql.dialect import MysqlDialect
from python_backup.dump.postgresql import bridging as postgresql_bridging
from python_backup.dump.postgresql import rewriter as postgresql_rewriter
from python_backup.dump.postgresql.dialect import PostgreSQLDialect
from python_backup.errors import UnsafeDump
from support.markdown import code, fences, marked, read, rows

DOCUMENT = "docs/restore.md"
REWRITERS = {
    "mysql": (mysql_rewriter, mysql_definers, mysql_bridging),
    "postgresql": (postgresql_rewriter, postgresql_bridging),
}
RETURNED = {"_dropped": "", "left_out": " left out", "_acl": " left out"}
"""Functions that give kinds, and the words that their caller puts behind."""
DIALECTS: dict[str, Dialect] = {"mysql": MysqlDialect(), "postgresql": PostgreSQLDialect()}


def _documented(family: str) -> list[str]:
    return [code(cells[0])[0] for cells in rows(marked(read(DOCUMENT), f"changes: {family}"))]


def _kinds(modules: Iterable[ModuleType]) -> Iterator[str]:
    """A pattern for each kind of change that the rewriter's source names."""
    for node in (node for module in modules for node in ast.walk(ast.parse(inspect.getsource(module)))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Change":
            yield from _patterns(node.args[0])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "add" and "changes" in ast.unparse(node.func):
                yield from _patterns(node.args[0])
            elif node.func.attr == "_leave_out":
                yield from (f"{kind} left out" for kind in _patterns(node.args[0]))
        elif isinstance(node, ast.FunctionDef) and node.name in RETURNED:
            yield from (kind + RETURNED[node.name] for kind in _returned(node))


def _returned(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            yield from _patterns(node.value)


def _patterns(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield re.escape(text)
        case ast.JoinedStr(values=parts):
            texts = ["" if isinstance(p, ast.FormattedValue) else str(getattr(p, "value", "")) for p in parts]
            if texts != ["", " left out"]:  # `_leave_out` itself
                yield "".join(re.escape(text) if text else r"\w+" for text in texts)
        case ast.IfExp(body=body, orelse=otherwise):
            yield from _patterns(body)
            yield from _patterns(otherwise)


@pytest.mark.parametrize("family", REWRITERS)
def test_every_kind_of_change_in_the_code_is_in_the_table(family: str) -> None:
    documented = _documented(family)
    kinds = set(_kinds(REWRITERS[family]))
    assert {kind for kind in kinds if not any(re.fullmatch(kind, d) for d in documented)} == set()


@pytest.mark.parametrize("family", REWRITERS)
def test_every_kind_of_change_in_the_table_is_in_the_code(family: str) -> None:
    kinds = set(_kinds(REWRITERS[family]))
    assert [d for d in _documented(family) if not any(re.fullmatch(kind, d) for kind in kinds)] == []


def _refused() -> Iterator[tuple[str, str]]:
    for family in DIALECTS:
        (fence,) = fences(f"<!-- x -->\n{marked(read(DOCUMENT), f'refused: {family}').lstrip()}")
        yield from ((family, line) for line in fence.text.splitlines())


@pytest.mark.parametrize(("family", "line"), list(_refused()))
def test_every_example_of_what_is_refused_is_refused(family: str, line: str) -> None:
    dialect = DIALECTS[family]
    lexer, guard = dialect.lexer(), dialect.guard("shop")
    with pytest.raises(UnsafeDump, match="line 1: "):
        for piece in (*lexer.feed(line.encode() + b"\n"), *lexer.finish()):
            guard.check(piece)
