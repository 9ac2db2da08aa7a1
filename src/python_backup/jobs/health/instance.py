"""What one instance needs: a client, a way to its server, and a server that is what a backup takes it for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

from python_backup.engines.engine import Reached, Server
from python_backup.engines.program import Client
from python_backup.engines.table import ENGINES
from python_backup.errors import BackupError
from python_backup.instance import Dbms, Instance, Secret
from python_backup.model import Backup, Check, Verdict
from python_backup.policy.beside import Kept
from python_backup.policy.lifetimes import supported
from python_backup.policy.vulnerabilities import fixed_in, known_in

SKEW = timedelta(seconds=5)
"""How far the server's clock may be from this machine's."""


@dataclass(frozen=True, slots=True)
class Patient:
    """One instance under examination; ``backups`` are its own, the newest first."""

    instance: Instance
    reached: Reached
    backups: tuple[Backup, ...]
    safety: Path
    kept: Kept
    now: Callable[[], datetime]

    @property
    def server(self) -> Server:
        """The server, which is there where a check asks for it."""
        assert self.reached.server is not None, "a check of a server that was not reached"
        return self.reached.server


def client(patient: Patient) -> Iterator[Check]:
    """The dump program, its version, and that version's known security faults."""
    if patient.reached.server is None:
        yield _any_client(patient)
        return
    try:
        chosen = patient.server.client()
    except BackupError as exc:
        yield Check("client", Verdict.FAILURE, exc.message, install(patient.instance.dbms, patient.server))
        return
    yield secure(chosen)


def _any_client(patient: Patient) -> Check:
    """Where no server says which version it takes: whether there is any."""
    dbms = patient.instance.dbms
    found = ENGINES[dbms].clients(patient.instance.tools, dbms)
    if not found:
        return Check("client", Verdict.FAILURE, "no dump program is on this machine", install(dbms, None))
    return secure(max(found, key=lambda c: (c.family is dbms, c.number)))


def secure(chosen: Client) -> Check:
    """The program, and the known security faults of its version."""
    who = f"{chosen.name} {chosen.version} ({' '.join(chosen.argv)})"
    known = known_in(chosen.family, chosen.number)
    if not known:
        return Check("client", Verdict.OK, who)
    names = ", ".join(fault.id for fault in known)
    fixed = ".".join(map(str, fixed_in(chosen.family, chosen.number) or ()))
    upgrade = "--only-upgrade " if chosen.argv[0].startswith("/usr/") else ""
    return Check(
        "client", Verdict.WARNING, f"{who} has known security faults, mended in {fixed}: {names}",
        f"apt install {upgrade}{_package(chosen.family, str(chosen.number[0]))}",
    )  # fmt: skip


def install(dbms: Dbms, server: Server | None) -> str:
    """The command that installs a fitting dump program."""
    version = server.version if server else ""
    return f"apt install {_package(dbms, version.partition('.')[0])}"


def _package(dbms: Dbms, major: str) -> str:
    if dbms is Dbms.POSTGRESQL:
        return f"postgresql-client-{major}" if major.isdecimal() else "postgresql-client"
    return "mariadb-client" if dbms is Dbms.MARIADB else "mysql-client"


def pasted(hint: str | None) -> str | None:
    """What a sentence tells to run, without the sentence."""
    found = re.search(r"`([^`]+)`", hint or "")
    return found[1] if found else hint


def with_secrets(given: Instance) -> tuple[Instance, Check]:
    """The instance with its account and password at hand, and whether they could be had."""
    try:
        account = given.account
        password = None if given.password is None else given.password.reveal()
    except BackupError as exc:
        return given, Check("password", Verdict.FAILURE, exc.message, pasted(exc.hint))
    if password is None:
        return replace(given, username=account), Check("password", Verdict.OK, "none is sent")
    held = replace(given, username=account, password=Secret(lambda: password))
    return held, Check("password", Verdict.OK, "is there")


def way(patient: Patient) -> Iterator[Check]:
    """Password, name, port, TLS, login, and an answer."""
    yield from patient.reached.steps


def version(patient: Patient) -> Iterator[Check]:
    """Whether this server's version is supported."""
    yield supported(patient.instance.dbms, patient.server.version, patient.now().date())


def health(patient: Patient) -> Iterator[Check]:
    """What the engine's server tells of itself."""
    yield from patient.server.health()


def clock(patient: Patient) -> Iterator[Check]:
    """The server's clock beside this machine's, which names backups and tells their ages."""
    begun = perf_counter()
    theirs = patient.server.clock()
    ours = patient.now() - timedelta(seconds=(perf_counter() - begun) / 2)
    ahead = (theirs - ours).total_seconds()
    newest = max((backup.taken for backup in patient.backups), default=None)
    if abs(ahead) > SKEW.total_seconds():
        found = f"the server's clock is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}"
        yield Check("clock", Verdict.WARNING, found, "timedatectl set-ntp true")
    elif newest is not None and newest > ours + SKEW:
        found = f"the latest backup is of {newest:%Y-%m-%d %H:%M}, which is still to come"
        yield Check("clock", Verdict.WARNING, found, "timedatectl")
    else:
        yield Check("clock", Verdict.OK, f"within {max(abs(ahead), 0.001):.3f} s of the server's")
