"""Tells from a dump's first bytes whether it is MySQL's or MariaDB's, and what wrote it."""

from __future__ import annotations

import re

from python_backup.dump.dialect import Header
from python_backup.dump.mysql.names import decode

_TOOLS = (
    (re.compile(rb"^-- MySQL dump \d", re.MULTILINE), "mysqldump"),
    (re.compile(rb"^-- MariaDB dump \d", re.MULTILINE), "mariadb-dump"),
)
_BEGINNING = 4096
_SERVER = re.compile(rb"^-- (?:Server version\s+|Server version: |version: )([^\s]+)", re.MULTILINE)
_DATABASE = re.compile(rb"^-- Host: .*?[ \t]Database: ([^\r\n]*)", re.MULTILINE)
_FAMILY = re.compile(
    rb"""
    ^/\*M?!\d{5,6}[ \\]            # conditional code
    | ^--\ (?:phpMyAdmin\ SQL|MySQL\ |MariaDB\ |mydumper)
    | ^(?:CREATE|DROP|USE|INSERT|REPLACE|LOCK|ALTER)\b[^;]*?`
    | ^SET\ (?:SQL_MODE|NAMES\ utf8|FOREIGN_KEY_CHECKS|@OLD|@@)
    | ^\)\ ?(?:ENGINE|TYPE)\ ?=
    | \bAUTO_INCREMENT\b
    """,
    re.MULTILINE | re.VERBOSE | re.IGNORECASE,
)
_OTHER = re.compile(rb"^-- PostgreSQL database (?:cluster )?dump|^SET statement_timeout", re.MULTILINE)


def read_header(head: bytes) -> Header | None:
    """What the first bytes (some 4 KiB or more) of a dump tell; None where they are not MySQL's."""
    marks = [
        (mark.start(), name) for pattern, name in _TOOLS if (mark := pattern.search(head, 0, _BEGINNING))
    ]
    tool = min(marks)[1] if marks else None  # a later one is in the data
    if tool is None and (_OTHER.search(head) or not _FAMILY.search(head)):
        return None
    server = _SERVER.search(head)
    database = _DATABASE.search(head) if tool else None
    name = decode(database[1]).strip() if database else ""
    return Header("mysql", tool, decode(server[1]) if server else None, name or None)
