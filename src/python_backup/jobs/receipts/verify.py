"""Checking receipts offline: each one's signature and artifact, and the chains that they are of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from python_backup.errors import ArtifactCorrupt, ArtifactError, ArtifactMissing
from python_backup.receipt.chain import Link, broken
from python_backup.receipt.envelope import opened, payload_in
from python_backup.receipt.keys import PublicKey
from python_backup.receipt.statement import Statement, load_statement
from python_backup.storage.receipts import (
    SUFFIX,
    backup_folder,
    named_number,
    read_receipt,
    receipt_name,
    receipts_in,
)
from python_backup.stream.artifact import stored_digest

_Summed = Callable[[Path], str | None]
Subject = tuple[str | None, str]
"""The instance and the database that a chain is of."""


class Beside(StrEnum):
    """What is to be said of the artifact that a receipt is of."""

    SAME = "same"
    DIFFERS = "differs"
    ABSENT = "not here"


@dataclass(frozen=True, slots=True)
class ReceiptChecked:
    """One receipt; ``statement`` is None where it is not genuine, and ``error`` says why.

    ``sha256`` is of its file, ``key`` the id of the key that signed it.
    """

    path: Path
    sha256: str | None = None
    statement: Statement | None = None
    key: str | None = None
    beside: Beside = Beside.ABSENT
    error: ArtifactError | None = None


@dataclass(frozen=True, slots=True)
class ChainChecked:
    """The receipts of one database, up to the highest number looked at; ``faults`` in sentences."""

    instance: str | None
    database: str
    latest: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReceiptsChecked:
    """What was found of all."""

    receipts: tuple[ReceiptChecked, ...]
    chains: tuple[ChainChecked, ...]

    @property
    def genuine(self) -> bool:
        """Whether every receipt is, and none is missing."""
        return not any(r.error for r in self.receipts) and not any(c.faults for c in self.chains)

    @property
    def same(self) -> bool:
        """Whether no artifact beside its receipt has other bytes."""
        return all(r.beside is not Beside.DIFFERS for r in self.receipts)


def verify_receipts(paths: Iterable[Path], trusted: Sequence[PublicKey], *, alone: bool) -> ReceiptsChecked:
    """Checks these files, and folders of them; bad ones are findings, not exceptions.

    Receipts that lie in the same folders complete the chains, unless each is to be looked at ``alone``.

    Raises:
        ArtifactError: a folder cannot be read.
    """
    files = tuple(file for path in paths for file in (receipts_in(path) if path.is_dir() else (path,)))
    summed = cache(_sum)
    checked = tuple(_checked(file, trusted, summed) for file in dict.fromkeys(files))
    return ReceiptsChecked(checked, () if alone else tuple(_chains(checked, trusted)))


def _checked(path: Path, trusted: Sequence[PublicKey], summed: _Summed) -> ReceiptChecked:
    try:
        content = read_receipt(path)
        payload, key = opened(content, trusted)
        statement = load_statement(payload)
        _check_name(path, statement)
        beside = _beside(path, statement, summed)
    except ArtifactError as exc:
        return ReceiptChecked(path, error=exc)
    return ReceiptChecked(path, hashlib.sha256(content).hexdigest(), statement, key.id, beside)


def _check_name(path: Path, statement: Statement) -> None:
    wanted = receipt_name(statement.started, statement.chain.number)
    if path.name.endswith(SUFFIX) and named_number(path.name) is not None and path.name != wanted:
        raise ArtifactCorrupt(f"it was renamed: it is {wanted}")


def _beside(receipt: Path, statement: Statement, summed: _Summed) -> Beside:
    """The artifact beside the receipt, else in the backup folder that the receipt lies in."""
    if Path(statement.artifact).name != statement.artifact:
        return Beside.ABSENT
    for folder in (receipt.parent, backup_folder(receipt)):
        found = summed(folder / statement.artifact) if folder else None
        if found is not None:
            return Beside.SAME if found == statement.sha256 else Beside.DIFFERS
    return Beside.ABSENT


def _sum(path: Path) -> str | None:
    try:
        return stored_digest(path, "sha256").hexdigest()
    except ArtifactMissing:
        return None


def _chains(checked: Sequence[ReceiptChecked], trusted: Sequence[PublicKey]) -> Iterator[ChainChecked]:
    found: dict[Subject, dict[Path, Link]] = {}
    for one in checked:
        if one.statement is not None and one.sha256 is not None:
            subject = one.statement.instance, one.statement.database
            path = one.path.absolute()
            found.setdefault(subject, {})[path] = Link(path, one.statement.chain, one.sha256)
    given = {one.path.absolute() for one in checked}
    latest = {subject: max(link.place.number for link in of.values()) for subject, of in found.items()}
    for folder in dict.fromkeys(path.parent for of in found.values() for path in of):
        for path in receipts_in(folder):
            for subject, link in [] if path in given else _sibling(path, trusted):
                if link.place.number < latest.get(subject, 0):
                    found[subject][path] = link
    for (instance, database), of in sorted(found.items(), key=lambda item: (item[0][0] or "", item[0][1])):
        faults = tuple(broken(list(of.values())))
        yield ChainChecked(instance, database, latest[instance, database], faults)


def _sibling(path: Path, trusted: Sequence[PublicKey]) -> Iterator[tuple[Subject, Link]]:
    """A receipt that nobody asked about, as a link; one that is none is passed over, and so is missed."""
    try:
        content = read_receipt(path)
        statement = load_statement(payload_in(content))
    except ArtifactError:
        return
    genuine = True
    try:
        opened(content, trusted)
    except ArtifactCorrupt:
        genuine = False
    link = Link(path, statement.chain, hashlib.sha256(content).hexdigest(), genuine)
    yield (statement.instance, statement.database), link
