"""What only some MySQL or MariaDB servers have, and which version was the first.

Source: MariaDB knowledge base, "Incompatibilities and Feature Differences Between MariaDB and MySQL"; MySQL
Reference Manual, "What Is New".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from python_backup.dump.mysql.created import definition
from python_backup.dump.mysql.introducers import introduced
from python_backup.dump.mysql.tokens import Kind, Reading, Token


@dataclass(frozen=True, slots=True)
class Server:
    """A server's family and version, read from its own word for it."""

    mariadb: bool
    version: tuple[int, ...]

    @classmethod
    def of(cls, version: str) -> Server:
        """From ``11.8.6-MariaDB``, ``5.5.5-10.11.2-MariaDB`` or ``9.7.4``."""
        numbers = re.findall(r"\d+(?:\.\d+)+", version.removeprefix("5.5.5-"))
        parts = tuple(int(n) for n in (numbers[0] if numbers else "0").split("."))
        return cls("mariadb" in version.lower(), parts)

    def has(self, mysql: tuple[int, ...] | None, mariadb: tuple[int, ...] | None) -> bool:
        """Whether it is as new as this; None: no version of that family has it."""
        least = mariadb if self.mariadb else mysql
        return least is not None and self.version >= least

    @property
    def reading(self) -> Reading:
        """How it reads code in comments."""
        major, minor, patch = (*self.version, 0, 0, 0)[:3]
        return Reading(self.mariadb, major * 10000 + minor * 100 + patch)

    def __str__(self) -> str:
        return f"{'MariaDB' if self.mariadb else 'MySQL'} {'.'.join(map(str, self.version))}"


@dataclass(frozen=True, slots=True)
class Feature:
    """What a dump uses, and the first versions that have it; None: no version of that family does.

    ``mariadb_until`` is the first MariaDB that has it no longer.
    """

    name: str
    mysql: tuple[int, ...] | None
    mariadb: tuple[int, ...] | None
    mariadb_until: tuple[int, ...] | None = None

    def lacking(self, server: Server) -> str | None:
        """The sentence that this server has none of it; None where it has."""
        gone = server.mariadb and self.mariadb_until is not None and server.version >= self.mariadb_until
        if server.has(self.mysql, self.mariadb) and not gone:
            return None
        return f"{self.name}: {server} has nothing of that kind"


def features(found: Sequence[Token]) -> Iterator[Feature]:
    """What only some servers have of what this statement makes."""
    what = definition(found)
    if what is None:
        return
    words = [t.word for t in found]
    name = what.name.name if what.name else ""
    if what.kind == "SEQUENCE":
        yield Feature(f"the sequence {name}", None, (10, 3))
    elif what.kind == "PACKAGE":
        yield Feature(f"the package {name}", None, (10, 3, 5))
    elif what.kind in ("FUNCTION", "PROCEDURE") and _follows(words, "LANGUAGE", "JAVASCRIPT"):
        yield Feature(f"the JavaScript routine {name}", (9, 0), None)
    elif what.kind == "TABLE":
        yield from (Feature(f"{f.name} in table {name}", f.mysql, f.mariadb) for f in _of_table(found, words))
    elif what.kind == "INDEX" and _functional(words):
        yield Feature(f"the index of an expression {name}", (8, 0, 13), None)


def _of_table(found: Sequence[Token], words: Sequence[str]) -> Iterator[Feature]:
    for pattern, feature in _TABLE_FEATURES:
        if _follows(words, *pattern):
            yield feature
    if _functional(words):
        yield Feature("an index of an expression", (8, 0, 13), None)
    for one in introduced(found):
        if one.needed:
            name = one.introducer.text.decode("latin-1")
            yield Feature(f"a literal {name}'…' that MariaDB keeps as another", (5,), None)
    for word in (found[i + 1].word for i, t in enumerate(found[:-1]) if t.kind is Kind.NAME):
        if word in _TYPES:
            yield _TYPES[word]
    engine = next(
        (found[i + 2] for i, w in enumerate(words[:-2]) if w == "ENGINE" and words[i + 1] == "="), None
    )
    if engine is not None and engine.word in _MARIADB_ENGINES:
        yield Feature(f"the engine {engine.word}", None, (5,))


_TABLE_FEATURES: tuple[tuple[tuple[str, ...], Feature], ...] = (
    (("SYSTEM", "VERSIONING"), Feature("system versioning", None, (10, 3))),
    (("BY", "SYSTEM_TIME"), Feature("partitions by SYSTEM_TIME", None, (10, 3))),
    (("PERIOD", "FOR"), Feature("a period", None, (10, 3))),
    (("WITHOUT", "OVERLAPS"), Feature("a key WITHOUT OVERLAPS", None, (10, 5))),
    (("NOT", "ENFORCED"), Feature("a CHECK that is not enforced", (8, 0, 16), None)),
)
_TYPES = {
    "UUID": Feature("the type UUID", None, (10, 7)),
    "INET6": Feature("the type INET6", None, (10, 5)),
    "INET4": Feature("the type INET4", None, (10, 10)),
    "VECTOR": Feature("the type VECTOR", (9, 0), (11, 7)),
    "XMLTYPE": Feature("the type XMLTYPE", None, (12, 3)),
}
_MARIADB_ENGINES = frozenset(("ARIA", "COLUMNSTORE", "MROONGA", "OQGRAPH", "SEQUENCE", "TOKUDB", "SPHINX"))


def _follows(words: Sequence[str], *pattern: str) -> bool:
    width = len(pattern)
    return any(tuple(words[i : i + width]) == pattern for i in range(len(words) - width + 1))


def _functional(words: Sequence[str]) -> bool:
    """``KEY name ((lower(a)))``."""
    for at, word in enumerate(words):
        if word in ("KEY", "INDEX") and "((" in (
            "".join(words[at + 1 : at + 3]),
            "".join(words[at + 2 : at + 4]),
        ):
            return True
    at = next((i for i, w in enumerate(words) if w == "ON"), len(words))
    return words[1:2] != ["TABLE"] and words[at + 2 : at + 4] == ["(", "("]
