"""Questions of one's own that a drill asks the restored database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from python_backup.engines.engine import Server
from python_backup.errors import StatementFailed
from python_backup.policy.expect import met, shown

SHOWN = 500
"""Characters of an answer that are shown."""


@dataclass(frozen=True, slots=True)
class DrillCheck:
    """A query and what it should give (`policy.expect`), for drills of this database."""

    database: str
    sql: str
    expect: str


@dataclass(frozen=True, slots=True)
class CheckAnswered:
    """What a check's query gave; where the server refused it, ``found`` is what it said."""

    sql: str
    expected: str
    found: str
    ok: bool


def answered(
    server: Server, database: str, source: str | None, checks: Iterable[DrillCheck]
) -> Iterator[CheckAnswered]:
    """Asks those of the checks that are for ``source``, in the ``database`` that it was restored into."""
    for check in checks:
        if check.database != (source or database):
            continue
        try:
            answer = server.answer(database, check.sql)
        except StatementFailed as exc:
            yield CheckAnswered(check.sql, check.expect, exc.message, ok=False)
            continue
        found = shown(answer)
        cut = found if len(found) <= SHOWN else found[:SHOWN] + " …"
        yield CheckAnswered(check.sql, check.expect, cut, ok=met(check.expect, answer))
