"""Tells a PostgreSQL dump by its first bytes."""

from __future__ import annotations

import re

from python_backup.dump.dialect import Header

_MARK = re.compile(rb"^--\r?\n-- PostgreSQL database (cluster )?dump\r?\n--", re.MULTILINE)
_SERVER = re.compile(rb"^-- Dumped from database version ([^\r\n]+)", re.MULTILINE)
_CLIENT = re.compile(rb"^-- Dumped by pg_dump", re.MULTILINE)
_CONNECT = re.compile(rb"^\\c(?:onnect)?[ \t]+([^\r\n]+)", re.MULTILINE)
_ANY = (
    re.compile(rb"PostgreSQL database (?:cluster )?dump"),
    re.compile(rb"^\\(?:c|connect|restrict)[ \t]", re.MULTILINE),
    re.compile(rb"(?i)^SET (?:standard_conforming_strings|search_path|client_encoding)\b", re.MULTILINE),
    re.compile(rb"^COPY [^;]{1,2000} FROM stdin;", re.MULTILINE),
    re.compile(rb"(?i)\bpg_catalog\.|\bDB Server: PostgreSql\b|\bLANGUAGE plpgsql\b"),
)


def read_header(head: bytes) -> Header | None:
    """What the first bytes (some 64 KiB) tell; None where nothing speaks of PostgreSQL.

    The tool is known only where the dump begins as the tool begins it, so that a script that
    borrows a comment is not asked for an end mark that nobody wrote.
    """
    mark = _MARK.search(head)
    if mark is None and not any(sign.search(head) for sign in _ANY):
        return None
    tool = None
    if mark is not None and mark.group(1):
        tool = "pg_dumpall"
    elif mark is not None and (_CLIENT.search(head) or not head[: mark.start()].strip()):
        tool = "pg_dump"
    server = _SERVER.search(head)
    database = None
    if tool != "pg_dumpall" and (connect := _CONNECT.search(head)):
        database = connected(connect.group(1))
    return Header(
        "postgresql", tool, server.group(1).decode("utf-8", "replace") if server else None, database
    )


def connected(argument: bytes, codec: str = "utf-8") -> str | None:
    r"""The database that ``\connect`` would enter; None unless the argument names one and no more.

    A user, a host, a connection string with more than ``dbname`` and whatever psql would put in
    (variables, backquotes) are more.
    """
    words = argument.rstrip(b"; \t\r\n").replace(b"-reuse-previous=on ", b"", 1).strip()
    if words[:1] == b'"' and words[-1:] == b'"' and re.fullmatch(rb'"(?:[^"]|"")*"', words):
        name = words[1:-1].replace(b'""', b'"')
    elif re.fullmatch(rb"'(?:[^'\\]|'')*'", words):
        name = words[1:-1].replace(b"''", b"'")
    elif re.fullmatch(rb"[^\s\"'`:\\-][^\s\"'`:\\]*", words):
        name = words
    else:
        return None
    if b"-reuse-previous=on " in argument[:20]:
        return _connection_string(name, codec)
    return None if re.match(rb"[^=]*=|postgres(?:ql)?://", name) else name.decode(codec, "surrogateescape")


def _connection_string(text: bytes, codec: str) -> str | None:
    r"""The name in ``dbname='…'`` alone, with ``\`` and ``'`` escaped by a backslash (libpq)."""
    found = re.fullmatch(rb"\s*dbname\s*=\s*(?:'((?:[^'\\]|\\.)*)'|([^\s'\\]+))\s*", text, re.DOTALL)
    if found is None:
        return None
    raw = (
        re.sub(rb"\\(.)", rb"\1", found.group(1), flags=re.DOTALL)
        if found.group(1) is not None
        else found.group(2)
    )
    return raw.decode(codec, "surrogateescape")
