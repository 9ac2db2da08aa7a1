"""What a dump's own SETs say about reading it: its schema, its encoding, how its strings are quoted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.names import codec_of
from python_backup.dump.postgresql.tokens import Kind
from python_backup.model import label

_MAY_SET = re.compile(rb"(?i)(?:set|reset|select)(?![A-Za-z0-9_$\x80-\xff])").match
_SETTINGS = re.compile(
    rb"(?i)search_path|client_encoding|standard_conforming_strings|names|set_config|schema|all"
).search
_TRUE = frozenset({"on", "true", "yes", "1", "t", "tr", "tru", "y", "ye"})
DEFAULT_SCHEMA = "public"


@dataclass(slots=True)
class Session:
    """Follows one dump's settings, statement by statement."""

    schema: str = DEFAULT_SCHEMA
    encoding: str = "UTF8"
    codec: str = "utf-8"
    standard: bool = True

    def cursor(self, sql: bytes) -> Cursor:
        """A cursor at the statement's first token."""
        return Cursor(sql, self.standard, self.codec)

    def label(self, *parts: str) -> str:
        """The `python_backup.model.label` of a named object; a name without schema gets the current one.

        A database before the schema is left out.
        """
        return label(*(parts[-2:] if len(parts) > 1 else (self.schema, *parts)))

    def take(self, sql: bytes) -> None:
        """Learns from one statement, if it is a SET or a ``set_config``."""
        if not _MAY_SET(sql) or not _SETTINGS(sql):
            return
        for name, values in settings(self.cursor(sql)):
            if name == "search_path":
                self.schema = next(
                    (v for v in _listed(values) if v not in {"$user", "pg_catalog"}), DEFAULT_SCHEMA
                )
            elif name == "client_encoding" and values:
                self.encoding, self.codec = values[0], codec_of(values[0])
            elif name == "standard_conforming_strings":
                self.standard = not values or values[0].lower() in _TRUE


def settings(at: Cursor) -> list[tuple[str, list[str]]]:
    """The settings that a statement makes, each with its values (none for DEFAULT and RESET).

    Understands ``SET [SESSION|LOCAL] x TO|= v, …``, ``SET NAMES``, ``SET SCHEMA``, ``RESET``, and calls
    of ``set_config`` with literals in a SELECT.
    """
    if at.accept("set"):
        if at.sees("session|local") and at.peek(1).names:
            at.take()
        return [_assignment(at)]
    if at.accept("reset"):
        if at.accept("all"):
            return [("search_path", []), ("client_encoding", []), ("standard_conforming_strings", [])]
        return [(".".join(at.name()).lower(), [])]
    found: list[tuple[str, list[str]]] = []
    while at.accept("select") or not at.ended:
        called = at.name()
        if called[-1:] == ("set_config",) and at.accept_sign(b"("):
            name = at.string()
            at.accept_sign(b",")
            value = at.string()
            if name is not None and value is not None:
                found.append((name.lower(), [value]))
        elif not called:
            at.take()
    return found


def _assignment(at: Cursor) -> tuple[str, list[str]]:
    if at.accept("names"):
        name = "client_encoding"
    elif at.accept("schema"):
        name = "search_path"
    elif at.accept("time", "zone"):
        name = "timezone"
    else:
        name = ".".join(at.name()).lower()
        if not at.accept("to"):
            at.accept_sign(b"=")
    values: list[str] = []
    while not at.ended:
        token = at.take()
        if token.kind is Kind.STRING:
            at.at -= 1
            values.append(at.string() or "")
        elif token.names:
            values.append(token.name(at.codec))
        elif token.kind is Kind.NUMBER:
            values.append(token.text.decode())
    return name, [] if values == ["default"] else values


def _listed(values: list[str]) -> list[str]:
    """The schemas of a search path; one string may hold several, quoted (``set_config``)."""
    if len(values) != 1 or not re.search(r"[\",]", values[0]):
        return [v for v in values if v]
    parts = Cursor(values[0].encode("utf-8", "surrogateescape"))
    found: list[str] = []
    while not parts.ended:
        found.extend(parts.name())
        parts.take()
    return found
