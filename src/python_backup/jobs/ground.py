"""Where a drill is: a throw-away server of this machine's programs or of an image, or a scratch instance.

A scratch instance is a server that the config sets apart for drills. On it the drill makes a database of a
random name, holds that name's lock as long as it lives, and drops it again; what a drill that was killed
left there, the next one drops.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from python_backup.engines.container import clear_containers, fetch
from python_backup.engines.engine import Server
from python_backup.engines.program import Image, ServerProgram
from python_backup.engines.scratch import Kept, choose_program, clear_scratch, scratch_server
from python_backup.engines.table import ENGINES
from python_backup.errors import BackupError, Refused, ToolMissing, UsageError
from python_backup.instance import Dbms, Instance
from python_backup.jobs.connected import connected
from python_backup.jobs.progress import Progress
from python_backup.jobs.proving import version_number

DOCKER, EMBEDDED = "docker", "embedded"

_NAMED = re.compile(r"(postgresql|mariadb|mysql)(?:[- ](\d+(?:\.\d+)*))?\Z")
_OURS = re.compile(r"vya_drill_[0-9a-f]{12}")

OFFICIAL = {Dbms.POSTGRESQL: "postgres", Dbms.MARIADB: "mariadb", Dbms.MYSQL: "mysql"}
"""The images' names on Docker Hub."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """What drills may use. ``on`` None: the closest of the machine's programs, else an image that is set.

    ``programs`` are folders whose server programs go before the machine's others. ``image`` is a container
    image's name, in which ``{dbms}`` and ``{version}`` are the dump's. ``scratch`` are the instances that
    are set apart for drills.
    """

    on: str | None = None
    programs: tuple[Path, ...] = ()
    image: str | None = None
    scratch: tuple[Instance, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a dump asks for: its server's kind and its version's numbers, as far as they are known."""

    dbms: Dbms
    number: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ground:
    """A server that runs; ``number`` is what of its version matters.

    ``database`` is the one to restore into, None where it may have its own name. ``keep`` has the server,
    or the database of this name, stay when the drill ends. ``warnings`` are what was found about it.
    """

    name: str
    number: tuple[int, ...]
    instance: Instance
    keep: Callable[[str], Kept]
    database: str | None = None
    warnings: tuple[str, ...] = ()


Opening = Callable[[], AbstractContextManager[Ground]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Where the drill will be; nothing runs yet."""

    name: str
    open: Opening


def choose(grounds: Grounds, wanted: Wanted, progress: Progress) -> Chosen:
    """The server for a dump.

    Raises:
        UsageError: ``on`` is nothing that is known.
        ToolMissing: nothing that fits is on this machine.
    """
    on = grounds.on
    instance = next((one for one in grounds.scratch if one.id == on), None)
    if instance is not None:
        return _of_instance(instance, wanted)
    if on is not None and on.partition(":")[0] == DOCKER:
        return _of_program(Image(wanted.dbms, on.partition(":")[2] or _image(grounds, wanted)), progress)
    programs = tuple(ENGINES[_family(on, wanted)].programs(grounds.programs))
    try:
        return _of_program(_program(on, programs, wanted), progress)
    except ToolMissing:
        if on is not None or grounds.image is None:
            raise
    return _of_program(Image(wanted.dbms, _image(grounds, wanted)), progress)


def _family(on: str | None, wanted: Wanted) -> Dbms:
    named = _NAMED.match(on or "")
    dbms = Dbms(named[1]) if named else wanted.dbms
    _refuse_other(dbms, wanted, str(on))
    return dbms


def _refuse_other(dbms: Dbms, wanted: Wanted, on: str) -> None:
    if ENGINES[dbms].dialect.family != ENGINES[wanted.dbms].dialect.family:
        raise UsageError(f"a dump of {wanted.dbms} cannot be drilled on {on}")


def _program(on: str | None, programs: tuple[ServerProgram, ...], wanted: Wanted) -> ServerProgram:
    named = _NAMED.match(on or "")
    if on == EMBEDDED:
        programs = tuple(program for program in programs if program.embedded)
    elif on is not None and named is None:
        raise UsageError(
            f"there is no server {on!r} to drill on",
            hint="Give postgresql, mariadb or mysql, with a version or without (mariadb-10.11), docker,"
            " docker:IMAGE, embedded, or the id of an instance in the config's drill.scratch.",
        )
    if named is None:
        return choose_program(programs, (wanted.dbms, wanted.number))
    version = tuple(map(int, named[2].split("."))) if named[2] else ()
    found = [p for p in programs if p.dbms == named[1] and _begins(p.version, version)]
    if not version and named[1] == wanted.dbms:
        return choose_program(programs, (wanted.dbms, wanted.number))
    if not found:
        shown = ", ".join(map(str, programs)) or "none"
        raise ToolMissing(
            f"no server program for {on} is on this machine (found: {shown})",
            hint="Install the server's package, or name the folder of its programs in drill.programs.",
        )
    return max(found, key=lambda program: program.number)


def _begins(version: str, wanted: tuple[int, ...]) -> bool:
    return tuple(map(int, re.findall(r"\d+", version)))[: len(wanted)] == wanted


def _image(grounds: Grounds, wanted: Wanted) -> str:
    known = wanted.number[:1] if wanted.dbms is Dbms.POSTGRESQL else wanted.number[:2]
    version = ".".join(map(str, known)) or "latest"
    pattern = grounds.image or f"{OFFICIAL[wanted.dbms]}:{{version}}"
    return pattern.replace("{dbms}", wanted.dbms).replace("{version}", version)


def _of_program(program: ServerProgram | Image, progress: Progress) -> Chosen:
    @contextmanager
    def opened() -> Iterator[Ground]:
        for left in (*clear_scratch(), *(clear_containers() if isinstance(program, Image) else ())):
            progress.note(f"removed {left}, which a drill that was killed left")
        if isinstance(program, Image):
            fetch(program)
        with scratch_server(ENGINES[program.dbms], program) as server:
            name, number = str(program), _number_of(program, server.instance)
            warnings = () if server.apart else ("the system allows the server no network of its own",)
            yield Ground(name, number, server.instance, server.keep, warnings=warnings)

    return Chosen(str(program), opened)


def _number_of(program: ServerProgram | Image, instance: Instance) -> tuple[int, ...]:
    if isinstance(program, ServerProgram):
        return program.number
    with connected(instance) as server:
        return _mattering(instance.dbms, server.version)


def _mattering(dbms: Dbms, version: str) -> tuple[int, ...]:
    """A server's version, as far as its dumps depend on it: one number of PostgreSQL's, two of others'."""
    return version_number(version)[: 1 if dbms is Dbms.POSTGRESQL else 2]


def _of_instance(instance: Instance, wanted: Wanted) -> Chosen:
    _refuse_other(instance.dbms, wanted, f"{instance.label}: {instance.dbms}")
    name = f"{instance.dbms} on scratch instance {instance.label}"

    @contextmanager
    def opened() -> Iterator[Ground]:
        database = f"vya_drill_{os.urandom(6).hex()}"
        kept: list[str] = []

        def keep(_: str) -> Kept:
            kept.append(database)
            where = instance.socket or f"{instance.host}:{instance.port}"
            return Kept(f"{instance.account}@{where}, database {database}", f"DROP DATABASE {database};")

        with connected(instance) as server:
            _drop_dead(server)
            server.hold(_lock(database))
            try:
                number = _mattering(instance.dbms, server.version)
                yield Ground(f"{name} ({server.version})", number, instance, keep, database)
            finally:
                if not kept:
                    _drop(instance, database)

    return Chosen(name, opened)


def _lock(database: str) -> str:
    """What a drill holds; not the name itself, which its restore holds."""
    return f"{database} (drill)"


def _drop_dead(server: Server) -> None:
    for name in server.databases():
        ours = _OURS.match(name)
        if ours is None:
            continue
        try:
            server.hold(_lock(ours[0]))
        except Refused:
            continue  # its drill lives
        server.drop(name)


def _drop(instance: Instance, database: str) -> None:
    """Over a connection of its own: the drill's may have been lost."""
    try:
        with connected(instance) as server:
            for name in server.databases():
                if name.startswith(database):
                    server.drop(name)
    except BackupError as exc:
        exc.add_note(f"database {database} on {instance.label} may be left")
        raise
