"""The records of drills: one small JSON file each in ``.proofs`` beside the artifact, the latest `KEPT`.

A record bears the artifact's SHA-256 in its name and its text: it is of those bytes, wherever they lie
and whatever they are called. It tells what a drill showed and how long each step took, from which a
restore's time can be foretold; it signs nothing.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from python_backup.errors import StorageFailed
from python_backup.instance import Dbms
from python_backup.stream.publish import publishing, storage_failed

PROOFS = ".proofs"
KEPT = 5000
"""Records that stay; each has about a kilobyte."""

_FORMAT = "vya-backupdb/proof"
_LARGEST = 1 << 20
_NAME = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-([0-9a-f]{64})-[0-9a-f]{6}\.json")


class Verdict(StrEnum):
    """What a drill shows. ``failed``: the backup is bad; ``error``: the drill itself could not be done.

    ``stale`` is no drill's: the latest proof is older than it may be, and no drill was made now.
    """

    PROVEN = "proven"
    FAILED = "failed"
    ERROR = "error"
    STALE = "stale"


class Equality(StrEnum):
    """How far a table is known to be the same, the most first."""

    IDENTICAL = "identical"
    SAME_ROWS = "same rows"
    SAME_COUNT = "same count"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Proof:
    """What one drill of one artifact showed.

    ``at`` is when the drill began, ``taken`` when the backup did. ``instance`` is None where no manifest
    says it. ``equality`` is the least that was shown of any table, None where no table was compared.
    ``server`` is the throw-away server, ``mariadb 10.11.19``. ``seconds`` are by step: ``get``,
    ``restore``, ``index``, ``verify`` (time to recover), ``start`` (the throw-away server). ``size`` and
    ``raw_size`` are the artifact's and the dump's bytes, ``rows`` those restored.
    """

    artifact: str
    sha256: str
    instance: str | None
    dbms: Dbms
    database: str
    taken: datetime
    at: datetime
    verdict: Verdict
    reason: str | None = None
    equality: Equality | None = None
    server: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    size: int = 0
    raw_size: int = 0
    rows: int = 0
    tables: int = 0

    @property
    def total(self) -> float:
        """All of the drill's seconds."""
        return sum(self.seconds.values())


def keep(folder: Path, proof: Proof, draw: Callable[[int], bytes] = os.urandom) -> Path:
    """Writes the record of a drill of an artifact in this folder; the oldest beyond `KEPT` go.

    Raises:
        StorageFailed: it cannot be written.
    """
    place = folder / PROOFS
    path = place / f"{proof.at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{proof.sha256}-{draw(3).hex()}.json"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise storage_failed(place, exc) from exc
    with publishing(path) as sink:
        sink.write(json.dumps(_plain(proof), indent=2).encode("ascii") + b"\n")
        sink.commit()
    with suppress(OSError):
        for name in _names(place)[:-KEPT]:
            (place / name).unlink(missing_ok=True)
    return path


def proofs(folder: Path) -> Iterator[Proof]:
    """The drills of the folder's artifacts, the latest first; what is no record is passed over.

    Raises:
        StorageFailed: they cannot be read.
    """
    place = folder / PROOFS
    for name in _listed(place):
        proof = _read(place / name)
        if proof is not None:
            yield proof


def latest_by_sum(
    folder: Path, sums: Iterable[str], of: frozenset[Verdict] = frozenset(Verdict)
) -> dict[str, Proof]:
    """For each of the artifacts (by SHA-256) that was ever drilled: its latest drill with such a verdict.

    Reads no other artifacts' records. Raises as `proofs`.
    """
    wanted, place = set(sums), folder / PROOFS
    latest: dict[str, Proof] = {}
    for name in _listed(place):
        matched = _NAME.fullmatch(name)
        if matched is None or matched[2] not in wanted or matched[2] in latest:
            continue
        proof = _read(place / name)
        if proof is not None and proof.verdict in of:
            latest[proof.sha256] = proof
    return latest


def latest_by_database(found: Iterable[Proof], count: int = 1) -> dict[tuple[str, str], list[Proof]]:
    """Of each instance's each database the latest ``count`` of these, which come the latest first."""
    grouped: dict[tuple[str, str], list[Proof]] = defaultdict(list)
    for proof in found:
        if proof.instance is not None:
            grouped[proof.instance, proof.database].append(proof)
    return {key: list(islice(several, count)) for key, several in grouped.items()}


def _listed(place: Path) -> list[str]:
    """The latest first."""
    try:
        return list(reversed(_names(place)))
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise StorageFailed(f"{place} cannot be read: {exc.strerror}") from exc


def _names(place: Path) -> list[str]:
    """Sorted by time: a name begins with it."""
    return sorted(name for name in os.listdir(place) if _NAME.fullmatch(name))  # noqa: PTH208


def _read(path: Path) -> Proof | None:
    """None where it is no record, not of the artifact in its name, or was removed meanwhile."""
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_LARGEST))
        if document["format"] != _FORMAT or document["sha256"] != path.name.split("-")[1]:
            return None
        return _proof(document)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _plain(proof: Proof) -> dict[str, Any]:
    values = {f.name: getattr(proof, f.name) for f in fields(proof)}
    times = {name: values[name].astimezone(UTC).isoformat() for name in ("taken", "at")}
    seconds = {step: round(spent, 3) for step, spent in proof.seconds.items()}
    return {"format": _FORMAT, "version": 1, **values, **times, "seconds": seconds}


def _proof(document: Mapping[str, Any]) -> Proof:
    """A reader ignores what it does not know. Raises LookupError, TypeError or ValueError."""
    known = {f.name: document[f.name] for f in fields(Proof) if f.name in document}
    equality = known.get("equality")
    return Proof(
        **{
            **known,
            "dbms": Dbms(known["dbms"]),
            "taken": _moment(known["taken"]),
            "at": _moment(known["at"]),
            "verdict": Verdict(known["verdict"]),
            "equality": None if equality is None else Equality(equality),
            "seconds": {str(step): float(spent) for step, spent in dict(known.get("seconds", {})).items()},
            **{name: int(known.get(name, 0)) for name in ("size", "raw_size", "rows", "tables")},
        }
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment
