"""What a MySQL or MariaDB dump's statements need of the server: storage engines, the making of functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from python_backup.dump.mysql.created import definition
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.tokens import tokens
from python_backup.dump.piece import Statement

_CREATES = re.compile(rb"(?i)\s*(?:/\*M?!\d*\s*)?CREATE\b").match
_MAKES = {"FUNCTION": "functions", "TRIGGER": "triggers"}


@dataclass(slots=True)
class MysqlNeeds:
    """See `python_backup.dump.needs.NeedsReader`. Engines are in lower case."""

    _modes: SqlModes = field(default_factory=SqlModes)

    def __call__(self, statement: Statement) -> Iterator[tuple[str, str]]:
        """What one statement needs."""
        self._modes.follow(statement.sql)
        if not _CREATES(statement.sql):
            return
        found = tokens(statement.sql, self._modes)
        made = definition(found)
        if made is None:
            return
        if made.kind in _MAKES:
            yield _MAKES[made.kind], made.name.name if made.name else ""
        elif made.kind in {"TABLE", "SEQUENCE"}:
            for at, token in enumerate(found[:-2]):
                if token.word == "ENGINE" and found[at + 1].word == "=":
                    yield "engines", (found[at + 2].name or "").lower()
