"""Fits a dump's statements to the database that it goes into.

Statements that make or enter a database are left out, those about the dump's database are made to
name the target, and what the target's server cannot do (unknown settings, missing roles) is left
out. Data, literals and comments pass as they are; every change is counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.piece import ClientCommand, Piece, Statement
from python_backup.dump.postgresql.bridging import WHOEVER, bridged, left_out
from python_backup.dump.postgresql.connections import named_at
from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.names import quote
from python_backup.dump.postgresql.session import Session, settings
from python_backup.dump.postgresql.subject import Subject, subject_of
from python_backup.dump.postgresql.tokens import Token

_TOUCHED = re.compile(
    rb"(?i)(?:create|drop|alter|comment|grant|revoke|security|update|set|reset|select|begin|start|commit|end)"
    rb"(?![A-Za-z0-9_$\x80-\xff])"
).match
_TRANSACTION = frozenset({"begin", "start", "commit", "end"})
_FOR_SUPERUSERS = (("event", "trigger"), ("foreign", "data", "wrapper"), ("publication",), ("subscription",))
_NOT_SETTINGS = frozenset({"transaction", "constraints", "characteristics", "timezone", "xml", ""})
_DROPPED_FIRST = frozenset(
    {"table", "view", "index", "sequence", "domain", "publication", "materialized", "foreign"}
)


@dataclass(frozen=True, slots=True)
class Target:
    """The database that a dump goes into, and what its server and the account know.

    ``knows_setting`` tells whether ``SET name`` works there (ask ``current_setting(name, true)``:
    pg_settings hides some that can be set, such as ``default_with_oids``). ``roles`` are all roles of
    the server; ``owners`` those that the account may make the owner of something (all of them for
    a superuser). ``schemas`` are what the new database has already. ``version`` is
    ``server_version_num``.
    """

    database: str
    version: int
    knows_setting: Callable[[str], bool]
    roles: frozenset[str]
    owners: frozenset[str]
    schemas: frozenset[str] = frozenset({"public"})


@dataclass(slots=True)
class DumpRewriter:
    """One stream's rewriter."""

    target: Target
    changes: Changes
    choices: Choices = AS_THE_DUMP
    source: str | None = None
    _session: Session = field(default_factory=Session)
    _made: bool = False
    _missing: set[str] = field(default_factory=set)
    _dropped: set[str] = field(default_factory=set)

    def rewrite(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """What the target is to get, in order; that the chosen owner can be used, the bridge saw."""
        for piece in pieces:
            if isinstance(piece, ClientCommand):
                self.changes.add(f"\\{piece.command} left out", piece.line, piece.text)
            elif isinstance(piece, Statement) and _TOUCHED(piece.sql):
                self._tell_connection(piece)
                self._session.take(piece.sql)
                kept = self._statement(piece)
                if kept is not None:
                    yield kept
            else:
                yield piece

    def _tell_connection(self, piece: Statement) -> None:
        """Warns of a text that connects to the source, where the target is called otherwise in the end."""
        if self.source in (None, self.choices.final_name or self.target.database):
            return
        at = named_at(piece.sql, self.source or "")
        if at is not None:
            line = piece.line + piece.sql.count(b"\n", 0, at)
            self.changes.warnings.append(
                f"line {line}: a connection names the database {self.source}; it is left as it is"
            )

    def _leave_out(self, kind: str, piece: Statement) -> Statement | None:
        """Counts the statement as one that the target does not get."""
        self.changes.add(f"{kind} left out", piece.line, piece.text)
        return None

    def _statement(self, piece: Statement) -> Statement | None:
        why = left_out(self._session.cursor(piece.sql), self.target.version)
        if self.choices.no_acl:
            why = why or _acl(self._session.cursor(piece.sql))
        if why:
            return self._leave_out(why, piece)
        if self.choices.owner is not None:
            owned = self._owned(piece, self.choices.owner)
            if owned is None:
                return None
            piece = owned
        piece = self._bridged(piece)
        return self._as_subject(piece)

    def _bridged(self, piece: Statement) -> Statement:
        sql = bridged(self._session.cursor(piece.sql), self.target.version)
        if sql == piece.sql:
            return piece
        self.changes.add("put in the server's words", piece.line, piece.sql, sql)
        return _with(piece, sql)

    def _owned(self, piece: Statement, owner: str) -> Statement | None:
        """The statement with the chosen owner in it; None where it is left out."""
        at = self._session.cursor(piece.sql)
        start = 2 if at.sees("set", "session|local") else 1
        if at.sees("set") and at.peek(start).word in {"authorization", "role"}:
            return self._leave_out("SET SESSION AUTHORIZATION", piece)
        token, first = _owner_token(at)
        if token is None or token.name(at.codec) == owner:
            return piece
        if _for_superusers(self._session.cursor(piece.sql)):
            return self._leave_out("owner that must be a superuser", piece)  # it is given what it may own
        new = quote(owner).encode(at.codec, "surrogateescape")
        if first is not None:  # the schema is called as its owner is
            if token.word in WHOEVER:
                return piece
            new = token.text + b" AUTHORIZATION " + new
        start = token.start if first is None else first.start
        changed = _with(piece, piece.sql[:start] + new + piece.sql[token.end :])
        self.changes.add("owner replaced", piece.line, piece.sql, changed.sql)
        return changed

    def _as_subject(self, piece: Statement) -> Statement | None:
        at = self._session.cursor(piece.sql)
        if at.sees("set"):
            return self._set(piece, at)
        subject = subject_of(at)
        if subject.verb in _TRANSACTION:
            return self._leave_out("transaction command", piece)
        if subject.kind == "database":
            return self._database(piece, subject, at)
        if subject.kind == "role" and subject.verb == "create":
            return self._leave_out("CREATE ROLE", piece)
        return self._in_database(piece)

    def _in_database(self, piece: Statement) -> Statement | None:
        if self._lacks_role(piece, self._session.cursor(piece.sql)):
            return None
        return self._of_new_database(piece, self._session.cursor(piece.sql))

    def _database(self, piece: Statement, subject: Subject, at: Cursor) -> Statement | None:
        if subject.verb in {"create", "drop", "update"}:
            return self._leave_out(f"{subject.verb.upper()} DATABASE", piece)
        if self._database_lacks(piece, subject, at):
            return None
        token = subject.token
        if token is None or subject.database == self.target.database:
            return piece
        new = quote(self.target.database).encode(at.codec, "surrogateescape")
        changed = replace(
            piece,
            text=piece.text[: token.start] + new + piece.text[token.end :],
            sql=piece.sql[: token.start] + new + piece.sql[token.end :],
        )
        self.changes.add("database renamed", piece.line, piece.text, changed.text)
        return changed

    def _database_lacks(self, piece: Statement, subject: Subject, at: Cursor) -> bool:
        """Leaves out what the target cannot do to its database; ``at`` stands after its name."""
        roles, known = subject.roles, self.target.roles
        if subject.verb in {"grant", "revoke"}:
            roles = _grantees(at)
        elif subject.verb == "alter" and at.accept("owner", "to"):
            roles, known = _roles(at), self.target.owners
        if self._lacks(piece, roles, known):
            return True
        return subject.verb == "alter" and at.sees("set|reset") and self._unknown(piece, at)

    def _set(self, piece: Statement, at: Cursor) -> Statement | None:
        start = 2 if at.sees("set", "session|local") else 1
        if at.peek(start).word == "authorization" or at.peek(start).word == "role":
            role = at.peek(start + 1).name(at.codec)
            absent = role not in {"none", "default"} and self._lacks(piece, (role,), self.target.owners)
            return None if absent else piece
        return None if self._unknown(piece, at) else piece

    def _unknown(self, piece: Statement, at: Cursor) -> bool:
        """Leaves out a SET of what the target does not know."""
        for name, _ in settings(at):
            if name not in _NOT_SETTINGS and not self.target.knows_setting(name):
                self._leave_out("unknown setting", piece)
                return True
        return False

    def _lacks_role(self, piece: Statement, at: Cursor) -> bool:
        """Leaves out what needs a role that the target's server lacks."""
        if at.accept("grant|revoke"):
            return self._lacks(piece, _grantees(at), self.target.roles)
        if at.accept("alter", "default", "privileges"):
            owners: tuple[str, ...] = ()
            if at.accept("for", "role|user"):
                owners = _roles(at)
            return self._lacks(piece, owners, self.target.owners) or self._lacks(
                piece, _grantees(at), self.target.roles
            )
        if at.accept("create|alter|drop", "user", "mapping"):
            at.accept("if", "not", "exists")
            at.accept("if", "exists")
            at.accept("for")
            return self._lacks(piece, _roles(at), self.target.roles)
        return at.accept("alter") and self._lacks(piece, _new_owner(at), self.target.owners)

    def _lacks(self, piece: Statement, roles: tuple[str, ...], known: frozenset[str]) -> bool:
        missing = [r for r in roles if r not in known and r not in WHOEVER]
        for role in missing:
            if role not in self._missing:
                self._missing.add(role)
                self.changes.warnings.append(
                    f"role {role!r} cannot be used on the target; what needs it is left out"
                )
        if missing:
            self._leave_out("statement for a missing role", piece)
        return bool(missing)

    def _of_new_database(self, piece: Statement, at: Cursor) -> Statement | None:
        """What cannot work in a new database: making what it has, dropping what it never had."""
        if at.accept("create", "schema"):
            self._made = True
            return self._schema(piece, at)
        if at.sees("create"):
            self._made = True
            return piece
        if at.accept("drop", "schema"):
            at.accept("if", "exists")
            name = at.take().name(at.codec)
            self._dropped.add(name)
            at.at = 0 if name not in self.target.schemas else at.at
        if self._made or not _drops_first(at):
            return piece
        return self._leave_out("drop of what a new database lacks", piece)

    def _schema(self, piece: Statement, at: Cursor) -> Statement | None:
        careful = at.accept("if", "not", "exists")
        start, named = at.peek().start, b""
        if not at.sees("authorization"):
            name = at.take()
            start = name.end
            plain = name.name(at.codec)
            if plain in self.target.schemas and plain not in self._dropped and not careful:
                return self._leave_out("CREATE SCHEMA of one that is there", piece)
        else:
            named = at.peek(1).text  # the schema is called as its owner is
        if at.accept("authorization"):
            role = at.take()
            if self._is_missing(role.name(at.codec)):
                cut = piece.sql[:start] + named + piece.sql[role.end :]
                changed = replace(piece, text=cut + piece.text[len(piece.sql) :], sql=cut)
                self.changes.add("owner of a schema left out", piece.line, piece.text, changed.text)
                return changed
        return piece

    def _is_missing(self, role: str) -> bool:
        return role not in self.target.owners and role not in WHOEVER


def _roles(at: Cursor) -> tuple[str, ...]:
    """A list of roles, parted by commas, stepped over."""
    found: list[str] = []
    while at.peek().names:
        at.accept("group")
        found.append(at.take().name(at.codec))
        if not at.accept_sign(b","):
            break
    return tuple(found)


def _grantees(at: Cursor) -> tuple[str, ...]:
    """The roles after a GRANT's TO or a REVOKE's FROM, and after GRANTED BY."""
    if not at.skip_to("to", "from"):
        return ()
    at.take()
    found = _roles(at)
    if at.skip_to("granted") and at.accept("granted", "by"):
        found += _roles(at)
    return found


def _new_owner(at: Cursor) -> tuple[str, ...]:
    """The role after OWNER TO; a column that is called owner is renamed with RENAME before it."""
    before = ""
    while not at.ended:
        if before not in {"rename", "column"} and at.accept("owner", "to"):
            return _roles(at)
        before = "" if at.skip_parentheses() else at.take().word
    return ()


def _drops_first(at: Cursor) -> bool:
    """Whether this drops something and fails when it is not there, as ``pg_dump --clean`` begins."""
    if at.accept("drop"):
        while not at.ended:
            if at.accept("if", "exists"):
                return False
            at.take()
        return True
    if at.accept("alter"):
        careful = at.sees(at.peek().word, "if", "exists")
        return at.peek().word in _DROPPED_FIRST and not careful and at.skip_to("drop", "detach")
    return at.accept("select") and at.name()[-1:] == ("lo_unlink",) and not at.skip_to("where")


def _with(piece: Statement, sql: bytes) -> Statement:
    return replace(piece, sql=sql, text=piece.text.replace(piece.sql, sql, 1))


def _acl(at: Cursor) -> str | None:
    """What a statement about rights is called; None for any other."""
    if at.sees("grant"):
        return "GRANT"
    if at.sees("revoke"):
        return "REVOKE"
    return "ALTER DEFAULT PRIVILEGES" if at.sees("alter", "default", "privileges") else None


def _owner_token(at: Cursor) -> tuple[Token | None, Token | None]:
    """The role in ``OWNER TO``, ``CREATE SCHEMA … AUTHORIZATION`` or ``DEFAULT PRIVILEGES FOR ROLE``.

    With it the word AUTHORIZATION where the schema has no name of its own.
    """
    if at.accept("alter", "default", "privileges", "for", "role|user"):
        return (at.peek() if at.peek().names else None), None
    if at.accept("create", "schema"):
        at.accept("if", "not", "exists")
        unnamed = at.peek() if at.sees("authorization") else None
        return (at.peek(1) if at.skip_to("authorization") and at.peek(1).names else None), unnamed
    if not at.sees("alter"):
        return None, None
    before = ""
    while not at.ended:
        if before not in {"rename", "column"} and at.accept("owner", "to"):
            return (at.peek() if at.peek().names else None), None
        before = "" if at.skip_parentheses() else at.take().word
    return None, None


def _for_superusers(at: Cursor) -> bool:
    """Whether it alters something of a kind that not every role may own."""
    return at.accept("alter") and any(at.accept(*words) for words in _FOR_SUPERUSERS)
