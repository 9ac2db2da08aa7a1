"""What stands beside an artifact, its manifest and its checksum, and what they say of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from python_backup.errors import ArtifactCorrupt
from python_backup.jobs.compare import compare_made, compare_numbers, compare_sequences
from python_backup.model import Facts, Manifest
from python_backup.storage.folder import ExpectedSum, expected_sum, manifest_of
from python_backup.stream.members import JoinedSum, Sum

SHOWN = 20
"""How many differences a sentence names."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``ok`` None: it could not be looked at, and detail says why."""

    name: str
    detail: str
    ok: bool | None = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside an artifact: its manifest and its checksum."""

    manifest: Manifest | None
    expected: ExpectedSum | None
    checks: tuple[Check, ...]

    @classmethod
    def of(cls, path: Path) -> Beside:
        """What stands beside this artifact; what cannot be read is a failed check."""
        try:
            manifest = manifest_of(path)
        except ArtifactCorrupt as exc:
            return cls(None, None, (Check("manifest", exc.message, ok=False),))
        try:
            expected = expected_sum(path, manifest)
        except ArtifactCorrupt as exc:
            return cls(manifest, None, (Check("checksum", exc.message, ok=False),))
        return cls(manifest, expected, (_manifest_check(manifest),))

    @property
    def algorithm(self) -> str:
        """The algorithm of the sum that there is."""
        return self.expected.algorithm if self.expected else "sha256"

    def sum_check(self, digest: Sum) -> Check:
        """Whether the stored bytes' sum is the one that it should be."""
        found = digest.hexdigest()
        if self.expected is None:
            return Check("checksum", "there is no manifest, .sha256 or .md5 to compare with", ok=None)
        source = self.expected.source.name
        if found == self.expected.hexdigest:
            return Check("checksum", f"{self.algorithm} is that of {source}", ok=True)
        detail = f"{self.algorithm} is {found}, {source} says {self.expected.hexdigest}"
        changed = tuple(self._changed(digest.each())) if isinstance(digest, JoinedSum) else ()
        return Check("checksum", f"{detail}; {_joined(changed)}" if changed else detail, ok=False)

    def _changed(self, found: Mapping[str, str]) -> Iterator[str]:
        """One sentence for each part that is not what the manifest says."""
        if self.manifest is None:
            return
        listed = {part.file: part.sha256 for part in self.manifest.parts}
        for name in sorted(listed.keys() | found.keys()):
            if name not in listed:
                yield f"{name} is there besides"
            elif found.get(name) != listed[name]:
                yield f"{name} {'has other bytes' if name in found else 'is missing'}"


def _manifest_check(manifest: Manifest | None) -> Check:
    if manifest is None:
        return Check("manifest", "there is none beside it", ok=None)
    if manifest.partial:
        return Check("manifest", f"a partial backup; the dump tool said: {manifest.errors[0]}", ok=None)
    return Check("manifest", f"{manifest.database} of instance {manifest.instance}", ok=True)


def facts_check(found: Facts, written: Facts) -> Check:
    """Whether the dump still holds what the manifest says; every table and object that differs is named."""
    differing = [
        *_tables(found, written),
        *(f"{kind.kind}: {kind.told}" for kind in compare_made(written, found) if not kind.equal),
        *compare_sequences(written.sequences, found.sequences),
        *compare_numbers(written.next_numbers, found.next_numbers, least=False),
        *(f"sequence {name} has a value" for name in sorted(set(found.sequences) - set(written.sequences))),
    ]
    if not differing:
        return Check("facts", "rows, digests and objects are the manifest's", ok=True)
    return Check("facts", f"not what the manifest says: {_joined(differing)}", ok=False)


def lacking_check(lacking: Sequence[str]) -> Iterator[Check]:
    """What can be seen to be wrong with what was not needed, and so not read; none where nothing is."""
    if lacking:
        yield Check("parts", f"not needed, but not as the manifest says: {_joined(lacking)}", ok=None)


def _joined(differing: Sequence[str]) -> str:
    more = f"; and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
    return "; ".join(differing[:SHOWN]) + more


def _tables(found: Facts, written: Facts) -> Iterator[str]:
    """One sentence for each table whose data is not the manifest's."""
    now = {table.name: table for table in found.tables}
    for table in written.tables:
        other = now.pop(table.name, None)
        if other is None:
            yield f"table {table.name} is not there"
        elif other.rows != table.rows:
            yield f"table {table.name} has {other.rows} rows, not {table.rows}"
        elif other != table:
            yield f"table {table.name} has other rows"
    yield from (f"table {name} is there besides" for name in now)
