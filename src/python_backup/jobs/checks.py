"""Questions of one's own that a drill asks the restored database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from python_backup.engines.engine import Server
from python_backup.errors import StatementFailed
from python_backup.policy.expect import met, shown, unlike

SHOWN = 500
"""Characters of an answer that are shown."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that a query should give, as text, and the file that they are from."""

    text: str
    file: str


@dataclass(frozen=True, slots=True)
class DrillCheck:
    """A query and what it should give (`policy.expect`), for drills of this database."""

    database: str
    sql: str
    expect: str | Rows


@dataclass(frozen=True, slots=True)
class CheckAnswered:
    """What a check's query gave; where the server refused it, ``found`` is what it said.

    With ``limit`` it is no query but a limit of the config's (`jobs.limits`), and ``sql`` its name.
    """

    sql: str
    expected: str
    found: str
    ok: bool
    limit: bool = False

    @property
    def reason(self) -> str:
        """What is said where it is not as expected."""
        if self.limit:
            return f"{self.sql}: {self.found}"
        return f"check {self.sql!r}: expected {self.expected}, found {self.found}"


def answered(
    server: Server, database: str, source: str | None, checks: Iterable[DrillCheck]
) -> Iterator[CheckAnswered]:
    """Asks those of the checks that are for ``source``, in the ``database`` that it was restored into."""
    for check in checks:
        if check.database == (source or database):
            expected = f"the rows of {check.expect.file}" if isinstance(check.expect, Rows) else check.expect
            found, ok = _found(server, database, check)
            cut = found if len(found) <= SHOWN else found[:SHOWN] + " …"
            yield CheckAnswered(check.sql, expected, cut, ok)


def _found(server: Server, database: str, check: DrillCheck) -> tuple[str, bool]:
    """What is told of the answer, and whether it is as expected."""
    try:
        answer = server.answer(database, check.sql)
    except StatementFailed as exc:
        return exc.message, False
    if not isinstance(check.expect, Rows):
        return shown(answer), met(check.expect, answer)
    other = unlike(check.expect.text, answer)
    return other or f"the same rows: {len(answer):,}", other is None
