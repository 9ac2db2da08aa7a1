"""An artifact of a store, brought here as far as a command needs it: then it is read as any other.

What a command reads in part is found by reading it so: what its reader wants is written to its own place in
a file as long as the artifact, with holes elsewhere, which no checksum lets pass. Of a folder of parts whole
files come. Everything else comes whole, if there is room for it. What is damaged is brought as it is: the
command itself tells of it, as it would of a file that was here before.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from python_backup.dump.changes import Changes
from python_backup.dump.dialect import Dialect, Picker
from python_backup.dump.pick import Held, Pick
from python_backup.dump.piece import Piece
from python_backup.dump.table import DIALECTS
from python_backup.errors import ArtifactCorrupt, ArtifactMissing, BackupError, StorageFailed, UsageError
from python_backup.instance import Dbms, Retry, Throttle
from python_backup.jobs.in_part import InPart, has_frames, of_frames, of_parts
from python_backup.jobs.pace import Pace
from python_backup.jobs.progress import Progress
from python_backup.jobs.reading import pieces_of
from python_backup.jobs.remote import Remote, RemoteFile
from python_backup.jobs.tries import Waits
from python_backup.manifest import load_manifest
from python_backup.model import MANIFEST, MANIFEST_INSIDE, Manifest, Part
from python_backup.storage.room import free_in
from python_backup.storage.stores.place import Named, Place
from python_backup.storage.stores.store import Store
from python_backup.storage.stores.table import opened_store
from python_backup.storage.sums import SUM_FILES
from python_backup.stream.frames import frames_of
from python_backup.stream.listed import listed
from python_backup.stream.members import AFTER, BEFORE, DATA, SUMS
from python_backup.stream.private import private_files

HINT = "Set TMPDIR to a folder with room for it that this account can write to."
_PART = re.compile(rf"(?:{re.escape(BEFORE)}|{re.escape(AFTER)}|{DATA}/(?!\.\.?\Z)[^/\0]+)\Z")
_LARGEST_FILE = (1 << 63) - 1
_WEB = frozenset({"http", "https"})
_NAMED_PART = re.compile(rb"[0-9a-f]{64}  (.+)")


class Follower(Protocol):
    """Reads a dump as a command will; what it passes over is not brought."""

    def passes_over(self, held: Held) -> bool:
        """Whether what a stretch of the dump holds is not wanted, now that all before it was taken."""
        ...

    def take(self, piece: Piece) -> None:
        """Takes one piece, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Want:
    """What of an artifact a command reads: all of it, what a reader follows, or no more than its facts.

    ``source`` is the one database that is read. ``manifests``: the manifest may be named for its artifact.
    """

    reader: Callable[[Dialect], Follower] | None = None
    source: str | None = None
    facts: bool = False
    manifests: bool = False


WHOLE = Want()
FACTS = Want(facts=True, manifests=True)
"""The manifest alone, where there is one."""


def picked(pick: Pick | None, source: str | None = None) -> Want:
    """What a selective restore reads; all of it without a pick."""
    if pick is None:
        return WHOLE
    return Want(lambda dialect: _Picking(dialect.picker(pick, Changes())), source)


def rows_of(table: str) -> Want:
    """What a comparison of one table's rows reads; its schema may be left out."""
    return Want(lambda _: _Rows(table), manifests=True)


@dataclass(frozen=True, slots=True)
class _Picking:
    picker: Picker

    def passes_over(self, held: Held) -> bool:
        return self.picker.passes_over(held)

    def take(self, piece: Piece) -> None:
        for _ in self.picker.pick((piece,)):
            pass


@dataclass(frozen=True, slots=True)
class _Rows:
    table: str

    def passes_over(self, held: Held) -> bool:
        return not any(self.table in (name, name.rpartition(".")[2]) for name in held.tables)

    def take(self, piece: Piece) -> None:
        """All between the rows is read in any case."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An artifact that can be read at ``path``; ``named`` is what the command was told."""

    path: Path
    named: Named

    def name_of(self, path: Named) -> Named:
        """What a report calls the artifact that a job, which knows the path alone, calls so."""
        return path if isinstance(self.named, Path) else self.named

    def told(self, text: str) -> str:
        """A sentence of a job, which knows the path alone, as people are to read it."""
        if isinstance(self.named, Path):
            return text
        here, there = self.path.parent, str(self.named).rpartition("/")[0]
        return text.replace(str(self.path), str(self.named)).replace(str(here), there)


@dataclass(frozen=True, slots=True)
class Fetching:
    """How artifacts of stores are brought: how fast, in bytes a second, and how patiently."""

    progress: Progress
    bwlimit: int | None = None
    retry: Retry = field(default_factory=Retry)
    waits: Waits = field(default_factory=Waits)
    opened: Callable[[Place], AbstractContextManager[Store]] = opened_store

    @contextmanager
    def fetched(self, named: Named, want: Want) -> Iterator[Fetched]:
        """What is wanted of an artifact, to be read until the end of the context.

        Raises:
            ArtifactMissing: there is nothing of that name.
            ArtifactError: the store cannot be read.
            StorageFailed: there is no room for it here.
        """
        if isinstance(named, Path):
            yield Fetched(named, named)
            return
        with private_files({}) as folder:
            found = Fetched(folder / _own_name(named), named)
            with _as_named(found):
                self._bring(named, want, folder)
                yield found

    def _bring(self, place: Place, want: Want, folder: Path) -> None:
        pace = Pace(Throttle(self.bwlimit), self.progress)
        with self.opened(place) as store:
            remote = Remote(store, place, self.progress, pace.passed, self.retry, self.waits)
            _Fetch(remote, want, folder).run()


def _own_name(place: Place) -> str:
    """What the artifact is called here.

    Raises:
        UsageError: no file can be called so.
    """
    name = place.name.rpartition("/")[2]
    if name in {"", ".", ".."} or "\0" in name:
        raise UsageError(f"{place} names no file")
    return name


@contextmanager
def _as_named(found: Fetched) -> Iterator[None]:
    """Errors that are raised inside speak of what the command was told."""
    try:
        yield
    except BackupError as exc:
        exc.message = found.told(exc.message)
        exc.hint = exc.hint and found.told(exc.hint)
        raise


@dataclass(frozen=True, slots=True)
class _Fetch:
    """One artifact on its way into a folder."""

    remote: Remote
    want: Want
    folder: Path

    @property
    def name(self) -> str:
        """The artifact's path in the store."""
        name = self.remote.place.name
        own = name.removesuffix(MANIFEST) if self.want.manifests else name
        return own if own.rpartition("/")[2] else name

    @property
    def path(self) -> Path:
        return self.folder / self.name.rpartition("/")[2]

    @contextmanager
    def _shown(self, total: int | None = None) -> Iterator[Remote]:
        """The store, whose bytes are shown as they come."""
        remote = self.remote
        with remote.progress.step(f"fetching {self.path.name}", total=total) as step:

            def came(size: int) -> None:
                step.advance(size)
                remote.came(size)

            yield replace(remote, came=came)

    def run(self) -> None:
        """Brings what is wanted."""
        manifest = self._beside(MANIFEST)
        if self.name != self.remote.place.name and manifest is None:
            raise ArtifactMissing(f"there is no file {self.remote.place}")
        if self.want.facts and manifest is not None:
            return
        size = None if manifest is None and self._is_folder() else self.remote.size(self.name)
        if size is None:
            self._folder()
        elif manifest is None:
            any(self._beside(suffix) is not None for suffix, _ in SUM_FILES)
            self._whole({self.name: size})
        elif not self._in_part(_read(manifest), size):
            self._whole({self.name: size})

    def _beside(self, suffix: str) -> bytes | None:
        """What stands beside the artifact, which is kept."""
        content = self.remote.content(self.name + suffix)
        if content is not None:
            self._write(self.path.with_name(self.path.name + suffix), content)
        return content

    def _inside(self, name: str) -> bytes | None:
        """A small file in the folder of parts, which is kept."""
        content = self.remote.content(f"{self.name}/{name}")
        if content is not None:
            with _writing():
                self.path.mkdir(mode=0o700, exist_ok=True)
            self._write(self.path / name, content)
        return content

    def _is_folder(self) -> bool:
        """Whether a web server has a folder there: asked for that itself, it gives a list, or denies it."""
        inside = (f"{self.name}/{file}" for file in (MANIFEST_INSIDE, SUMS))
        return self.remote.place.scheme in _WEB and any(self.remote.size(f) is not None for f in inside)

    def _folder(self) -> None:
        told = self._inside(MANIFEST_INSIDE)
        if told is not None and self.want.facts:
            return
        sums = self._inside(SUMS)
        manifest = None if told is None else _read(told)
        if manifest is not None and manifest.parts:
            files = [part.file for part in manifest.parts]
        elif sums is not None:
            files = [os.fsdecode(name) for name in _NAMED_PART.findall(sums)]
        elif told is not None:
            raise ArtifactCorrupt(f"{self.remote.place}/{MANIFEST_INSIDE} tells of no parts, or is damaged")
        else:
            hint = f"A folder there is read by its {MANIFEST_INSIDE} or {SUMS}; it has neither."
            raise ArtifactMissing(
                f"there is no file {self.remote.place}",
                hint=" ".join(filter(None, (hint, self.remote.place.decoding_hint))),
            )
        self._check(files)
        with _writing():
            (self.path / DATA).mkdir(mode=0o700, exist_ok=True)
        if manifest is not None and self.want.reader is not None:
            self._parts(manifest, self.want.reader)
            return
        sizes = {f"{self.name}/{name}": self.remote.size(f"{self.name}/{name}") for name in files}
        self._whole({name: size for name, size in sizes.items() if size is not None})

    def _check(self, files: Sequence[str]) -> None:
        strange = [name for name in files if not (_PART.match(name) and name.isprintable())]
        if strange:
            raise ArtifactCorrupt(f"{self.remote.place} lists what is no file of a backup: {strange[0]!r}")

    def _in_part(self, manifest: Manifest | None, size: int) -> bool:
        """Brings the frames that the reader wants; False where it has to be read whole."""
        if manifest is None or self.want.reader is None or not has_frames(manifest):
            return False
        with self._shown() as remote, ExitStack() as ahead, _holes(self.path, size) as keep:
            file = RemoteFile(remote, self.name, size, keep, ahead)
            part = of_frames(frames_of(file, manifest.artifact.frames), manifest)
            if part is not None:
                self._follow(part, self.want.reader)
        return part is not None

    def _parts(self, manifest: Manifest, reader: Callable[[Dialect], Follower]) -> None:
        """Brings the parts that the reader wants; of others a file of the same length stands there."""

        def bring(part: Part) -> None:
            name = f"{self.name}/{part.file}"
            size = self.remote.size(name)
            (self.path / part.file).unlink(missing_ok=True)
            if size is None:
                raise ArtifactCorrupt(f"{self.path} lacks {part.file}, which its manifest names")
            self._copy(remote, name, size)

        for part in manifest.parts:
            with _holes(self.path / part.file, part.size):
                pass
        with (
            self._shown() as remote,
            suppress(ArtifactCorrupt),
            listed(self.path, manifest.parts, bring) as parts,
        ):
            self._follow(of_parts(parts, manifest), reader)

    def _follow(self, part: InPart, reader: Callable[[Dialect], Follower]) -> None:
        """Reads as the command will; what is damaged it finds itself, for it was brought."""
        manifest = part.manifest
        dialect = DIALECTS["postgresql" if manifest.dbms is Dbms.POSTGRESQL else "mysql"]
        follower = reader(dialect)
        selector = dialect.selector(self.want.source or manifest.database)
        with suppress(ArtifactCorrupt):
            for piece in selector.select(pieces_of(part.read(follower, id), dialect.lexer())):
                follower.take(piece)

    def _whole(self, sizes: Mapping[str, int]) -> None:
        """Brings these files."""
        wanted = sum(sizes.values())
        free, reserve = free_in(self.folder)
        if free is not None and free < wanted + reserve:
            raise StorageFailed(
                f"{tempfile.gettempdir()} has no room for {self.remote.place}: it has {wanted:,} bytes,"
                f" {free:,} are free, {reserve:,} are for others: {wanted + reserve - free:,} short",
                hint=HINT,
            )
        with self._shown(wanted) as remote:
            for name, size in sizes.items():
                self._copy(remote, name, size)

    def _copy(self, remote: Remote, name: str, size: int) -> None:
        path = self.path / name.removeprefix(self.name).removeprefix("/")
        with _holes(path, size) as keep:
            at = 0
            for block in remote.blocks(name, size):
                keep(at, block)
                at += len(block)

    def _write(self, path: Path, content: bytes) -> None:
        with _holes(path, len(content)) as keep:
            keep(0, content)


def _read(content: bytes) -> Manifest | None:
    """A manifest that cannot be read says nothing here; what reads the artifact says why."""
    try:
        return load_manifest(content)
    except ArtifactCorrupt:
        return None


@contextmanager
def _holes(path: Path, size: int) -> Iterator[Callable[[int, bytes], None]]:
    """A file (mode 0600) of this size that is one hole, and what writes into it, anywhere."""
    if size > _LARGEST_FILE:
        raise StorageFailed(f"{path} is said to have {size:,} bytes: no file is so large")
    with _writing():
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def keep(begin: int, content: bytes) -> None:
        rest = memoryview(content)
        with _writing():
            while rest:
                written = os.pwrite(descriptor, rest, begin)
                rest, begin = rest[written:], begin + written

    try:
        with _writing():
            os.ftruncate(descriptor, size)
        yield keep
    finally:
        os.close(descriptor)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StorageFailed(f"{tempfile.gettempdir()} cannot be written: {exc.strerror}", hint=HINT) from exc
