"""Copies of a backup with other bytes, under the manifest of the original."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from python_backup.model import Format, Manifest
from python_backup.storage.folder import storing
from python_backup.storage.names import ArtifactName, stem
from python_backup.stream.artifact import stored_blocks, stored_size
from python_backup.stream.codecs import CODECS, Member
from python_backup.stream.meters import Sha256Meter
from python_backup.stream.stage import through

Alter = Callable[[Iterator[bytes], int], Iterator[bytes]]
"""Gives other bytes for a file's, of which there are so many."""

_NOT_WRITTEN = frozenset({Format.CUSTOM, Format.PARTS})


@dataclass(frozen=True, slots=True)
class Copier:
    """Writes copies of one backup into a folder; ``manifest`` says what it should hold."""

    manifest: Manifest

    def stored(self, folder: Path, original: Path, alter: Alter) -> Path:
        """A copy with altered stored bytes, of a backup in parts those of its largest one; its sums stay."""
        if self.manifest.artifact.format is not Format.PARTS:
            with storing(folder, self._name(self.manifest.artifact.format)) as new:
                for block in alter(stored_blocks(original), stored_size(original)):
                    new.write(block)
                return new.commit(self.manifest).path
        copy = Path(shutil.copytree(original, folder / original.name))
        largest = max(self.manifest.parts, key=lambda part: part.size)
        blocks = alter(stored_blocks(original / largest.file), largest.size)
        (copy / largest.file).write_bytes(b"".join(blocks))
        return copy

    def content(self, folder: Path, blocks: Iterable[bytes]) -> Path:
        """A copy that holds this SQL, with sums of its own and the original's facts.

        It is compressed as the original is; an archive of pg_dump, which only pg_dump writes, and parts
        by zstd.
        """
        artifact = self.manifest.artifact
        kept = artifact.format if artifact.format not in _NOT_WRITTEN else Format.ZSTD
        raw, stored = Sha256Meter(), Sha256Meter()
        started = self.manifest.started
        member = Member(
            stem(started.astimezone(), self.manifest.dbms, self.manifest.database) + ".sql", started
        )
        with storing(folder, self._name(kept)) as new:
            for block in through(blocks, raw, CODECS[kept].encoder(None, member), stored):
                new.write(block)
            made = replace(
                artifact, format=kept, raw_size=raw.size, raw_sha256=raw.hexdigest,
                size=stored.size, sha256=stored.hexdigest,
            )  # fmt: skip
            return new.commit(replace(self.manifest, artifact=made)).path

    def _name(self, stored: Format) -> ArtifactName:
        manifest = self.manifest
        return ArtifactName(manifest.started.astimezone(), manifest.dbms, manifest.database, stored)
