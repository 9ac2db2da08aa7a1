"""What a dump's own triggers, routines and views would do if a later statement of it ran them.

A statement touches the names that it holds; a routine, a view, or a table with triggers leads on to the
names that are in its text. What leads to something that reaches outside may not be run by the restore:
by a statement of the dump, or by an event, which runs by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from python_backup.dump.mysql.created import Definition
from python_backup.dump.mysql.tokens import Token, chain

_WRITES = frozenset(("INSERT", "REPLACE", "UPDATE", "DELETE"))
_RUNS = frozenset(("SELECT", "DO", "WITH", "TRUNCATE", "SET", *_WRITES))
_READS_FROM = frozenset(("SELECT", "WITH", "TABLE"))


@dataclass(slots=True)
class Programs:
    """The programs of one dump so far, all names in lower case.

    ``outside`` are those that reach outside by themselves, views of other databases among them;
    ``functions`` are the dump's own.
    """

    outside: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    _holds: dict[str, set[str]] = field(default_factory=dict)
    _events: dict[str, set[str]] = field(default_factory=dict)

    def add(self, found: Sequence[Token], what: Definition, *, reaches: bool) -> None:
        """Takes a program; ``reaches`` says that its body goes outside the database by itself."""
        name = what.name.name.lower() if what.name else what.kind.lower()
        if what.kind == "TRIGGER":
            on = next((i for i, t in enumerate(found) if t.word == "ON"), None)
            table = chain(found, on + 1) if on is not None else None
            if table is None:
                return
            name = table.name.lower()
        if what.kind == "FUNCTION":
            self.functions.add(name)
        self._hold(name, found)
        if reaches:
            self.outside.add(name)

    def view(self, found: Sequence[Token], what: Definition) -> None:
        """Takes a view; what it is made of may reach outside."""
        if what.verb == "CREATE" and what.name is not None:
            self._hold(what.name.name.lower(), found)

    def event(self, found: Sequence[Token], what: Definition) -> None:
        """Takes an event that will run."""
        self._events.setdefault(what.name.name if what.name else "event", set()).update(_names(found))

    def fires(self) -> str | None:
        """Why one of the events may not run."""
        for event, names in self._events.items():
            if through := self._through(names):
                return f"the event {event} would run {through}, which reaches outside the database"
        return None

    def runs(self, found: Sequence[Token], what: Definition | None) -> str | None:
        """Why a statement may not run what goes outside; it may make a view of it."""
        copies = what is not None and what.kind == "TABLE" and any(t.word in _READS_FROM for t in found)
        if found[0].word not in _RUNS and not copies:
            return None
        through = self._through(_names(found)) if self.outside else None
        return f"may run or read {through}, which reaches outside the database" if through else None

    def _hold(self, name: str, found: Sequence[Token]) -> None:
        self._holds.setdefault(name, set()).update(_names(found))

    def _through(self, names: Iterable[str]) -> str | None:
        """The first name, of these and what they lead to, that reaches outside."""
        ahead, seen = sorted(names), set(names)
        while ahead:
            name = ahead.pop(0)
            if name in self.outside:
                return name
            further = sorted(self._holds.get(name, set()) - seen)
            seen.update(further)
            ahead += further
        return None


def _names(found: Sequence[Token]) -> set[str]:
    return {t.name.lower() for t in found if t.name}
