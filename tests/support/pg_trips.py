"""Dumping, restoring and comparing PostgreSQL databases through the engine alone, as the jobs do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from python_backup.dump.changes import Changes
from python_backup.dump.facts import FactsCounter
from python_backup.engines.postgresql.engine import ENGINE
from python_backup.instance import Limits
from python_backup.jobs.reading import pieces_of
from python_backup.model import Facts


@dataclass(frozen=True, slots=True)
class Dump:
    """The bytes of one dump and what its tool said."""

    text: bytes
    warnings: tuple[str, ...]


def dumped(server, database: str) -> Dump:
    plan = server.plan_dump(database, Limits(timeout=120))
    with plan.start() as stream:
        text = b"".join(stream.blocks)
    return Dump(text, tuple(stream.warnings))


def restored(server, blocks: Iterable[bytes], name: str, *, jobs: int = 1) -> Facts:
    """Makes the database from the dump as a restore does; gives the facts counted on the way."""
    blocks = list(blocks)
    dialect = ENGINE.dialect
    selector = dialect.selector(None)
    for _ in selector.select(pieces_of(blocks, dialect.lexer())):
        pass
    like = selector.databases[0] if selector.databases else None
    assert server.create(name, like) == ()
    counter = FactsCounter(dialect.objects())

    def counted():
        for piece in dialect.selector(None).select(pieces_of(blocks, dialect.lexer())):
            counter.take(piece)
            yield piece

    def rewriter():
        return dialect.rewriter(like.name if like else None, server.target(name), Changes())

    reader = dialect.builds()
    for piece in dialect.selector(None).select(pieces_of(blocks, dialect.lexer())):
        reader.take(piece)
    builds = replace(reader.read(rewriter()), jobs=jobs)
    server.load(name, rewriter().rewrite(counted()), complete=True, builds=builds)
    return counter.result()


def without_names(text: bytes, *names: str) -> bytes:
    """A dump without its random keys and with the database's name made the same."""
    text = re.sub(rb"(?m)^\\(un)?restrict \w+$", b"", text)
    for name in names:
        for written in (f'"{name}"', name):
            text = text.replace(written.encode(), b"NAME")
    return text


def script(path: Path, version: int) -> str:
    """An SQL script without the parts between ``-- from N`` and ``-- end`` for later versions."""
    kept, skipping = [], False
    for line in path.read_text().splitlines(keepends=True):
        if match := re.match(r"-- from (\d+)$", line):
            skipping = int(match[1]) > version
        elif line == "-- end\n":
            skipping = False
        elif not skipping:
            kept.append(line)
    return "".join(kept)
