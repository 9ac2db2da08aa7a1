"""Texts in a dump that connect to a database by its name, as dblink's and foreign servers' do.

Nothing else in PostgreSQL reaches another database. They are texts, so they are told and never changed.
"""

from __future__ import annotations

import re
from functools import lru_cache

_NEAR = re.compile(rb"(?i)dbname|postgres(?:ql)?://").search


@lru_cache(maxsize=4)
def _pattern(database: str) -> re.Pattern[bytes]:
    name = re.escape(database.encode("utf-8", "surrogateescape"))
    return re.compile(
        rb"(?i:\bdbname)[\s='\"\\]{1,8}" + name + rb"(?![\w$\x80-\xff])"
        rb"|(?i:\bpostgres(?:ql)?://)[^\s'/]*+/" + name + rb"(?![\w$\x80-\xff])"
    )


def named_at(sql: bytes, database: str) -> int | None:
    """Where the statement first holds such a text for this database; None where nowhere.

    Source: PostgreSQL documentation, "Connection Strings" (libpq).
    """
    if not _NEAR(sql):
        return None
    found = _pattern(database).search(sql)
    return found.start() if found else None
