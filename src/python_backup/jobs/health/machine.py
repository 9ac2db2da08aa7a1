"""What the program itself needs: Python, packages and a config."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata

from python_backup.config.load import Config
from python_backup.errors import ConfigError
from python_backup.model import Check, Verdict
from python_backup.policy.requirements import requirement, within

PACKAGE = "vya-backupdb"


def python() -> Iterator[Check]:
    """Whether this Python is one that the package takes."""
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = _metadata("Requires-Python")
    if wanted is None or within(version, wanted):
        yield Check("python", Verdict.OK, f"{version} ({sys.executable})")
    else:
        yield Check(
            "python", Verdict.FAILURE, f"{version} is not {wanted}", f"apt install python3 # {wanted}"
        )


def packages() -> Iterator[Check]:
    """Whether every package is there in a version within its range."""
    try:
        lines = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        yield Check("packages", Verdict.WARNING, f"{PACKAGE} is not installed as a package", "pip install .")
        return
    needed = [r for line in lines if (r := requirement(line, sys.version_info[:3])) is not None]
    wrong = [(r, found) for r in needed if (found := _version(r.name)) is None or not r.allows(found)]
    for package, found in wrong:
        told = f"{package.name} {found} is not {package.range}" if found else f"{package.name} is missing"
        yield Check("packages", Verdict.FAILURE, told, f"pip install '{package.name}{package.range}'")
    if not wrong:
        yield Check("packages", Verdict.OK, f"{len(needed)}, each within its range")


def config(found: Config | ConfigError) -> Iterator[Check]:
    """Every fault of the config, with its line."""
    if isinstance(found, ConfigError):
        for fault in found.faults or (found.message,):
            hint = "vya-backupdb config validate" if found.faults else found.hint
            yield Check("config", Verdict.FAILURE, fault, hint)
        return
    for warning in found.warnings:
        yield Check("config", Verdict.WARNING, warning, f"chmod 600 {found.path}")
    if not found.warnings:
        enabled = sum(i.enabled for i in found.instances)
        off = len(found.instances) - enabled
        told = f"{found.path}: {enabled} instance{'' if enabled == 1 else 's'}" + (
            f", {off} more not enabled" if off else ""
        )
        yield Check("config", Verdict.OK, told)


def receipt_key(found: Config) -> Iterator[Check]:
    """Whether drills can sign their receipts, where they are to."""
    if found.receipts is None:
        yield Check("receipt key", Verdict.OK, "none in the config: drills write no receipts")
        return
    from python_backup.jobs.receipts.key import key_of  # noqa: PLC0415 - loads the ciphers

    try:
        key = key_of(found.receipts)
    except ConfigError as exc:
        file = found.receipts.file
        hint = "vya-backupdb receipt key" if file is not None and not file.exists() else exc.hint
        yield Check("receipt key", Verdict.WARNING, exc.message, hint)
        return
    yield Check("receipt key", Verdict.OK, f"Ed25519, {key.public.id[:16]}")


def _metadata(key: str) -> str | None:
    try:
        return metadata.metadata(PACKAGE)[key]
    except (metadata.PackageNotFoundError, KeyError):
        return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
