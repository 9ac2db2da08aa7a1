"""Reads a config file into frozen dataclasses, or raises one error that lists every fault."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from python_backup.config import document, rules
from python_backup.config.document import Document, Fault, read_document
from python_backup.config.faults import fault_of
from python_backup.config.scalars import age, share
from python_backup.config.schema import (
    BackupSection,
    ConfigFile,
    DrillRowsSection,
    ExpectationsSection,
    ExpectSection,
    InstanceSection,
    LoggingSection,
    ObjectivesSection,
    ReceiptSection,
    ThrottleOfSection,
)
from python_backup.config.secret import secret
from python_backup.config.sources import PasswordSource
from python_backup.errors import ConfigError, UsageError
from python_backup.instance import Dbms, Instance, Limits, Retry, Secret, Throttle, Tls, TlsMode, Tools
from python_backup.late import late
from python_backup.model import Format, Parts, Scope
from python_backup.policy.anomalies import Rule
from python_backup.policy.beside import Kept
from python_backup.policy.objectives import Objectives

if TYPE_CHECKING:
    from python_backup.config import keys
    from python_backup.config.keys import Ask
    from python_backup.config.vault import Vault
else:
    (keys,) = late(__package__, "keys")  # few configs have a vault

DEFAULT_PORTS = {Dbms.MYSQL: 3306, Dbms.MARIADB: 3306, Dbms.POSTGRESQL: 5432}


@dataclass(frozen=True, slots=True)
class Logging:
    """What is logged and where; ``max_size`` is in bytes, ``keep`` counts the files beside the one."""

    level: str = "info"
    format: str = "text"
    file: Path | None = None
    max_size: int = 10_000_000
    keep: int = 5


@dataclass(frozen=True, slots=True)
class Drilling:
    """How backups are drilled, and where; ``scratch`` are the instances that are for drills alone.

    Each of ``checks`` is a database, a query, and what it should give: text, or the file that has its rows.
    """

    on: str | None = None
    programs: tuple[Path, ...] = ()
    image: str | None = None
    scratch: tuple[Instance, ...] = ()
    max_proof_age: timedelta | None = None
    max_age: timedelta | None = None
    checks: tuple[tuple[str, str, str | Path], ...] = ()


@dataclass(frozen=True, slots=True)
class Receipts:
    """What signs receipts; ``file`` is where the key is, if in a file."""

    key: Secret
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """What the config file says, ready for use; ``warnings`` is what is unwise in it.

    ``safety_keep`` is how many safety backups of each target are kept. ``restore_jobs`` and ``backup_jobs``
    None: as many as there are cores. ``expected`` is what backups should hold, a later rule before an earlier
    one. ``objectives`` are by instance id; each instance has its own ``throttle``.
    """

    path: Path
    directory: Path
    format: Format
    level: int | None
    instances: tuple[Instance, ...]
    kept: Kept = field(default_factory=Kept)
    safety_keep: int = 10
    restore_jobs: int | None = None
    backup_jobs: int | None = 1
    parts: Parts = Parts.AUTO
    lock: Scope = Scope.INSTANCE
    logging: Logging = field(default_factory=Logging)
    drilling: Drilling = field(default_factory=Drilling)
    expected: tuple[Rule, ...] = ()
    receipts: Receipts | None = None
    objectives: Mapping[str, Objectives] = field(default_factory=dict)
    throttle: Throttle = field(default_factory=Throttle)
    nice: bool = False
    vault: Vault | None = None
    warnings: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """All that must not be seen, in a log for instance."""
        given = [instance.password for instance in (*self.instances, *self.drilling.scratch)]
        given.append(self.vault.passphrase if self.vault else None)
        given.append(self.receipts.key if self.receipts else None)
        return tuple(secret for secret in given if secret is not None)

    def instance(self, wanted: str) -> Instance:
        """The instance of this id.

        Raises:
            UsageError: there is none; the hint lists those that there are.
        """
        for instance in self.instances:
            if instance.id == wanted:
                return instance
        if any(instance.id == wanted for instance in self.drilling.scratch):
            raise UsageError(
                f"instance {wanted!r} is a scratch instance: nothing on it is backed up or restored",
                hint=f"Drill on it: vya-backupdb drill --all --on {wanted}.",
            )
        known = ", ".join(instance.label for instance in self.instances)
        raise UsageError(f"no instance {wanted!r} in {self.path}", hint=f"The config has: {known}.")


def _nobody(_: str) -> None:
    return None


def load(path: Path, environ: Mapping[str, str], ask: Ask = _nobody) -> Config:
    """The config in this file; ``ask`` gets the vault's passphrase when that is wanted and not in the config.

    Raises:
        ConfigError: with every fault, its line and its path.
    """
    text, mode = _text(path)
    read, checked = read_config(text, path, environ)
    folder = path.absolute().parent
    vault = keys.vault_of(checked.vault, folder, environ, ask) if checked.vault else None
    places = _Places(folder, environ, vault)
    return _settled(checked, path, places, tuple(_warnings(path, mode, read, checked)))


def read_file(path: Path, environ: Mapping[str, str]) -> ConfigFile:
    """The file's values as they were checked, in the file's own shape."""
    return read_config(_text(path)[0], path, environ)[1]


def _text(path: Path) -> tuple[str, int]:
    """The file's text and its mode bits."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(), os.fstat(file.fileno()).st_mode
    except OSError as exc:
        raise ConfigError(f"{str(path)!r} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{str(path)!r} is not UTF-8 text, byte {exc.start}") from exc


def read_config(text: str, path: Path, environ: Mapping[str, str]) -> tuple[Document, ConfigFile]:
    """The text as it was read, and as it was checked; ``path`` is for the error alone."""
    read = read_document(text, environ)
    faults = list(read.faults)
    checked: ConfigFile | None = None
    if read.value is None and not faults:
        faults.append(Fault((), 1, "is empty"))
    if read.value is not None:
        try:
            checked = ConfigFile.model_validate(read.value)
        except ValidationError as exc:
            faults += [fault_of(read, error) for error in exc.errors(include_url=False, include_input=False)]
        faults += [Fault(where, read.line(where), what) for where, what in rules.check(read.value)]
    if faults or checked is None:
        raise _error(path, faults)
    return read, checked


def _error(path: Path, faults: list[Fault]) -> ConfigError:
    first: dict[document.Path, Fault] = {}
    for fault in faults:  # what the reader finds comes first, and explains what the schema finds there
        first.setdefault(fault.path, fault)
    listed = tuple(
        f"{path}:{fault.line}: {fault.place + ': ' if fault.path else ''}{fault.message}"
        for fault in sorted(first.values(), key=lambda f: (f.line, f.place))
    )
    count = "1 fault" if len(first) == 1 else f"{len(first)} faults"
    return ConfigError(
        f"{count} in the config" + "".join(f"\n  {fault}" for fault in listed),
        hint="`vya-backupdb config schema` gives all that a config can hold.",
        faults=listed,
    )


def _warnings(path: Path, mode: int, read: Document, checked: ConfigFile) -> Iterator[str]:
    if not stat.S_ISREG(mode) or not mode & 0o077:
        return
    for index, section in enumerate(checked.instances):
        where = ("instances", index, "password")
        if isinstance(section.password, str) and where not in read.filled:
            yield f"{path} holds a password and can be read by others; `chmod 600 {path}` mends that"
            return


@dataclass(frozen=True, slots=True)
class _Places:
    """Where secrets and files are found."""

    folder: Path
    environ: Mapping[str, str]
    vault: Vault | None


def _settled(checked: ConfigFile, path: Path, places: _Places, warnings: tuple[str, ...]) -> Config:
    backup = checked.backup
    throttle = _throttle(checked.throttle)
    instances = [
        (section, replace(_instance(section, f"instances[{index}]", places, backup), throttle=own))
        for index, section in enumerate(checked.instances)
        for own in (_throttle(section.throttle, throttle),)
    ]
    by_id = {one.id: one for _, one in instances}
    instances = [
        (section, replace(one, replicas=tuple(by_id[other] for other in section.replicas)))
        for section, one in instances
    ]
    return Config(
        path=path,
        directory=places.folder / Path(backup.directory).expanduser(),
        format=Format(backup.compression.format),
        level=backup.compression.level,
        backup_jobs=None if backup.jobs == "auto" else backup.jobs,
        parts=Parts(backup.parts),
        lock=Scope(backup.lock),
        instances=tuple(one for section, one in instances if not section.scratch),
        kept=Kept(checked.restore.keep_replaced.count, checked.restore.keep_replaced.days),
        safety_keep=checked.restore.safety.keep,
        restore_jobs=None if checked.restore.jobs == "auto" else checked.restore.jobs,
        logging=_logging(checked.logging, places.folder),
        expected=(
            *_rules(checked.expect),
            *(rule for section in checked.instances for rule in _rules(section.expect, section.id)),
        ),
        receipts=_receipts(checked.receipt, places) if checked.receipt else None,
        objectives={one.id: _objectives(one.objectives, checked.objectives) for one in checked.instances},
        drilling=_drilling(checked, places, tuple(one for section, one in instances if section.scratch)),
        throttle=throttle,
        nice=checked.throttle.nice,
        vault=places.vault,
        warnings=warnings,
    )


def _throttle(section: ThrottleOfSection, common: Throttle = Throttle()) -> Throttle:  # noqa: B008 - frozen
    """What one instance's section leaves out is said for all."""
    given = {"bwlimit": section.bwlimit, "max_lag": section.max_lag, "max_load": section.max_load}
    given["max_pause"] = section.max_pause
    return replace(common, **{name: value for name, value in given.items() if value is not None})


def _rules(section: ExpectationsSection, instance: str | None = None) -> Iterator[Rule]:
    """What is expected of all databases, then of some; nothing where nothing is said."""
    for_all = _rule(section, instance, None)
    if for_all != Rule(instance):
        yield for_all
    yield from (_rule(one, instance, one.database) for one in section.databases)


def _rule(section: ExpectSection, instance: str | None, database: str | None) -> Rule:
    return Rule(instance, database, share(section.max_shrink), section.min_rows, section.ignore)


def _drilling(checked: ConfigFile, places: _Places, scratch: tuple[Instance, ...]) -> Drilling:
    section = checked.drill
    return Drilling(
        on=section.on,
        programs=tuple(places.folder / Path(program).expanduser() for program in section.programs),
        image=section.docker.image,
        scratch=scratch,
        max_proof_age=age(section.max_proof_age),
        max_age=age(section.max_age),
        checks=tuple(
            (check.database, check.sql, _expected(check.expect, places)) for check in section.checks
        ),
    )


def _expected(given: str | DrillRowsSection, places: _Places) -> str | Path:
    return given if isinstance(given, str) else places.folder / Path(given.file).expanduser()


def _logging(section: LoggingSection, folder: Path) -> Logging:
    return Logging(section.level, section.format, _file(section.file, folder), section.max_size, section.keep)


def _objectives(own: ObjectivesSection, common: ObjectivesSection) -> Objectives:
    return Objectives(age(own.rpo or common.rpo), age(own.rto or common.rto))


def _receipts(section: ReceiptSection, places: _Places) -> Receipts:
    """A mere text is a path: a key is nothing to write into a config."""
    given = PasswordSource(file=section.key) if isinstance(section.key, str) else section.key
    key = secret(given, "receipt.key", places.folder, places.environ, places.vault)
    if key is None:
        raise AssertionError("a receipt's key without its place")
    return Receipts(key, _file(given.file, places.folder))


def _instance(section: InstanceSection, place: str, places: _Places, backup: BackupSection) -> Instance:
    dbms = Dbms(section.dbms)
    folder = places.folder
    tls, tools = section.tls, section.tools
    return Instance(
        id=section.id,
        name=section.name or section.id,
        dbms=dbms,
        host=section.host,
        port=section.port or DEFAULT_PORTS[dbms],
        socket=section.socket,
        username=section.username or "",
        held_username=_held_username(section, place, places.vault),
        password=secret(section.password, f"{place}.password", folder, places.environ, places.vault),
        filter=tuple(section.filter),
        ignore=tuple(section.ignore),
        enabled=section.enabled,
        tls=Tls(TlsMode(tls.mode), _file(tls.ca, folder), _file(tls.cert, folder), _file(tls.key, folder)),
        options=tuple(section.options),
        tools=Tools(
            path=_file(tools.path, folder),
            command=tuple(tools.command),
            host=tools.host,
            port=tools.port,
            socket=tools.socket,
        ),
        custom_format=section.format == "custom",
        limits=Limits(
            timeout=section.timeout or backup.timeout,
            lock=section.lock_timeout or backup.lock_timeout,
            idle=section.idle_timeout or backup.idle_timeout,
        ),
        retry=Retry(**dict(section.retry or backup.retry)),
        max_age=age(section.max_age or backup.max_age),
    )


def _held_username(section: InstanceSection, place: str, vault: Vault | None) -> Secret | None:
    if section.username is not None or vault is None:
        return None
    match section.password:
        case PasswordSource(vault=str(wanted)):
            return Secret(lambda: _username_in(vault, wanted, place))
    return None


def _username_in(vault: Vault, wanted: str, place: str) -> str:
    username = vault.entry(wanted).username
    if not username:
        raise ConfigError(
            f"{place}.username: neither the config nor the vault's entry {wanted!r} has one",
            hint=f"Give it in the config, or `vya-backupdb vault add {wanted} --username NAME --replace`.",
        )
    return username


def _file(name: str | None, folder: Path) -> Path | None:
    return folder / Path(name).expanduser() if name else None
