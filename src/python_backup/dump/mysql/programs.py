"""What a dump's own triggers, routines and views would do if a later statement of it ran them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from python_backup.dump.mysql.created import Definition
from python_backup.dump.mysql.tokens import Token, chain

_WRITES = frozenset(("INSERT", "REPLACE", "UPDATE", "DELETE"))
_RUNS = frozenset(("SELECT", "DO", "WITH", "TRUNCATE", "SET", *_WRITES))
_READS_FROM = frozenset(("SELECT", "WITH", "TABLE"))


@dataclass(slots=True)
class Programs:
    """The programs of one dump so far, all names in lower case.

    ``outside`` are views of other databases, and what is made of them; ``functions`` are the dump's own.
    """

    outside: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    _reaching: str | None = None
    _callable: bool = False
    _triggers: dict[str, set[str]] = field(default_factory=dict)
    _named: set[str] = field(default_factory=set)

    def add(self, found: Sequence[Token], what: Definition, *, reaches: bool) -> None:
        """Takes a program; ``reaches`` says that its body goes outside the database by itself."""
        name = what.name.name if what.name else what.kind.lower()
        words = {t.name.lower() for t in found if t.name}
        if what.kind == "TRIGGER":
            on = next((i for i, t in enumerate(found) if t.word == "ON"), None)
            table = chain(found, on + 1) if on is not None else None
            if table is not None:
                self._triggers.setdefault(table.name.lower(), set()).update(words)
                if reaches:
                    self.outside.add(table.name.lower())
            return
        self._named |= words
        if what.kind == "FUNCTION":
            self.functions.add(name.lower())
        if reaches:
            self._reaching, self._callable = self._reaching or name, True

    def runs(self, found: Sequence[Token], what: Definition | None) -> str | None:
        """Why a statement may not run what goes outside; it may make a view of it."""
        verb = found[0].word
        names = {t.name.lower() for t in found if t.name}
        if what is not None and what.kind == "VIEW":
            if what.verb == "CREATE" and what.name is not None and names & self.outside:
                self.outside.add(what.name.name.lower())
            return None
        copies = what is not None and what.kind == "TABLE" and any(t.word in _READS_FROM for t in found)
        if verb not in _RUNS and not copies:
            return None
        touched = names | {n for table in names & self._triggers.keys() for n in self._triggers[table]}
        through = sorted(touched & self.outside)
        if through:
            return f"may run or read {through[0]}, which reaches outside the database"
        calls = any(t.text == b"(" for t in found) if verb == "SET" else True
        if calls and self._named & self.outside:
            return "may run a routine that reaches outside the database"
        if calls and self._callable:
            return f"may run {self._reaching}, which reaches outside the database"
        return None
