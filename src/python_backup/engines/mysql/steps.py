"""The steps of a swap; each can be taken again at any point, whatever a run before left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from python_backup.engines.mysql import dropping, events, grants, making, survey, target
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.definitions import (
    ROUTINES,
    Definition,
    read,
    renaming,
    slept,
    trigger_names,
    woken,
)
from python_backup.engines.mysql.journal import Contents, Journal
from python_backup.engines.mysql.movable import tables
from python_backup.engines.replacing import Swap
from python_backup.errors import Refused

_WITHOUT_TABLES = frozenset((*ROUTINES, "EVENT"))
"""The kinds that can be made before the tables are there."""

_OPTIONS = re.compile(r"CREATE DATABASE `(?:[^`]|``)*`", re.DOTALL)


@dataclass(slots=True)
class Run:
    """One swap on one session."""

    session: Session
    journal: Journal
    warnings: list[str] = field(default_factory=list)

    @property
    def swap(self) -> Swap:
        """The three names."""
        return self.journal.swap

    def renamed(self, contents: Contents, old: str, new: str) -> tuple[Definition, ...]:
        """The definitions as they stand in the database ``new``."""
        change = renaming(self.session, old, new, target.collations(self.session))
        found = change(contents.definitions)
        self.warnings += change.warnings
        return found


@dataclass(frozen=True, slots=True)
class _Move:
    table: str
    source: str
    to: str

    @property
    def old(self) -> str:
        return f"{quoted(self.source)}.{quoted(self.table)}"

    @property
    def new(self) -> str:
        return f"{quoted(self.to)}.{quoted(self.table)}"


def contents(session: Session, swap: Swap) -> tuple[Contents, Contents]:
    """What the target and the fresh database hold."""
    old = Contents() if swap.before is None else _contents(session, swap.target)
    return old, replace(_contents(session, swap.fresh), grants=swap.grants)


def _contents(session: Session, database: str) -> Contents:
    return Contents(
        tables=tables(session, database),
        definitions=read(session, database),
        options=options(session, database),
        grants=grants.held(session, database),
        parked=events.parked(session, database),
    )


def options(session: Session, database: str) -> str:
    """What SHOW CREATE DATABASE says behind the name: character set, collation, comment."""
    made = session.rows(f"SHOW CREATE DATABASE {quoted(database)}")[0][1]
    return _OPTIONS.sub("", made, count=1)


def prepare(run: Run) -> None:
    """Makes ``before``, and in it what needs no rows, while the journal says that nothing is touched.

    So the account has made each of the old routines, events and triggers once before one is dropped.
    """
    session, before = run.session, run.swap.before
    if before is None:
        return
    session.rows(f"CREATE DATABASE {quoted(before)}{run.journal.old.options}")
    ready = [d for d in _asleep(run) if d.kind in _WITHOUT_TABLES]
    run.warnings += making.make(session, before, ready)
    _try_triggers(run)


def _try_triggers(run: Run) -> None:
    """Makes the target's triggers once on empty tables beside it: what is dropped must come back."""
    session, before = run.session, run.swap.before
    assert before is not None
    found = [d for d in _asleep(run) if d.kind == "TRIGGER"]
    for table in dict.fromkeys(d.table for d in found):
        like = f"{quoted(run.swap.target)}.{quoted(table)}"
        session.rows(f"CREATE TABLE {quoted(before)}.{quoted(table)} LIKE {like}")
        making.make_triggers(session, before, [d for d in found if d.table == table])
        session.rows(f"DROP TABLE {quoted(before)}.{quoted(table)}")


def _asleep(run: Run) -> list[Definition]:
    """The old definitions as they stand in ``before``: its events do not run."""
    assert run.swap.before is not None
    return _quiet(run.renamed(run.journal.old, run.swap.target, run.swap.before))


def _quiet(found: Iterable[Definition]) -> list[Definition]:
    return [slept(d) if d.enabled else d for d in found]


def hush(run: Run) -> None:
    """Drops the target's events that run, before anybody's work there is looked for: `undo` makes them anew.

    An old event must not act on new contents.
    """
    if run.swap.before is not None:
        making.drop_running_events(run.session, run.swap.target)


def _awake(run: Run) -> list[Definition]:
    """The new definitions as they stand in the target."""
    parked = run.journal.new.parked
    found = run.renamed(run.journal.new, run.swap.fresh, run.swap.target)
    return [woken(d) if d.kind == "EVENT" and d.name in parked else d for d in found]


def moved(run: Run) -> bool:
    """Whether all tables are where they are to be."""
    return run.journal.written and not _away(run)


def _away(run: Run) -> list[_Move]:
    """What is left to move for the swap. A table of both names is told apart by where the other one is."""
    swap, journal = run.swap, run.journal
    before, fresh = _tables(run, swap.before), _tables(run, swap.fresh)
    moves = [
        _Move(t, swap.target, swap.before) for t in journal.old.tables if swap.before and t not in before
    ]
    return moves + [_Move(t, swap.fresh, swap.target) for t in journal.new.tables if t in fresh]


def _back(run: Run) -> list[_Move]:
    """What is to move so that everything is where it was."""
    swap, journal = run.swap, run.journal
    before, fresh = _tables(run, swap.before), _tables(run, swap.fresh)
    moves = [_Move(t, swap.target, swap.fresh) for t in journal.new.tables if t not in fresh]
    return moves + [
        _Move(t, swap.before, swap.target) for t in journal.old.tables if swap.before and t in before
    ]


def _tables(run: Run, database: str | None) -> frozenset[str]:
    return frozenset(tables(run.session, database)) if database else frozenset()


def _move(run: Run, moves: Sequence[_Move], wanted: Sequence[Definition], *, unchanged: bool = False) -> None:
    """Moves the tables in one statement, and makes the target's triggers.

    MySQL lets all of it be done under one LOCK TABLES: nobody writes a row that no trigger sees.
    MariaDB takes no RENAME TABLE then (error 1192): there the locks only make sure, before a trigger
    is dropped, that nobody uses a table for long. So they do where MySQL has tables of another
    engine than InnoDB, which go in a statement of their own, with locks of their own: where
    enforce_gtid_consistency is on, it takes no two engines in one (error 1785).
    """
    session, swap = run.session, run.swap
    triggers = [d for d in wanted if d.kind == "TRIGGER"]
    collations = {d.database_collation for d in triggers}
    if len(collations) == 1:  # not to be changed while tables are locked
        making.set_collation(session, swap.target, *collations)
    parts = _by_engine(session, moves)
    session.rows("LOCK TABLES " + ", ".join(f"{m.old} WRITE" for m in parts[-1]))
    if unchanged:
        _see_unchanged(run)
    if len(parts) > 1:
        session.rows("UNLOCK TABLES")
    for database in dict.fromkeys(m.source for m in moves):
        making.drop_triggers(session, database)
    if survey.is_mariadb(session):
        session.rows("UNLOCK TABLES")
    for part in parts:
        session.rows("RENAME TABLE " + ", ".join(f"{m.old} TO {m.new}" for m in part))
    if len(collations) > 1:
        session.rows("UNLOCK TABLES")
    making.make_triggers(session, swap.target, triggers)
    session.rows("UNLOCK TABLES")


def _by_engine(session: Session, moves: Sequence[_Move]) -> list[list[_Move]]:
    """All moves, but for MySQL's tables of other engines than InnoDB: these first, and apart."""
    other: set[tuple[str, str]] = set()
    if not survey.is_mariadb(session):
        for database in {m.source for m in moves}:
            sql = "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = %s"
            other |= {(database, name) for name, engine in session.rows(sql, database) if engine != "InnoDB"}
    parts = ([m for m in moves if ((m.source, m.table) in other) is first] for first in (True, False))
    return [part for part in parts if part]


def _see_unchanged(run: Run) -> None:
    """Sees, while the tables are locked, that no table and no trigger has come or gone since."""
    swap, journal = run.swap, run.journal
    sides = [(swap.fresh, journal.new)] + ([(swap.target, journal.old)] if swap.before is not None else [])
    for database, was in sides:
        triggers = {d.name for d in was.definitions if d.kind == "TRIGGER"}
        same = set(tables(run.session, database)) == set(was.tables)
        if not same or set(trigger_names(run.session, database)) != triggers:
            raise Refused(f"tables or triggers of {database!r} were changed by others meanwhile")


def finish(run: Run, *, unchanged: bool = False) -> None:
    """Does what is left of the swap; ``unchanged``: only if all is as the journal says.

    Raises:
        Refused: others changed tables or triggers.
        ServerSaid: the server refused a statement.
    """
    session, swap, journal = run.session, run.swap, run.journal
    if not survey.exists(session, swap.target):
        session.rows(f"CREATE DATABASE {quoted(swap.target)}{journal.new.options}")
    wanted = _awake(run)
    moves = _away(run)
    if moves:
        _move(run, moves, wanted, unchanged=unchanged)
    _follow_sequences(run, swap.target, swap.fresh)
    run.warnings += making.make(session, swap.target, _quiet(wanted))
    _grant(run, (*journal.old.grants, *journal.new.grants))
    if swap.before is not None:
        _follow_sequences(run, swap.before, swap.target)
        run.warnings += making.make(session, swap.before, _asleep(run))
        events.park(session, swap.before, (d.name for d in journal.old.definitions if d.enabled))
        _set_options(session, swap.before, journal.old.options)
    making.make(session, swap.fresh, ())
    making.make_events(session, swap.target, wanted)
    old_options = journal.old.options if swap.keep_properties and swap.before is not None else None
    _set_options(session, swap.target, old_options or journal.new.options)
    _drop_empty(run, swap.fresh)


def undo(run: Run) -> None:
    """Makes both databases what they were; the journal goes last.

    Raises:
        ServerSaid: the server refused a statement.
    """
    session, swap, journal = run.session, run.swap, run.journal
    if journal.written:
        if survey.exists(session, swap.target):
            making.drop_running_events(session, swap.target)
        moves = _back(run)
        if moves:
            _move(run, moves, journal.old.definitions)
        if swap.before is not None:
            _follow_sequences(run, swap.target, swap.before)
            making.make(session, swap.target, journal.old.definitions)
            _set_options(session, swap.target, journal.old.options)
            _grant(run, journal.old.grants)
        _follow_sequences(run, swap.fresh, swap.target)
        making.make(session, swap.fresh, journal.new.definitions)
        _set_options(session, swap.fresh, journal.new.options)
        made = swap.before if swap.before is not None else swap.target
        if survey.exists(session, made):
            making.make(session, made, ())
            _drop_empty(run, made)
    elif swap.before is not None and survey.exists(session, swap.before):
        _drop_trial(run, swap.before)
    session.rows(f"DROP TABLE {quoted(swap.fresh)}.{quoted(survey.JOURNAL)}")


def drop_cut(run: Run) -> None:
    """Drops a target that was not there before, and the journal; of the fresh database no table is mended.

    Raises:
        Refused: others made something in the target.
    """
    swap, journal = run.swap, run.journal
    if survey.exists(run.session, swap.target):
        others = sorted(set(tables(run.session, swap.target)) - set(journal.new.tables))
        if others:
            raise Refused(
                f"{swap.target!r} was to be dropped, but holds tables of others: {', '.join(others)}"
            )
        _drop(run, swap.target)
    run.session.rows(f"DROP TABLE {quoted(swap.fresh)}.{quoted(survey.JOURNAL)}")


def _drop_trial(run: Run, database: str) -> None:
    """Drops what `prepare` made: no table in it has a row.

    Raises:
        Refused: one has, so it is somebody else's.
    """
    for table in tables(run.session, database):
        if run.session.rows(f"SELECT 1 FROM {quoted(database)}.{quoted(table)} LIMIT 1"):
            raise Refused(f"{database!r} was to be dropped, but there are rows in its table {table!r}")
    _drop(run, database)


def _drop_empty(run: Run, database: str) -> None:
    """Drops a database that holds nothing but what the program put there.

    Raises:
        Refused: there is something else in it.
    """
    left = tables(run.session, database)
    if left:
        raise Refused(f"{database!r} was to be dropped, but holds tables of others: {', '.join(left)}")
    _drop(run, database)


def _drop(run: Run, database: str) -> None:
    journal = run.journal
    made = {d.name for d in (*journal.old.definitions, *journal.new.definitions) if d.kind == "TRIGGER"}
    dropping.drop(run.session, database, lambda: made.union(trigger_names(run.session, run.swap.target)))


def _follow_sequences(run: Run, database: str, former: str) -> None:
    """Lets column defaults take their values from the sequences that moved with the tables (MariaDB).

    RENAME TABLE leaves ``nextval(`former`.`s`)`` as it is.
    """
    session = run.session
    if not survey.is_mariadb(session):
        return
    found = session.rows(
        "SELECT table_name, column_name, column_default FROM information_schema.columns"
        " WHERE table_schema = %s AND (column_default LIKE '%%nextval(%%'"
        " OR column_default LIKE '%%lastval(%%' OR column_default LIKE '%%setval(%%')",
        database,
    )
    if not found:
        return
    change = renaming(session, former, database, frozenset())
    session.use(database)
    session.rows("SET SESSION system_versioning_alter_history = KEEP")
    for table in dict.fromkeys(table for table, _, _ in found):  # all columns at once: each is looked up
        columns = (
            f"ALTER COLUMN {quoted(column)} SET DEFAULT ({default})"
            for owner, column, default in found
            if owner == table
        )
        sql = f"ALTER TABLE {quoted(table)} {', '.join(columns)}".encode()
        renamed = change.statement(Definition("TABLE", table, sql))
        if renamed != sql:
            session.send(renamed)


def _set_options(session: Session, database: str, wanted: str) -> None:
    if options(session, database) != wanted:
        session.rows(f"ALTER DATABASE {quoted(database)}{wanted}")


def _grant(run: Run, rights: Iterable[str]) -> None:
    """Gives the rights on the target's routines anew."""
    run.warnings += grants.give(run.session, dict.fromkeys(rights))
