"""Views, triggers, routines and events of a database, as SHOW CREATE gives them, to be made elsewhere.

They are read as the dump tools read them: raw, in the character set of the client that made them,
while the database is the session's own, so that names in it are mostly left unqualified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from python_backup.dump.changes import Changes
from python_backup.dump.choices import Choices
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.renaming import Name, ambiguous
from python_backup.dump.mysql.rewriter import MysqlRewriter, Target
from python_backup.dump.mysql.tokens import Token, tokens
from python_backup.dump.piece import Statement
from python_backup.engines.mysql.connection import Session, quoted
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.engines.mysql.survey import of_schema
from python_backup.errors import NotPermitted, Refused

PLAIN = (
    "SET SESSION sql_mode = '', character_set_client = utf8mb4, collation_connection = utf8mb4_general_ci,"
    " character_set_results = utf8mb4, time_zone = 'SYSTEM'"
)
"""The settings between two definitions."""

ROUTINES = ("PACKAGE", "PACKAGE BODY", "FUNCTION", "PROCEDURE")
"""The kinds of routines, in the order in which they are made."""

_NOT_READABLE = frozenset((1054, 1146, 1267, 1271, 1305, 1356, 1449))
"""What the server says of a view whose tables, columns, functions or definer are gone."""

_NOT_SHOWN = 1235
"""MySQL: the view refers to a missing table, and to a table function."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One object; ``create`` is the statement in the bytes of ``charset``.

    ``table`` is a trigger's. ``made`` is an event's CREATED as Unix time: made later, an event whose
    time has come since would not be taken. ``broken`` is a view that cannot be read.
    """

    kind: str
    name: str
    create: bytes
    sql_mode: str = ""
    charset: str = "utf8mb4"
    collation: str = ""
    database_collation: str = ""
    time_zone: str = "SYSTEM"
    definer: str = ""
    table: str = field(default="", compare=False)
    made: int = field(default=0, compare=False)
    broken: bool = field(default=False, compare=False)

    @property
    def enabled(self) -> bool:
        """Whether this is an event that runs."""
        return self.kind == "EVENT" and any(t.word == "ENABLE" for t in _status(self))


def read(session: Session, database: str, *, of_tables: bool = True) -> tuple[Definition, ...]:
    """Everything in the database that is made by a statement of its own, in the order to make it.

    Without ``of_tables`` no triggers: of a table that a crash cut, the server shows none (error 1932).

    Raises:
        NotPermitted: a definition is hidden from the account.
    """
    session.rows(PLAIN)
    session.use(database)
    of_table = triggers(session, database) if of_tables else ()
    return (*_routines(session, database), *_views(session, database), *of_table, *events(session, database))


def triggers(session: Session, database: str) -> tuple[Definition, ...]:
    """The database's triggers, in the order in which the server fires them."""
    found = session.rows(
        "SELECT trigger_name, definer, event_object_table FROM information_schema.triggers"
        f" WHERE {of_schema('trigger_schema')}"
        " ORDER BY event_object_table, action_timing, event_manipulation, action_order",
        database,
        database,
    )
    return tuple(
        replace(_shown(session, database, "TRIGGER", name, definer, table), table=table)
        for name, definer, table in found
    )


def trigger_names(session: Session, database: str) -> list[str]:
    """The names of the database's triggers."""
    sql = f"SELECT trigger_name FROM information_schema.triggers WHERE {of_schema('trigger_schema')}"
    return [name for (name,) in session.rows(sql, database, database)]


def _routines(session: Session, database: str) -> list[Definition]:
    found = []
    for name, kind, definer in session.rows(
        "SELECT routine_name, routine_type, definer FROM information_schema.routines"
        f" WHERE {of_schema('routine_schema')} ORDER BY routine_name",
        database,
        database,
    ):
        if kind not in ROUTINES:
            raise Refused(f"the {kind.lower()} {name!r} of {database!r} cannot be moved")
        found.append(_shown(session, database, kind, name, definer))
    return sorted(found, key=lambda d: ROUTINES.index(d.kind))


def _views(session: Session, database: str) -> list[Definition]:
    found = session.rows(
        "SELECT table_name, definer, view_definition, check_option, security_type, collation_connection"
        " FROM information_schema.views WHERE table_schema = %s ORDER BY table_name",
        database,
    )
    return [_view(session, database, *row) for row in found]


def _view(session: Session, database: str, name: str, definer: str, *listed: str) -> Definition:
    """A view as SHOW CREATE gives it; of a broken one that uses JSON_TABLE, as the catalog lists it.

    Asked to show such a view MySQL 9.7 refuses (1235) and MariaDB 10.11 and 11.8 crash. The catalog keeps
    no ALGORITHM, and its text is in UTF-8.
    """
    broken = _broken(session, database, name)
    if broken and "json_table" in (listed[0] or "").lower():
        return _listed(name, definer, *listed)
    try:
        return replace(_shown(session, database, "VIEW", name, definer), broken=broken)
    except ServerSaid as exc:
        if exc.code != _NOT_SHOWN:
            raise
        return _listed(name, definer, *listed)


def _listed(name: str, definer: str, *listed: str) -> Definition:
    body, check, security, collation = listed
    account = "@".join(quoted(part) for part in definer.rsplit("@", 1))
    option = "" if check == "NONE" else f" WITH {check} CHECK OPTION"
    create = f"CREATE DEFINER={account} SQL SECURITY {security} VIEW {quoted(name)} AS {body}{option}"
    return Definition("VIEW", name, create.encode(), "", "utf8mb4", collation, definer=definer, broken=True)


def _broken(session: Session, database: str, view: str) -> bool:
    try:
        session.rows(f"SELECT * FROM {quoted(database)}.{quoted(view)} LIMIT 0")
    except ServerSaid as exc:
        return exc.code in _NOT_READABLE
    except NotPermitted:
        return False
    return False


def events(session: Session, database: str) -> list[Definition]:
    """The database's events."""
    found = session.rows(
        "SELECT event_name, definer, event_comment, UNIX_TIMESTAMP(created) FROM information_schema.events"
        f" WHERE {of_schema('event_schema')} ORDER BY event_name",
        database,
        database,
    )
    return [
        replace(_shown(session, database, "EVENT", name, definer, comment), made=int(made))
        for name, definer, comment, made in found
    ]


_ROUTINE_COLUMNS = {"create": 2, "sql_mode": 1, "charset": 3, "collation": 4, "database_collation": 5}
_COLUMNS = {
    "VIEW": {"create": 1, "charset": 2, "collation": 3},
    "EVENT": {
        "create": 3, "sql_mode": 1, "time_zone": 2, "charset": 4, "collation": 5, "database_collation": 6,
    },
}  # fmt: skip
"""Where SHOW CREATE has what; routines and triggers are alike."""


def _shown(session: Session, database: str, kind: str, name: str, definer: str, *texts: str) -> Definition:
    """One definition; ``texts`` are further names and comments that the server puts before its body."""
    session.rows("SET SESSION character_set_results = 'binary'")
    row = session.rows(f"SHOW CREATE {kind} {quoted(database)}.{quoted(name)}")[0]
    session.rows("SET SESSION character_set_results = utf8mb4")
    columns = dict(_COLUMNS.get(kind, _ROUTINE_COLUMNS))
    create = row[columns.pop("create")]
    if create is None:
        raise NotPermitted(
            f"the definition of the {kind.lower()} {name!r} of {database!r} is hidden from the account",
            hint="Grant SHOW_ROUTINE ON *.* (MySQL) or SELECT ON mysql.proc (MariaDB) to the account.",
        )
    said = {setting: _text(row[column]) for setting, column in columns.items()}
    create = _bytes(create)
    for text in (name, definer.rpartition("@")[0], *texts):
        create = _in_one_charset(session, create, text, said["charset"])
    return Definition(
        kind, name, create, said.get("sql_mode", ""), said["charset"], said["collation"],
        said.get("database_collation", ""), said.get("time_zone", "SYSTEM"), definer,
    )  # fmt: skip


def _in_one_charset(session: Session, create: bytes, text: str, charset: str) -> bytes:
    """The statement with a text of its head in the character set of its body.

    The servers put names and comments there in UTF-8, whatever the body is in: MySQL 9.7 for all
    but views, MariaDB 11.8 for events.

    Raises:
        Refused: the character set has no such characters.
    """
    head = text.encode()
    if text.isascii() or charset.startswith("utf8") or head not in create:
        return create
    fitting = spelled(session, text, charset)
    if _text(session.value(f"SELECT CONVERT(CONVERT(%s USING {charset}) USING utf8mb4)", text)) != text:
        raise Refused(f"a definition in the character set {charset} names {text!r}, which it cannot spell")
    return create.replace(head, fitting, 1)


def spelled(session: Session, name: str, charset: str) -> bytes:
    """The name's bytes in a character set of the server's."""
    if name.isascii() or charset.startswith("utf8"):
        return name.encode()
    return bytes.fromhex(session.value(f"SELECT HEX(CONVERT(%s USING {charset}))", name))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value


def slept(event: Definition) -> Definition:
    """The event, disabled."""
    return _with_status(event, b"DISABLE")


def woken(event: Definition) -> Definition:
    """The event, enabled."""
    return _with_status(event, b"ENABLE")


def _with_status(event: Definition, status: bytes) -> Definition:
    found = _status(event)
    if not found:
        return event
    start, end = found[0].start, found[-1].end
    return replace(event, create=event.create[:start] + status + event.create[end:])


def _status(event: Definition) -> list[Token]:
    """The tokens of ``ENABLE``, ``DISABLE`` or ``DISABLE ON REPLICA``, behind PRESERVE."""
    modes = SqlModes()
    modes.follow(b"SET sql_mode = '" + event.sql_mode.encode() + b"'")
    found = tokens(event.create, modes)
    at = next((n for n, t in enumerate(found) if t.word == "PRESERVE"), None)
    if at is None:
        return []
    length = 3 if len(found) > at + 2 and found[at + 2].word == "ON" else 1
    return found[at + 1 : at + 1 + length]


@dataclass(frozen=True, slots=True)
class Renaming:
    """From one database's name to another's, on one server; ``spelled`` gives a name's bytes in a charset."""

    old: str
    new: str
    version: str
    collations: frozenset[str]
    spelled: Callable[[str, str], bytes]
    warnings: list[str]

    def __call__(self, found: Iterable[Definition]) -> tuple[Definition, ...]:
        """The definitions for the other database; definers stay as they are."""
        return tuple(replace(d, create=self.statement(d)) for d in found)

    def statement(self, definition: Definition) -> bytes:
        """The statement with each mention of the old database renamed by the dump's own rewriter."""
        changes = Changes()
        user, _, host = definition.definer.rpartition("@")
        target = Target(
            database=self._name(self.new, definition.charset),
            version=self.version,
            collations=self.collations,
            accounts=frozenset({(user, host)}),
            current=(user, host),
        )
        old = self._name(self.old, definition.charset)
        as_it_is = Choices(
            final_name=old, definer="keep", events="keep"
        )  # what is unsure is left, in silence
        rewriter = MysqlRewriter(old, target, changes, as_it_is)
        mode = b"SET sql_mode = '" + definition.sql_mode.encode() + b"'"
        sql = [mode, definition.create]
        *_, last = rewriter.rewrite(Statement(text, 1, text) for text in sql)
        what = f"the {definition.kind.lower()} {definition.name!r}"
        modes = SqlModes()
        modes.follow(mode)
        if any(ambiguous(tokens(definition.create, modes), Name(old))):
            self.warnings.append(
                f"{what}: {self.old}.… may name the database or an alias; it was left as it is"
            )
        self.warnings.extend(f"{what}: {w.removeprefix('line 1: ')}" for w in changes.warnings)
        assert isinstance(last, Statement)
        return last.sql

    def _name(self, name: str, charset: str) -> str:
        """The name as the text that the rewriter makes these bytes of."""
        return self.spelled(name, charset).decode("utf-8", "surrogateescape")


def renaming(session: Session, old: str, new: str, collations: frozenset[str]) -> Renaming:
    """The renaming on this session's server."""
    return Renaming(old, new, session.version, collations, partial(spelled, session), [])
