"""A backup in parts on its way into the backup folder: its files, their sums, and last its manifest.

``NAME/before.sql.zst``, ``NAME/data/NNNNN_table.sql.zst``, ``NAME/after.sql.zst``, beside them
``RESTORE.txt``, ``SHA256SUMS`` and ``manifest.json``. Nothing is under its name before all of it is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from python_backup.manifest import dump_manifest
from python_backup.model import MANIFEST_INSIDE, Backup, Manifest, PartKind
from python_backup.storage.folder import make_folder
from python_backup.storage.names import ArtifactName, artifact_name, encode, names_tried
from python_backup.stream.folders import Member, NewFolder, publishing_folder
from python_backup.stream.members import AFTER, BEFORE, DATA, RESTORE, SUMS, sum_lines

_OTHERS = "others"  # what a part of several tables is called


def part_file(kind: PartKind, number: int, table: str) -> str:
    """A part's path in the backup's folder; ``number`` is its place among the data parts, from 1."""
    if kind is PartKind.DATA:
        return f"{DATA}/{number:05}_{encode(table or _OTHERS)}.sql.zst"
    return BEFORE if kind is PartKind.BEFORE else AFTER


@dataclass(frozen=True, slots=True)
class StoringParts:
    """A backup in parts on its way into the folder."""

    folder: Path
    name: ArtifactName
    made: NewFolder

    def file(self, name: str) -> AbstractContextManager[Member]:
        """One part's file, by its `part_file`; several may be written at once."""
        return self.made.file(name)

    def commit(self, manifest: Manifest, restoring: str) -> Backup:
        """Writes what belongs to the parts, last the manifest, and publishes the folder; called once, last.

        ``manifest.artifact``'s name and sums are filled in; ``restoring`` is the text of RESTORE.txt.

        Raises:
            StorageFailed: something cannot be written; then nothing is there.
        """
        sums = sum_lines((part.file, part.sha256) for part in manifest.parts)
        raw_sums = sum_lines((part.file, part.raw_sha256 or part.digest) for part in manifest.parts)
        summed = replace(
            manifest.artifact,
            raw_size=sum(part.raw_size for part in manifest.parts),
            raw_sha256=hashlib.sha256(raw_sums).hexdigest(),
            size=sum(part.size for part in manifest.parts),
            sha256=hashlib.sha256(sums).hexdigest(),
        )
        for name, content in ((RESTORE, restoring.encode("utf-8", "surrogateescape")), (SUMS, sums)):
            self._write(name, content)
        final = self._free()
        named = replace(manifest, artifact=replace(summed, file=final.name))
        self._write(MANIFEST_INSIDE, dump_manifest(named))
        path = self.made.commit(final)
        return Backup(path, named.dbms, named.database, named.started, summed.size, named)

    def _free(self) -> Path:
        """The first free name: its own, else that of a later second."""
        paths = [self.folder / name for name in names_tried(self.name)]
        return next((path for path in paths if not path.exists()), paths[0])

    def _write(self, name: str, content: bytes) -> None:
        with self.made.file(name) as file:
            file.write(content)


@contextmanager
def storing_parts(folder: Path, name: ArtifactName) -> Iterator[StoringParts]:
    """A new backup in parts in the folder; without `StoringParts.commit`, nothing of it stays.

    Raises:
        StorageFailed: the folder or a file in it cannot be written.
    """
    make_folder(folder)
    with publishing_folder(folder / artifact_name(name)) as made:
        yield StoringParts(folder, name, made)
