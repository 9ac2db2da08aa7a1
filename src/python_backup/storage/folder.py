"""The backup folder: artifacts, beside each ``NAME.sha256``, and ``NAME.manifest.json``, written last.

NAME is the artifact's whole file name. A backup in parts is a folder, which has all of these inside. A
backup without its manifest is not (yet) a backup of this program, though it may be one of an older program or
another. Two backups of one database begun within one second would have one name: the later to finish is given
the next free second. Nothing is ever replaced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from python_backup.errors import ArtifactCorrupt, ArtifactError, ArtifactMissing, BackupError
from python_backup.manifest import dump_manifest, load_manifest
from python_backup.model import MANIFEST, MANIFEST_INSIDE, Backup, Manifest
from python_backup.storage.names import ArtifactName, artifact_name, encode, names_tried, parse_path
from python_backup.storage.sums import SUM_FILES, ExpectedSum, sum_in, sum_line
from python_backup.stream.artifact import stored_size
from python_backup.stream.members import SUMS, is_folder, is_parts
from python_backup.stream.private import make_private
from python_backup.stream.publish import Sink, publishing, storage_failed

__all__ = [
    "ExpectedSum",
    "Storing",
    "backups",
    "expected_sum",
    "make_folder",
    "manifest_of",
    "manifest_path",
    "storing",
]

_LARGEST_BESIDE = 256 << 20  # a manifest of a million tables; more is no manifest


def make_folder(folder: Path) -> None:
    """Makes the backup folder where it is missing, for its owner alone; leaves one that is there as it is.

    Raises:
        StorageFailed: it cannot be made, or is no folder.
    """
    try:
        make_private(folder)
    except OSError as exc:
        raise storage_failed(folder, exc) from exc


@dataclass(slots=True)
class Storing:
    """A backup on its way into the folder."""

    folder: Path
    name: ArtifactName
    sink: Sink

    def write(self, block: bytes) -> None:
        """Appends to the artifact."""
        self.sink.write(block)

    @property
    def size(self) -> int:
        """The artifact's bytes so far."""
        return self.sink.size

    @property
    def partial(self) -> Path:
        """Where the bytes written so far can be read, until the commit."""
        return self.sink.partial

    def commit(self, manifest: Manifest) -> Backup:
        """Publishes the artifact, its checksum, and last its manifest; called once, last.

        All three names are made durable at once: a crash before may leave any of them, each with all its
        bytes, and what has not both artifact and manifest is no backup.

        ``manifest.artifact.file`` is replaced by the name under which the artifact was published.

        Raises:
            StorageFailed: any of the three cannot be written; then none is there.
        """
        others = islice(names_tried(self.name), 1, None)
        with ExitStack() as opened, ExitStack() as undo:
            undo.callback(self.sink.withdraw)
            path = self.sink.commit((self.folder / other for other in others), lasting=False)
            named = replace(manifest, artifact=replace(manifest.artifact, file=path.name))
            for suffix, content in (
                (".sha256", sum_line(named.artifact.sha256, path.name)),
                (MANIFEST, dump_manifest(named)),
            ):
                sink = opened.enter_context(publishing(path.with_name(path.name + suffix)))
                undo.callback(sink.withdraw)
                sink.write(content)
                sink.commit(lasting=suffix == MANIFEST)
            undo.pop_all()
        return Backup(path, named.dbms, named.database, named.started, self.size, named)


@contextmanager
def storing(folder: Path, name: ArtifactName) -> Iterator[Storing]:
    """A new backup in the folder; without `Storing.commit`, nothing of it stays.

    Raises:
        StorageFailed: the folder or a file in it cannot be written.
    """
    make_folder(folder)
    with publishing(folder / artifact_name(name)) as sink:
        yield Storing(folder, name, sink)


def backups(folder: Path, database: str | None = None) -> list[Backup]:
    """The folder's backups, newest first, those of one ``database`` or all; other files are passed over.

    An artifact without manifest is told by its name; one whose manifest cannot be read has
    ``manifest`` None and the reason in ``problem``.

    Raises:
        ArtifactMissing: there is no such folder.
        ArtifactError: it cannot be read.
    """
    try:
        files = sorted(path for path in folder.iterdir() if database is None or _may_be(path.name, database))
    except FileNotFoundError as exc:
        raise ArtifactMissing(
            f"there is no folder {folder}", hint="Name it in the config's backup.directory."
        ) from exc
    except OSError as exc:
        raise ArtifactError(f"{folder} cannot be read: {exc.strerror}") from exc
    found = (_backup(path) for path in files)
    wanted = (b for b in found if b is not None and (database is None or b.database == database))
    return sorted(wanted, key=lambda b: (b.taken, b.path.name), reverse=True)


def _may_be(file: str, database: str) -> bool:
    """Whether a file of this name may be a backup of the database; only then is its manifest read."""
    return encode(database) in file or database in file


def manifest_path(artifact: Path) -> Path:
    """Where an artifact's manifest is: beside it, or in the folder of its parts."""
    if is_folder(artifact):
        return artifact / MANIFEST_INSIDE
    return artifact.with_name(artifact.name + MANIFEST)


def manifest_of(artifact: Path) -> Manifest | None:
    """The manifest beside an artifact, None where there is none.

    Raises:
        ArtifactCorrupt: it is malformed, or belongs to another version of this program.
        ArtifactError: it cannot be read.
    """
    path = manifest_path(artifact)
    content = _beside(path)
    if content is None:
        return None
    try:
        return load_manifest(content)
    except ArtifactCorrupt as exc:
        raise ArtifactCorrupt(f"{path}: {exc.message}", hint=exc.hint) from exc


def expected_sum(artifact: Path, manifest: Manifest | None = None) -> ExpectedSum | None:
    """The sum that an artifact should have: its manifest's, else from ``.sha256``, else ``.md5``.

    A ``manifest`` that was read already is not read again.

    Raises:
        ArtifactCorrupt: the file that should tell it is malformed, or missing in a folder of parts.
        ArtifactError: that file cannot be read.
    """
    manifest = manifest or manifest_of(artifact)
    if manifest is not None:
        return ExpectedSum("sha256", manifest.artifact.sha256, manifest_path(artifact))
    if is_folder(artifact):
        content = _beside(artifact / SUMS)
        if content is None and is_parts(artifact):
            raise ArtifactCorrupt(
                f"{artifact} has neither {MANIFEST_INSIDE} nor {SUMS}: parts may be missing",
                hint="Copy the backup anew, whole.",
            )
        summed = None if content is None else hashlib.sha256(content).hexdigest()
        return None if summed is None else ExpectedSum("sha256", summed, artifact / SUMS)
    for suffix, algorithm in SUM_FILES:
        path = artifact.with_name(artifact.name + suffix)
        content = _beside(path)
        if content is not None:
            return sum_in(content, algorithm, path)
    return None


def _backup(path: Path) -> Backup | None:
    name = parse_path(path)
    if name is None or not (path.is_file() or is_parts(path)):
        return None
    try:
        size = stored_size(path)
    except OSError:  # removed meanwhile
        return None
    problem = None
    try:
        manifest = manifest_of(path)
    except BackupError as exc:
        manifest, problem = None, exc.message
    if manifest is None:
        return Backup(path, name.dbms, name.database, name.taken, size, None, problem)
    return Backup(path, manifest.dbms, manifest.database, manifest.started, size, manifest)


def _beside(path: Path) -> bytes | None:
    """A small file's content, None where there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BESIDE + 1)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ArtifactError(f"{path} cannot be read: {exc.strerror}") from exc
    if len(content) > _LARGEST_BESIDE:
        raise ArtifactCorrupt(f"{path} has more than {_LARGEST_BESIDE} bytes")
    return content
