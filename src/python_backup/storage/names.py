"""The names of artifacts: ``YYYYMMDD_HHMMSS_dbms_database`` and the format's suffix.

A folder of parts has no suffix. The time is the machine's local time when the dump began, as in the names of
older backups (``database_YYYYMMDD_HHMMSS.sql``), which are read too. The manifest has the time in UTC.

A database's name may hold anything; a file's name should hold nothing that a shell, another
system's file store or ``sha256sum -c`` trips over. So every byte but ASCII letters, digits and
``_ - . + @ =`` is written ``%XX``, and a leading dot too. A name that gets too long is cut and ends
in ``~`` and a part of its SHA-256; then only the manifest tells it whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from python_backup.instance import Dbms
from python_backup.model import Format
from python_backup.stream.members import is_folder
from python_backup.stream.suffixes import SUFFIXES, named_format

LONGEST = 180
"""The most characters of an encoded database name: 255 less time, engine, suffixes, temporary marks."""

_TRIED = 60
"""How many seconds later a backup may be called."""

_SAFE = "-._+@="  # beside letters and digits
_CUT = LONGEST - 17  # "~" and 16 hex digits
_TIME = "%Y%m%d_%H%M%S"
_NEW = re.compile(r"(?P<time>\d{8}_\d{6})_(?P<dbms>[a-z]+)_(?P<database>.+)", re.ASCII | re.DOTALL)
_OLD = re.compile(r"(?P<database>.+)_(?P<time>\d{8}_\d{6})", re.ASCII | re.DOTALL)
_OLD_FORMATS = frozenset({Format.NONE, Format.GZIP})
_SHORTENED = re.compile(r".+~[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class ArtifactName:
    """What an artifact's name says. ``dbms`` is None for the old form.

    ``taken`` has the machine's time zone. ``shortened``: ``database`` is not the whole name.
    """

    taken: datetime
    dbms: Dbms | None
    database: str
    format: Format
    shortened: bool = False


def stem(taken: datetime, dbms: Dbms, database: str) -> str:
    """An artifact's name without its suffix; ``taken`` is written as it stands, without its zone."""
    return f"{taken.strftime(_TIME)}_{dbms}_{encode(database)}"


def artifact_name(name: ArtifactName) -> str:
    """The file's name of the new form.

    >>> artifact_name(ArtifactName(datetime(2026, 1, 13, 15, 54, 40), Dbms.MYSQL, "dns_db", Format.ZIP))
    '20260113_155440_mysql_dns_db.zip'
    """
    if name.dbms is None:
        raise AssertionError("only names of the new form are made")
    suffix = SUFFIXES.get(name.format, "")
    return stem(name.taken, name.dbms, name.database) + suffix


def names_tried(name: ArtifactName) -> Iterator[str]:
    """The file names that a backup may get: its own, then, where that is taken, those of the next seconds."""
    for seconds in range(_TRIED):
        yield artifact_name(replace(name, taken=name.taken + timedelta(seconds=seconds)))


def parse_name(file: str) -> ArtifactName | None:
    """What a file's name says, in the new or the old form; None where it is no artifact's."""
    stored = named_format(file)
    if stored is None:
        return None
    bare = file.removesuffix(SUFFIXES[stored])
    return _new(bare, stored) or _old(bare, stored)


def parse_folder(name: str) -> ArtifactName | None:
    """What the name of a folder says; None where it is no backup's in parts."""
    return _new(name, Format.PARTS)


def parse_path(path: Path) -> ArtifactName | None:
    """What an artifact's name says, be it a file or a folder."""
    return parse_folder(path.name) if is_folder(path) else parse_name(path.name)


def encode(database: str) -> str:
    """A database's name for a file's name; bytes that are no UTF-8 come as surrogates (``os.fsdecode``)."""
    raw = database.encode("utf-8", "surrogateescape")
    encoded = quote(raw, safe=_SAFE).replace("~", "%7E")
    if encoded.startswith("."):
        encoded = "%2E" + encoded[1:]
    if len(encoded) <= LONGEST:
        return encoded
    kept = re.sub(r"%[0-9A-F]?\Z", "", encoded[:_CUT])
    return f"{kept}~{hashlib.sha256(raw).hexdigest()[:16]}"


def decode(encoded: str) -> str:
    """The database's name; a shortened one as it stands, without its end."""
    if _SHORTENED.fullmatch(encoded):
        encoded = encoded[:-17]
    return unquote_to_bytes(encoded.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _new(bare: str, stored: Format) -> ArtifactName | None:
    found = _NEW.fullmatch(bare)
    if found is None or found["dbms"] not in set(Dbms):
        return None
    taken = _moment(found["time"])
    if taken is None:
        return None
    encoded = found["database"]
    return ArtifactName(
        taken, Dbms(found["dbms"]), decode(encoded), stored, shortened=bool(_SHORTENED.fullmatch(encoded))
    )


def _old(bare: str, stored: Format) -> ArtifactName | None:
    found = _OLD.fullmatch(bare)
    if found is None or stored not in _OLD_FORMATS:
        return None
    taken = _moment(found["time"])
    return None if taken is None else ArtifactName(taken, None, found["database"], stored)


def _moment(text: str) -> datetime | None:
    """The time of `_TIME`'s digits; strptime would import a calendar in every language for them."""
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    clock = (int(text[9:11]), int(text[11:13]), int(text[13:]))
    try:
        return datetime(year, month, day, *clock).astimezone()  # the machine's own zone is meant
    except (ValueError, OverflowError):
        return None
