"""The vault: accounts with their passwords, in one encrypted file that appears whole or not at all.

A change reads, edits and replaces the file while it holds a lock on it, so that two at once lose nothing.
"""

from __future__ import annotations

import fcntl
import glob
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from python_backup.config.sealed import COST, Keys, Kind, header_of, keys_of, opened, sealed
from python_backup.errors import Refused, StorageFailed, UsageError, VaultError
from python_backup.instance import Secret
from python_backup.stream.publish import Sink, publishing


@dataclass(frozen=True, slots=True)
class Entry:
    """One account; an empty ``username`` leaves the name to the config."""

    id: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Key:
    """What opens a vault; ``fetch`` gives a key file's 32 bytes or a passphrase in UTF-8, or raises.

    ``passphrase`` is where it comes from, so that it can be kept out of a log.
    """

    kind: Kind
    fetch: Callable[[], bytes]
    passphrase: Secret | None = None


Edit = Callable[[tuple[Entry, ...]], Iterable[Entry]]


class Vault:
    """One vault file and what opens it; nothing is read before something is asked.

    The keys that opened the file are kept, so that a passphrase is stretched once a run; the entries
    are read anew each time.
    """

    def __init__(
        self, path: Path, key: Key, *, cost: int = COST, draw: Callable[[int], bytes] = os.urandom
    ) -> None:
        self.path = path
        self._key = key
        self._cost = cost
        self._draw = draw
        self._kept: tuple[bytes, Keys] | None = None

    @property
    def passphrase(self) -> Secret | None:
        """What opens it, where that is typed or told."""
        return self._key.passphrase

    def create(self) -> None:
        """Makes the file, without entries.

        Raises:
            Refused: it is there.
        """
        exists = Refused(
            f"vault {str(self.path)!r} is there already", hint="Remove it first, or name another."
        )
        if os.path.lexists(self.path):
            raise exists
        secret = self._key.fetch()
        with self._writing(self.path) as sink:
            sink.write(self._sealed((), secret))
            try:
                sink.commit()
            except StorageFailed:
                if os.path.lexists(self.path):  # another one was quicker
                    raise exists from None
                raise

    def entries(self) -> tuple[Entry, ...]:
        """All entries, by id.

        Raises:
            VaultError: the file is not there, is damaged, or what is to open it does not.
        """
        return self._entries(self._read(), self._key.fetch)

    def entry(self, wanted: str) -> Entry:
        """The entry of this id; raises as `entries` does, and where there is none."""
        found = {entry.id: entry for entry in self.entries()}
        if wanted not in found:
            raise VaultError(
                f"vault {str(self.path)!r} has no entry {wanted!r}",
                hint=f"Add it with `vya-backupdb vault add {wanted}`; `vya-backupdb vault list` shows all.",
            )
        return found[wanted]

    def change(self, edit: Edit) -> None:
        """Replaces the entries by what ``edit`` makes of them; what it raises leaves the file as it was."""
        secret = self._key.fetch()  # before the lock: someone may be typing it
        place = self.path.resolve()
        with self._locked(place) as content:
            entries = tuple(edit(self._entries(content, lambda: secret)))
            for left in place.parent.glob(f".{glob.escape(place.name)}.partial-*"):
                left.unlink(missing_ok=True)  # by a run that was killed: who writes has the lock
            with self._writing(place) as sink:
                sink.write(self._sealed(entries, secret))
                sink.replace()

    def _entries(self, content: bytes, fetch: Callable[[], bytes]) -> tuple[Entry, ...]:
        try:
            header = header_of(content, self._key.kind)
            identity = bytes((header.kind, header.cost)) + header.salt
            kept = self._kept
            keys = kept[1] if kept and kept[0] == identity else keys_of(header, fetch())
            text = opened(content, header, keys)
        except VaultError as exc:
            raise VaultError(f"vault {str(self.path)!r} {exc.message}", hint=exc.hint) from None
        self._kept = identity, keys
        return tuple(Entry(**entry) for entry in json.loads(text)["entries"])

    def _sealed(self, entries: Iterable[Entry], secret: bytes) -> bytes:
        listed = [asdict(entry) for entry in sorted(entries, key=lambda entry: entry.id)]
        text = json.dumps({"entries": listed}).encode()
        return sealed(text, self._key.kind, secret, draw=self._draw, cost=self._cost)

    def _read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as exc:
            raise self._unreadable(exc) from exc

    @contextmanager
    def _locked(self, place: Path) -> Iterator[bytes]:
        """The file's bytes, while nobody else changes it.

        The lock is on the file itself; whoever waited for one that was replaced meanwhile begins anew.
        """
        while True:
            try:
                file = place.open("r+b")
            except OSError as exc:
                raise self._unreadable(exc) from exc
            with file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if _same(file.fileno(), place):
                    yield file.read()
                    return

    @contextmanager
    def _writing(self, place: Path) -> Iterator[Sink]:
        try:
            with publishing(place) as sink:
                yield sink
        except StorageFailed as exc:  # its hint speaks of the backup folder
            raise StorageFailed(
                f"vault {str(self.path)!r}: {exc.message}",
                hint="Let this account write in the vault's folder, and see that there is space in it.",
            ) from exc

    def _unreadable(self, exc: OSError) -> VaultError:
        missing = isinstance(exc, FileNotFoundError)
        return VaultError(
            f"vault {str(self.path)!r} cannot be read: {exc.strerror}",
            hint="Make it with `vya-backupdb vault init`." if missing else None,
        )


def with_added(new: Iterable[Entry], *, replace: bool) -> Edit:
    """Adds the entries, all or none.

    Raises (when it is applied):
        Refused: one is there, and no ``replace``.
    """
    added = {entry.id: entry for entry in new}

    def edit(known: tuple[Entry, ...]) -> Iterable[Entry]:
        taken = [entry.id for entry in known if entry.id in added]
        if taken and not replace:
            raise Refused(f"the vault has {', '.join(taken)} already", hint="Give --replace to replace it.")
        return ({entry.id: entry for entry in known} | added).values()

    return edit


def without(gone: Iterable[str]) -> Edit:
    """Removes the entries of these ids, all or none.

    Raises (when it is applied):
        UsageError: there is none of that id.
    """
    ids = tuple(gone)

    def edit(known: tuple[Entry, ...]) -> Iterable[Entry]:
        missing = [wanted for wanted in ids if wanted not in {entry.id for entry in known}]
        if missing:
            hint = "`vya-backupdb vault list` shows all."
            raise UsageError(f"the vault has no entry {', '.join(missing)}", hint=hint)
        return [entry for entry in known if entry.id not in ids]

    return edit


def _same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
