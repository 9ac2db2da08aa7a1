"""The nouns of the project, as frozen dataclasses; no behaviour beyond deriving from themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from python_backup.instance import Dbms

MANIFEST = ".manifest.json"
"""What stands behind an artifact's whole name in its manifest's."""

MANIFEST_INSIDE = "manifest.json"
"""The manifest of a backup in parts, in its folder."""

IN_PLACE = ".in-place.json"
"""What stands behind a safety backup's whole name in the mark of its restore in place."""


class Format(StrEnum):
    """How an artifact's bytes are stored; ``custom`` and ``directory`` are pg_dump's, ``parts`` a folder."""

    NONE = "none"
    GZIP = "gzip"
    ZIP = "zip"
    ZSTD = "zstd"
    CUSTOM = "custom"
    DIRECTORY = "directory"
    PARTS = "parts"


class Parts(StrEnum):
    """Which databases are backed up in parts: large ones, each one, none."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Scope(StrEnum):
    """What is locked while the snapshots of a backup in parts begin; PostgreSQL's connections share one."""

    INSTANCE = "instance"
    DATABASE = "database"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the program; ``id`` names it in its log, its records and its locks, and sorts by time."""

    id: str
    command: str
    started: datetime

    @classmethod
    def of(cls, command: str, started: datetime, draw: Callable[[int], bytes]) -> Run:
        """A run that begins now; ``draw`` gives so many random bytes."""
        return cls(f"{started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{draw(3).hex()}", command, started)


_PLAIN_PART = re.compile(r"[^\s.\"'`]+\Z")


def label(*parts: str) -> str:
    """One object's name for people, manifests and comparisons: ``public.orders``.

    Parts are joined by dots; a part that is empty or holds white space, a dot or a quote is
    put in double quotes, with ``"`` doubled, so that different names never look the same.
    """
    shown = (p if _PLAIN_PART.match(p) else '"' + p.replace('"', '""') + '"' for p in parts)
    return ".".join(shown)


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What a dump holds of one table.

    ``rows`` is None where the dump does not let them be counted (INSERT … SELECT).
    ``size`` is the data's bytes in the dump. ``digest`` is ``blake3:`` and 64 hex digits over
    the rows as dumped, in the order dumped, whatever the lengths of statements.
    """

    name: str
    rows: int | None
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a dump holds: its tables by `label`, and by kind the labels of its objects.

    Kinds are the plural words ``tables``, ``views``, ``materialized_views``, ``sequences``,
    ``routines``, ``triggers``, ``events``, ``indexes``, ``constraints``, ``extensions``, ``types``,
    ``schemas``, ``large_objects``; overloaded routines appear once each. ``sequences`` gives the
    value of each sequence that has one. ``statements`` gives by kind and label the digest of what makes
    an object, ``blake3:`` and 64 hex digits; there is also a kind ``others`` of what is not listed.
    ``next_numbers`` has by table what its AUTO_INCREMENT goes on with.
    """

    tables: tuple[TableFacts, ...]
    objects: Mapping[str, tuple[str, ...]]
    sequences: Mapping[str, int]
    statements: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    next_numbers: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """All rows that could be counted."""
        return sum(t.rows or 0 for t in self.tables)


@dataclass(frozen=True, slots=True)
class Artifact:
    """The stored bytes of one backup. Sizes are in bytes, sums are SHA-256 in hex.

    ``raw_*`` describe the dump before compression (for ``custom``: pg_dump's own output, which
    is what is stored). ``frames`` has for each zstd frame the first 16 hex digits of BLAKE3 over its
    stored bytes; none for other formats.
    """

    file: str
    format: Format
    raw_size: int
    raw_sha256: str
    size: int
    sha256: str
    frames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """From where to where, in bytes of the dump, rows stand that a reader may pass over.

    ``lines`` is how many line ends are in between.
    """

    begin: int
    end: int
    lines: int


class PartKind(StrEnum):
    """What a part of a backup in parts holds: what is there before the rows, rows, what comes after them."""

    BEFORE = "before"
    DATA = "data"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a backup in parts: plain SQL, compressed by zstd. Sizes are in bytes, sums SHA-256 in hex.

    ``file`` is its path in the backup's folder. ``table`` is a `label`, empty where the part holds several
    tables or none; ``range`` says in the server's words which rows of it, empty: all. ``rows`` is None
    where they cannot be counted. ``digest`` is of a table's part what `TableFacts.digest` is of the
    table, empty of others. ``raw_*`` describe the SQL; a part with a digest needs no sum of it.
    """

    file: str
    kind: PartKind
    table: str
    range: str
    rows: int | None
    digest: str
    raw_size: int
    raw_sha256: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The facts of one backup; written last, it is the commit marker.

    ``errors`` says in sentences what may be missing. ``missing`` has by kind the labels of what the
    server listed and the dump does not hold. ``attempts`` is how many tries it took. ``suspect`` says by
    table what is not as the config expects of it (`policy.anomalies`); ``accepted``: it was to be the new
    measure, however far it had shrunk. ``spans`` says where the rows of large tables stand in the dump.
    ``parts`` are the files of a backup in parts, in the order in which they make one dump.
    """

    program: str
    instance: str
    dbms: Dbms
    database: str
    started: datetime
    finished: datetime
    server_version: str
    client: str
    client_version: str
    command: tuple[str, ...]
    artifact: Artifact
    facts: Facts
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    attempts: int = 1
    suspect: Mapping[str, str] = field(default_factory=dict)
    accepted: bool = False
    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether something is missing, or may be."""
        return bool(self.errors)

    @property
    def good(self) -> bool:
        """Whether it can stand for what its database should hold: whole, and as expected."""
        return not self.errors and not self.suspect


@dataclass(frozen=True, slots=True)
class Backup:
    """One artifact in the backup folder, and its manifest where it has one.

    ``problem`` says why a manifest that is there could not be read.
    """

    path: Path
    dbms: Dbms | None
    database: str
    taken: datetime
    size: int
    manifest: Manifest | None
    problem: str | None = None


class Verdict(StrEnum):
    """What a health check found; a failure means that a backup or a restore fails or lacks something."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    SKIPPED = "not done"


@dataclass(frozen=True, slots=True)
class Check:
    """One health check's outcome, of this machine where there is no ``instance`` (its id).

    ``hint`` can be pasted: a command, SQL for an administrator, or a line of the config. ``database``
    None: of the whole instance.
    """

    name: str
    verdict: Verdict
    found: str
    hint: str | None = None
    instance: str | None = None
    database: str | None = None
