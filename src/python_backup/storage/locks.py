"""One run at a time for one thing: locks that end with their process, and tell who holds them.

A lock is a file under ``flock`` in each of several places: the machine's own, and the backup folder's,
which other machines may share. Who took a lock looks whether its file still has its name, so the holder may
remove it; not in a shared folder, since a network file system may tell of the name as it was. What a file
says of its holder is read only while it is locked, so a dead holder's words mean nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep

from python_backup.errors import Locked, StorageFailed
from python_backup.instance import Instance
from python_backup.storage.names import encode
from python_backup.stream.hold import abandoned, has_name, take
from python_backup.stream.private import make_private
from python_backup.stream.publish import storage_failed

ENVIRONMENT_NAME = "VYA_BACKUPDB_LOCKS"
LOCKS = ".locks"
"""The folder of locks within a backup folder."""

_OFTEN = 0.1
_WORDS = 500
_NOTE_READ = 16 << 10
_NOTE_AWAITED = 1.0
"""Seconds that a holder has to write its note, between its lock and its next line of code."""


def machine_places(environ: Mapping[str, str], account: int) -> tuple[Path, ...]:
    """Where this machine's locks are: the first of these folders that can be made.

    Not $XDG_RUNTIME_DIR or $TMPDIR: cron and a terminal do not agree on them, and would not see each other.
    """
    if environ.get(ENVIRONMENT_NAME):
        return (Path(environ[ENVIRONMENT_NAME]),)
    name = "vya-backupdb" if account == 0 else f"vya-backupdb-{account}"
    return Path("/run/lock") / name, Path("/tmp") / name  # noqa: S108 - refused where it is another account's


def machine_folder(places: tuple[Path, ...]) -> Path:
    """The first of the places that can be made and is this account's alone.

    Raises:
        StorageFailed: none of them.
    """
    failed: list[str] = []
    for place in places:
        try:
            if len(places) == 1:  # somebody named it
                make_private(place)
            place.mkdir(mode=0o700, exist_ok=True)
            status = place.lstat()
        except OSError as exc:
            failed.append(f"{place}: {exc.strerror}")
            continue
        if place.is_dir() and not place.is_symlink() and status.st_uid == os.geteuid():
            place.chmod(0o700)
            return place
        failed.append(f"{place}: is no folder of this account")
    raise StorageFailed(
        f"there is no place for locks ({'; '.join(failed)})",
        hint=f"Name a folder of this account on this machine's own disk in ${ENVIRONMENT_NAME}.",
    )


def locks_in(machine: Path) -> tuple[tuple[Holder, ...], tuple[Path, ...]]:
    """Who holds the machine's locks, as far as it tells, and the files of those that a dead run left."""
    holders: list[Holder] = []
    stale: list[Path] = []
    for path in sorted(machine.glob("*.lock")):
        with abandoned(path) as free, suppress(OSError):
            if free:
                stale.append(path)
                continue
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            holder = holder_of(descriptor)
            os.close(descriptor)
            holders += [] if holder is None else [holder]
    return tuple(holders), tuple(stale)


def clear_locks(machine: Path) -> None:
    """Removes the machine's locks of dead runs; who takes one meanwhile sees that it lost its name."""
    for path in machine.glob("*.lock"):
        with abandoned(path) as free, suppress(OSError):
            if free:
                path.unlink()


@dataclass(frozen=True, slots=True)
class Locks:
    """The locks of one run; ``wait`` is how many seconds another's is waited for.

    ``machine`` is a folder of this machine. ``shared`` is the backup folder: its locks hold between
    machines too, where it can be written and its file system knows locks. ``words`` is the run's command
    line, and with its start what others are told of it. ``tell`` takes what the user should hear, ``taken``
    each database whose lock the run has got.
    """

    machine: Path
    shared: Path
    words: str
    started: datetime
    tell: Callable[[str], None]
    wait: float = 0.0
    taken: Callable[[Instance, str], object] = lambda _instance, _database: None

    @contextmanager
    def database(self, server: str, name: str, shown: str) -> Iterator[None]:
        """Holds the lock of one database; ``server`` is the server's own mark, ``shown`` is for people.

        Raises:
            Locked: another run has it, and did not give it up in time.
            StorageFailed: the machine's lock cannot be made.
        """
        digest = hashlib.sha256(f"{server}\0{name}".encode("utf-8", "surrogateescape")).hexdigest()
        file = f"{encode(name)[:100]}~{digest[:16]}.lock"
        wanted = _Wanted(shown, monotonic() + self.wait, self.tell)
        with ExitStack() as held:
            held.enter_context(self._held(self.machine / file, wanted))
            if self._shares():
                held.enter_context(self._held(self.shared / LOCKS / file, wanted))
            yield

    def _shares(self) -> bool:
        """Whether the backup folder can hold locks; one that cannot be written keeps no one out."""
        folder = self.shared / LOCKS
        try:
            if self.shared.is_dir() and not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
                _given_to_owner_of(self.shared, folder)
        except OSError:
            return False
        return os.access(folder, os.W_OK | os.X_OK)

    @contextmanager
    def _held(self, path: Path, wanted: _Wanted) -> Iterator[None]:
        descriptor, lacking = None, "its file system knows no locks"
        try:
            descriptor = wanted.locked(path)
        except StorageFailed as exc:
            if path.parent == self.machine:
                raise
            lacking = exc.message
        if descriptor is None and path.parent == self.machine:
            raise StorageFailed(
                f"{self.machine} is on a file system that knows no locks",
                hint=f"Name a folder on this machine's own disk in ${ENVIRONMENT_NAME}.",
            )
        if descriptor is None:
            self.tell(f"runs of other machines are not kept out of {self.shared}: {lacking}")
            yield
            return
        try:
            with suppress(OSError):  # a full disk: the lock holds without the note
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, self._note(), 0)
            yield
        finally:
            with suppress(OSError):
                if path.parent == self.machine:
                    path.unlink()
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def _note(self) -> bytes:
        holder = Holder(os.getpid(), self.words[:_WORDS], self.started, _place(), _begun(os.getpid()))
        told = {**asdict(holder), "started": holder.started.isoformat()}
        return json.dumps(told).encode()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. ``place`` is where its pid means something; ``begun`` tells it from a later one's."""

    pid: int
    words: str
    started: datetime
    place: str
    begun: str

    def __str__(self) -> str:
        since = self.started.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        there = "" if self.place == _place() else f" on {self.place.split()[0]}"
        return f"pid {self.pid}{there} since {since}: {self.words}"

    @property
    def lives(self) -> bool:
        """Whether the process is there, as far as it can be seen from here."""
        return self.place != _place() or _begun(self.pid) == self.begun


def holder_of(descriptor: int) -> Holder | None:
    """Who holds this locked file; None while that is not written yet."""
    try:
        told = json.loads(os.pread(descriptor, _NOTE_READ, 0))
        started = datetime.fromisoformat(str(told["started"]))
        holder = Holder(int(told["pid"]), str(told["words"]), started, str(told["place"]), str(told["begun"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return holder if holder.lives else None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A lock that is wanted, until when, and what it is called."""

    shown: str
    deadline: float
    tell: Callable[[str], None]

    def locked(self, path: Path) -> int | None:
        """The descriptor that holds the lock; None where the file system knows none."""
        note_awaited = monotonic() + _NOTE_AWAITED
        told = False
        while True:
            descriptor = _opened(path)
            taken = take(descriptor)
            if taken and has_name(descriptor, path):
                return descriptor
            holder = holder_of(descriptor) if taken is False else None
            os.close(descriptor)
            if taken is None:
                return None
            now = monotonic()
            if taken or (holder is None and now < note_awaited):
                sleep(_OFTEN / 10)  # it was removed meanwhile, or its holder has hardly got it
                continue
            if now >= self.deadline:
                raise Locked(
                    f"{self.shown} is locked by {holder or 'another run'}",
                    hint="Wait for its end; --wait SECONDS does so.",
                )
            if not told:
                self.tell(f"{self.shown}: waiting for {holder or 'another run'}")
                told = True
            sleep(min(_OFTEN, max(0.0, self.deadline - now)))


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as exc:
        raise storage_failed(path, exc) from exc
    with suppress(OSError):
        os.fchmod(descriptor, 0o600)
    _given_to_owner_of(path.parent, path)
    return descriptor


def _given_to_owner_of(folder: Path, inner: Path) -> None:
    """What root makes in another account's folder is that account's, who could not use it otherwise."""
    with suppress(OSError):
        owner = folder.stat()
        if os.geteuid() == 0 and owner.st_uid != inner.stat().st_uid:
            os.chown(inner, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _place() -> str:
    """Where a pid of this process means something: the machine, and the container in it."""
    try:
        namespace = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        namespace = "?"
    return f"{socket.gethostname()} {namespace}"


def _begun(pid: int) -> str:
    """When the process began, in the kernel's ticks (proc(5), field 22); empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
    except (OSError, LookupError):
        return ""
