"""What else than its statement makes a program what it is: the session's settings, and its place.

A routine, trigger, event or view keeps the sql_mode, character set and collation of the session that makes
it, an event the time zone too; of triggers for one event, the one that was made first is the first to run.
Source: MySQL Reference Manual, "CREATE PROCEDURE", "CREATE TRIGGER", "CREATE EVENT".
"""

from __future__ import annotations

import re

from python_backup.dump.created import Created

_SETS = re.compile(rb"(?i)(?:/\*M?!\d*\s*)?SET\b")
_ASSIGNED = re.compile(
    rb"(?i)(?<![\w@.$])(sql_mode|character_set_client|collation_connection|time_zone)\s*=\s*('[^']*'|[^\s,*;]+)"
)
_NAMES = re.compile(rb"(?i)SET\s+NAMES\s+'?(\w+)")
_FIRES = re.compile(
    rb"(?i)\x00TRIGGER\x00.*?\x00((?:BEFORE|AFTER)\x00(?:INSERT|UPDATE|DELETE)\x00ON\x00[^\x00]+)", re.DOTALL
)


class Settings:
    """Follows one dump's settings and triggers."""

    def __init__(self) -> None:
        self._set: dict[bytes, bytes] = {}
        self._last: dict[bytes, str] = {}

    def follow(self, sql: bytes) -> None:
        """Learns from a SET."""
        if not _SETS.match(sql):
            return
        for name, value in _ASSIGNED.findall(sql):
            self._set[name.lower()] = value.strip(b"'").lower()
        if named := _NAMES.search(sql):
            self._set[b"character_set_client"] = named[1].lower()

    def around(self, made: Created, text: bytes) -> bytes:
        """What belongs to a program's digest beside its ``text``, in tokens."""
        names = sorted(self._set.keys() - (set() if made.kind == "events" else {b"time_zone"}))
        if made.kind == "views":
            names = [name for name in names if name != b"sql_mode"]  # a view keeps none
        told = b"".join(b"\0%s\0%s" % (name, self._set[name]) for name in names)
        if made.kind == "triggers" and (fires := _FIRES.search(text)):
            event = fires[1].lower()
            before, self._last[event] = self._last.get(event, ""), made.name
            told += b"\0follows\0" + before.encode("utf-8", "surrogateescape")
        return told
