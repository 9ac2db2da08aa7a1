"""What a swap of databases is about to change, on the server itself: a later run can go on or undo it.

The journal is a table in the fresh database. Its comment names the databases; its rows, written in
one transaction before anything is touched, hold every definition, table name and setting. How far
a run came is not written anywhere: it is seen from where the tables are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from python_backup.engines.mysql import movable
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.definitions import Definition
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.engines.mysql.survey import JOURNAL
from python_backup.engines.replacing import Swap

_MARK = "vya-backupdb swap "
_GONE = (1049, 1146)
"""The server's words for a database, and a table, that is not there."""

_CUT = 1932
"""Crashed while the journal was made or dropped (MariaDB 10.5): nothing was touched yet, or all is done."""

_TEXTS = ("options", "tables", "grants", "parked")


@dataclass(frozen=True, slots=True)
class Contents:
    """One database as it was before: ``options`` is what SHOW CREATE DATABASE says behind the name.

    ``grants`` are statements that give routines' rights anew, which dropping a routine takes away: the
    target's own, and with the fresh contents those that came with the `Swap`.
    ``parked`` are the names of events that sleep because their database has not its name.
    """

    tables: tuple[str, ...] = ()
    definitions: tuple[Definition, ...] = ()
    options: str = ""
    grants: tuple[str, ...] = ()
    parked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Journal:
    """A swap with what both databases held. ``written`` is False where nothing was touched yet."""

    swap: Swap
    old: Contents = field(default_factory=Contents)
    new: Contents = field(default_factory=Contents)
    written: bool = False


def begin(session: Session, swap: Swap) -> None:
    """Makes the journal in the fresh database; without rows it says that the target is untouched."""
    about = {"target": swap.target, "before": swap.before, "keep_properties": swap.keep_properties}
    session.rows(
        f"CREATE TABLE {quoted(swap.fresh)}.{quoted(JOURNAL)}"
        " (number INT PRIMARY KEY, about LONGBLOB NOT NULL, body LONGBLOB NOT NULL)"
        f" ENGINE=InnoDB COMMENT = '{_MARK}{json.dumps(about).encode().hex()}'"
    )


def write(session: Session, journal: Journal) -> None:
    """Writes all rows, in one transaction."""
    session.rows("START TRANSACTION")
    lines = [*_lines("old", journal.old), *_lines("new", journal.new), ({"side": "end"}, b"")]
    where = f"{quoted(journal.swap.fresh)}.{quoted(JOURNAL)}"
    for number, (line, body) in enumerate(lines):
        said = json.dumps(line).encode()
        session.rows(f"INSERT INTO {where} VALUES ({number}, X'{said.hex()}', X'{body.hex()}')")
    session.rows("COMMIT")


def _lines(side: str, contents: Contents) -> Iterator[tuple[dict[str, Any], bytes]]:
    texts = ((contents.options,), contents.tables, contents.grants, sorted(contents.parked))
    for what, values in zip(_TEXTS, texts, strict=True):
        for value in values:
            yield {"side": side, "what": what}, value.encode()
    for definition in contents.definitions:
        about = asdict(definition)
        body = about.pop("create")
        yield {"side": side, "what": "definitions", **about}, body


def find(session: Session, target: str) -> Journal | None:
    """The journal of a swap that was not ended, for this target."""
    found = session.rows(
        "SELECT table_schema, table_comment FROM information_schema.tables WHERE table_name = %s", JOURNAL
    )
    for fresh, comment in found:
        about = _about(comment)
        if about is not None and about["target"] == target:
            swap = Swap(fresh, target, about["before"], keep_properties=about["keep_properties"])
            try:
                return _read(session, swap)
            except ServerSaid as exc:
                cut = exc.code == _CUT and movable.cut_by_crashes(session)
                if exc.code not in _GONE and not cut:
                    raise  # else it was dropped since it was seen: the swap has come to its end
    return None


def _about(comment: str) -> dict[str, Any] | None:
    if not comment.startswith(_MARK):
        return None
    about: dict[str, Any] = json.loads(bytes.fromhex(comment.removeprefix(_MARK)))
    return about


def _read(session: Session, swap: Swap) -> Journal:
    rows = session.rows(f"SELECT about, body FROM {quoted(swap.fresh)}.{quoted(JOURNAL)} ORDER BY number")
    lines = [(json.loads(about), body) for about, body in rows]
    if not lines or lines[-1][0]["side"] != "end":
        return Journal(swap)
    return Journal(swap, _contents("old", lines), _contents("new", lines), written=True)


def _contents(side: str, lines: Sequence[tuple[dict[str, Any], bytes]]) -> Contents:
    found: dict[str, list[tuple[dict[str, Any], bytes]]] = {}
    for about, body in lines:
        if about["side"] == side:
            values = {key: value for key, value in about.items() if key not in ("side", "what")}
            found.setdefault(about["what"], []).append((values, body))
    texts = {
        what: tuple(body.decode() for _, body in pairs) for what, pairs in found.items() if what in _TEXTS
    }
    return Contents(
        tables=texts.get("tables", ()),
        definitions=tuple(Definition(create=body, **values) for values, body in found.get("definitions", ())),
        options=texts["options"][0],
        grants=texts.get("grants", ()),
        parked=frozenset(texts.get("parked", ())),
    )
