"""Receipts in the backup folder: ``.receipts/INSTANCE/DATABASE/TIME_NUMBER.receipt.json``.

Names sort by time, in UTC. The next one is numbered and published while its folder is locked, so that two
drills of one database follow each other; none is ever replaced or removed.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep

from python_backup.errors import ArtifactCorrupt, ArtifactError, ArtifactMissing, Locked
from python_backup.receipt.envelope import LARGEST
from python_backup.receipt.statement import Chained
from python_backup.storage.leftovers import clear_folder
from python_backup.storage.names import encode
from python_backup.stream.hold import take
from python_backup.stream.private import make_private
from python_backup.stream.publish import publishing, storage_failed

RECEIPTS = ".receipts"
SUFFIX = ".receipt.json"
NOBODYS = "_"
"""The folder of artifacts that do not say of which instance they are; no instance has such an id."""

_NAME = re.compile(r"(\d{8}T\d{6}Z)_(\d{6,18})" + re.escape(SUFFIX), re.ASCII)
_TIME = "%Y%m%dT%H%M%SZ"
_WAIT = 30.0
_OFTEN = 0.05


def receipt_name(started: datetime, number: int) -> str:
    """The file's name.

    >>> receipt_name(datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC), 12)
    '20260113T155440Z_000012.receipt.json'
    """
    return f"{started.astimezone(UTC).strftime(_TIME)}_{number:06}{SUFFIX}"


def named_number(name: str) -> int | None:
    """The number in a receipt's name; None where it is no such name."""
    found = _NAME.fullmatch(name)
    return None if found is None else int(found[2])


def chain_folder(folder: Path, instance: str | None, database: str) -> Path:
    """Where the receipts of one database are."""
    return folder / RECEIPTS / (NOBODYS if instance is None else encode(instance)) / encode(database)


def backup_folder(receipt: Path) -> Path | None:
    """The backup folder in which a receipt lies; None where it lies elsewhere."""
    receipts = receipt.absolute().parent.parent.parent
    return receipts.parent if receipts.name == RECEIPTS else None


def append(chain: Path, started: datetime, made: Callable[[Chained], bytes], wait: float = _WAIT) -> Path:
    """Publishes the next receipt of a chain; ``made`` gets its place in it and gives its bytes.

    Raises:
        StorageFailed: it cannot be written.
        Locked: another drill of this database held the folder for ``wait`` seconds.
        ArtifactError: the latest receipt cannot be read.
    """
    try:
        make_private(chain)
    except OSError as exc:
        raise storage_failed(chain, exc) from exc
    with _locked(chain, wait):
        clear_folder(chain)
        latest = max(receipts_in(chain), key=lambda path: named_number(path.name) or 0, default=None)
        number = 1 if latest is None else 1 + (named_number(latest.name) or 0)
        previous = None if latest is None else hashlib.sha256(read_receipt(latest)).hexdigest()
        with publishing(chain / receipt_name(started, number)) as sink:
            sink.write(made(Chained(number, previous)))
            return sink.commit()


def receipts_in(chain: Path) -> tuple[Path, ...]:
    """The receipts in a folder, by name; those under other names are not looked for.

    Raises:
        ArtifactError: the folder cannot be read.
    """
    try:
        return tuple(sorted(path for path in chain.iterdir() if named_number(path.name) is not None))
    except FileNotFoundError:
        return ()
    except OSError as exc:
        raise ArtifactError(f"{chain} cannot be read: {exc.strerror}") from exc


def all_receipts(folder: Path) -> tuple[Path, ...]:
    """Every receipt in a backup folder, chain by chain.

    Raises:
        ArtifactError: a folder of them cannot be read.
    """
    try:
        chains = sorted((folder / RECEIPTS).glob("*/*/"))
    except OSError as exc:
        raise ArtifactError(f"{folder / RECEIPTS} cannot be read: {exc.strerror}") from exc
    return tuple(path for chain in chains for path in receipts_in(chain))


def read_receipt(path: Path) -> bytes:
    """The bytes of a receipt.

    Raises:
        ArtifactMissing: there is no such file.
        ArtifactError: it cannot be read.
        ArtifactCorrupt: it is too large for a receipt.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError as exc:
        raise ArtifactMissing(f"there is no file {path}") from exc
    except OSError as exc:
        raise ArtifactError(f"{path} cannot be read: {exc.strerror}") from exc
    if len(content) > LARGEST:
        raise ArtifactCorrupt(f"{path} has more than {LARGEST} bytes: that is no receipt")
    return content


@contextmanager
def _locked(chain: Path, wait: float) -> Iterator[None]:
    """Holds the folder's lock; where its file system knows none, two at once show as two of one number."""
    try:
        descriptor = os.open(chain, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise storage_failed(chain, exc) from exc
    deadline = monotonic() + wait
    try:
        while take(descriptor) is False:
            if monotonic() >= deadline:
                raise Locked(f"{chain} is locked by another drill", hint="Wait for its end, and drill again.")
            sleep(_OFTEN)
        yield
    finally:
        os.close(descriptor)
