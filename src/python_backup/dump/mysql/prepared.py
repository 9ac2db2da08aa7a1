"""Statements made from text, which could be anything: only those that a dump tool writes are known.

Percona Server's mysqldump asks whether bulk loading is there, and prepares what follows from that:
``SET @x = IF(@y, 'SELECT …', 'SELECT 0')``, ``PREPARE s FROM @x``, ``EXECUTE s``.
"""

from __future__ import annotations

from collections.abc import Sequence

from python_backup.dump.mysql.tokens import Kind, Token, user_variables

_KNOWN = frozenset(
    (
        b"SELECT 0",
        b"SET SESSION rocksdb_bulk_load = 1",
        b"SET SESSION rocksdb_bulk_load = 0",
        b"SET SESSION rocksdb_bulk_load=1",
        b"SET SESSION rocksdb_bulk_load=0",
        b"SET @rocksdb_dummy_bulk_load = 0",
        b"SET @dummy_rocksdb_bulk_load = 0",
        (
            b"SELECT COUNT(*) INTO @rocksdb_is_supported FROM performance_schema.session_variables"
            b" WHERE VARIABLE_NAME='rocksdb_bulk_load'"
        ),
    )
)
_SHAPE = ["IF", "(", "variable", ",", "string", ",", "string", ")"]


class KnownTexts:
    """Follows user variables that hold known statements."""

    def __init__(self) -> None:
        self._variables: set[bytes] = set()

    def why(self, found: Sequence[Token]) -> str | None:
        """What is wrong with a PREPARE or EXECUTE; None for other statements and known texts."""
        verb = found[0].word
        if verb == "SET":
            self._follow(found)
        elif verb == "PREPARE":
            known = found[-1].own_variable and found[-1].variable in self._variables
            if [t.word for t in found[2:3]] != ["FROM"] or not known:
                return "PREPARE runs a statement that the dump makes up"
        elif verb == "EXECUTE" and [t.word for t in found[1:2]] == ["IMMEDIATE"]:
            return "EXECUTE IMMEDIATE runs a statement that the dump makes up"
        else:
            self.forget(found)
        return None

    def forget(self, found: Sequence[Token]) -> None:
        """What names a variable may change it, at once or (a trigger) when a later statement runs it."""
        for token in user_variables(found) if self._variables else ():
            self._variables = self._variables - {token.variable} if token.variable else set()

    def _follow(self, found: Sequence[Token]) -> None:
        self.forget(found)
        if len(found) < 4 or found[1].kind is not Kind.VARIABLE or any(t.word == "," for t in found[4:5]):  # noqa: PLR2004 - SET @x = y
            return
        words = [t.word for t in found[3:]]
        texts = [
            t.text[1:-1].replace(b"\\'", b"'").replace(b"''", b"'") for t in found if t.kind is Kind.STRING
        ]
        shape = [w or t.kind.value for w, t in zip(words, found[3:], strict=True)]
        if shape == _SHAPE and set(texts) <= _KNOWN and found[1].variable:
            self._variables.add(found[1].variable)
