"""The records of runs: one JSON file each in ``.runs`` within the backup folder, the latest `KEPT`.

A record is written when its run begins to work and again when it ends. In between its process holds
the file's lock: a record without an end that nobody holds is of a run that was killed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from python_backup.errors import StorageFailed
from python_backup.model import Run
from python_backup.stream.hold import abandoned, take
from python_backup.stream.publish import publishing, storage_failed

RUNS = ".runs"
KEPT = 1000
"""Records that stay; each has some kilobytes."""

_FORMAT = "vya-backupdb/run"
_LARGEST = 16 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """The record of a run that is going on; ``begin`` makes it."""

    path: Path
    first: Mapping[str, Any]
    descriptor: int

    def finish(self, last: Mapping[str, Any]) -> None:
        """Writes how the run ended in place of how it began; gives up the lock.

        Raises:
            StorageFailed: it cannot be written; the run's beginning stays.
        """
        try:
            with publishing(self.path) as sink:
                sink.write(_bytes({**self.first, **last}))
                sink.replace()
        finally:
            os.close(self.descriptor)


def begin(folder: Path, run: Run, words: str) -> Record:
    """Writes that the run began; the oldest records beyond `KEPT` go.

    Raises:
        StorageFailed: it cannot be written.
    """
    place = folder / RUNS
    path = place / f"{run.id}.json"
    first = {
        "format": _FORMAT,
        "version": 1,
        "id": run.id,
        "command": run.command,
        "words": words,
        "pid": os.getpid(),
        "started": run.started.isoformat(),
        "finished": None,
        "exit_code": None,
        "signal": None,
        "error": None,
        "databases": [],
    }
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise storage_failed(place, exc) from exc
    try:
        os.fchmod(descriptor, 0o600)
        take(descriptor)
        os.write(descriptor, _bytes(first))
    except OSError as exc:
        os.close(descriptor)
        path.unlink(missing_ok=True)
        raise storage_failed(place, exc) from exc
    _drop_oldest(place)
    return Record(path, first, descriptor)


def runs(folder: Path) -> tuple[dict[str, Any], ...]:
    """The records, the latest first, each with its ``state``: ``running``, ``killed`` or ``ended``.

    Raises:
        StorageFailed: they cannot be read.
    """
    try:
        names = _names(folder / RUNS)
    except FileNotFoundError:
        return ()
    except OSError as exc:
        raise StorageFailed(f"{folder / RUNS} cannot be read: {exc.strerror}") from exc
    found = (_read(folder / RUNS / name) for name in names)
    records = (record for record in found if record is not None)
    return tuple(sorted(records, key=lambda record: str(record.get("started")), reverse=True))


def _read(path: Path) -> dict[str, Any] | None:
    """None where it is no record, or was removed meanwhile."""
    try:
        with path.open("rb") as file:
            record = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("format") != _FORMAT:
        return None
    if record.get("finished") is not None:
        return {**record, "state": "ended"}
    with abandoned(path) as free:
        return {**record, "state": "killed" if free else "running"}


def _names(place: Path) -> list[str]:
    """Sorted by the second of their beginning: a run's id begins with it."""
    return sorted(name for name in os.listdir(place) if name.endswith(".json") and name[0] != ".")  # noqa: PTH208


def _drop_oldest(place: Path) -> None:
    with suppress(OSError):
        for name in _names(place)[:-KEPT]:
            (place / name).unlink(missing_ok=True)


def _bytes(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=2, default=str).encode() + b"\n"
