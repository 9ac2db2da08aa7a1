"""Finding mysqldump and mariadb-dump on this machine, and choosing the one that fits a server.

Both families ship both names (Debian's /usr/bin/mysqldump is MariaDB's), so a program is asked who
it is: its family and version from --version, its options from --help. Options of the other family
would end it with exit status 7 or 2.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from python_backup.errors import BackupError, ToolFailed, ToolMissing
from python_backup.instance import Dbms, Tools
from python_backup.stream.child import Command, output_of
from python_backup.stream.environment import clean_environment

INSTALLED = (
    "usr/bin",
    "usr/local/bin",
    "usr/local/mysql*/bin",
    "usr/lib/mysql*/bin",
    "opt/mysql*/bin",
    "opt/mariadb*/bin",
    "opt/homebrew/opt/mysql-client*/bin",
    "opt/homebrew/opt/mariadb*/bin",
)
"""Where packages, builds from source and Homebrew put the programs, below /."""

PROGRAMS = {Dbms.MYSQL: ("mysqldump", "mariadb-dump"), Dbms.MARIADB: ("mariadb-dump", "mysqldump")}

# "mysqldump  Ver 9.7.4 for Linux", "mysqldump  Ver 10.13 Distrib 5.7.44, for Linux",
# "mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for …", "mariadb-dump from 11.8.6-MariaDB, client 10.19"
_VERSIONS = (re.compile(r"(?:Distrib|from) (\d+)\.(\d+)\.(\d+)"), re.compile(r"Ver (\d+)\.(\d+)\.(\d+)"))
_OPTION = re.compile(r"^ {2}(?:-., )?--([a-z0-9][a-z0-9-]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Tool:
    """One client program: what starts it, who it is, and the long options it has (without ``--``)."""

    argv: tuple[str, ...]
    family: Dbms
    number: tuple[int, int, int]
    options: frozenset[str]

    @property
    def version(self) -> str:
        """The version as text: ``10.11.19``."""
        return ".".join(map(str, self.number))

    @property
    def name(self) -> str:
        """The program's own name, whatever it was called: ``mariadb-dump``."""
        return PROGRAMS[self.family][0]


@dataclass(slots=True)
class Toolbox:
    """The client programs for one instance; each is asked who it is once."""

    tools: Tools
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    folders: Callable[[Mapping[str, str]], Iterator[Path]] = field(default_factory=lambda: folders)
    _known: dict[tuple[str, ...], Tool | None] = field(default_factory=dict)

    def choose(self, family: Dbms, at_least: tuple[int, int], preferred: str | None = None) -> Tool:
        """The oldest program of the server's family that is not older than the server.

        Programs that have the ``preferred`` option go before those that lack it.
        Patch levels do not matter. One in ``tools.path`` goes before all others; of the same version
        the newest patch level. A MySQL server takes mariadb-dump where there is no mysqldump:
        without generated columns what it writes restores to the same rows and objects (MySQL 9.7 by
        10.11; the caller looks for such columns, and says whose program it was). The reverse does not
        work: mysqldump 9 has lost the login that MariaDB's accounts use, and none knows sequences or
        system versioning.

        Raises:
            ToolMissing: there is none; the message lists what was found.
        """
        found = self._found(family)
        fitting = [tool for tool in found if tool.family is family and tool.number[:2] >= at_least]
        if fitting:
            return min(
                fitting, key=lambda tool: (preferred not in {*tool.options, None}, _oldest_first(tool))
            )
        if family is Dbms.MYSQL:
            foreign = [tool for tool in found if tool.family is Dbms.MARIADB]
            if foreign:
                return max(foreign, key=lambda tool: tool.number)
        raise _missing(family, at_least, found, self.tools)

    def all(self, family: Dbms) -> list[Tool]:
        """Every program that runs, of both families."""
        return self._found(family)

    def environment(self) -> dict[str, str]:
        """What a child gets: nothing of MySQL's, and no home folder with a ``.mylogin.cnf``.

        A command that leads into a container is given no home folder at all: docker complains of
        one that is no folder.
        """
        home = {} if self.tools.command else {"HOME": os.devnull}
        return clean_environment(self.environ) | home

    def _found(self, family: Dbms) -> list[Tool]:
        names = PROGRAMS[family]
        if self.tools.command:
            remote = (self._ask((*self.tools.command, name)) for name in names)
            return [tool for tool in remote if tool is not None][:1]
        own = [] if self.tools.path is None else self._in([self.tools.path], names)
        return own or self._in(self.folders(self.environ), names)

    def _in(self, places: Iterable[Path], names: tuple[str, ...]) -> list[Tool]:
        paths = dict.fromkeys(
            real
            for place in places
            for name in names
            if os.access(real := os.path.realpath(place / name), os.X_OK) and Path(real).is_file()
        )
        tools = (self._ask((path,)) for path in paths)
        return [tool for tool in tools if tool is not None]

    def _ask(self, argv: tuple[str, ...]) -> Tool | None:
        """Who the program is, or None when it does not run."""
        if argv not in self._known:
            self._known[argv] = _asked(argv, self.environment())
        return self._known[argv]


def _oldest_first(tool: Tool) -> tuple[tuple[int, int], int]:
    return tool.number[:2], -tool.number[2]


def folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """The folders that may hold client programs: PATH, then those of packages."""
    yield from (Path(folder) for folder in environ.get("PATH", "").split(os.pathsep) if folder)
    for pattern in INSTALLED:
        yield from sorted(Path("/").glob(pattern))


def _asked(argv: tuple[str, ...], environment: dict[str, str]) -> Tool | None:
    try:
        version = _output((*argv, "--no-defaults", "--version"), environment)
        who = None if version is None else identity(version)
        options = None if who is None else _output((*argv, "--no-defaults", "--help"), environment)
    except (ToolMissing, ToolFailed):
        return None  # a program that does not run is none; what is missing is said when none is left
    if who is None or options is None:
        return None
    return Tool(argv, *who, frozenset(_OPTION.findall(options)))


def _output(argv: tuple[str, ...], environment: dict[str, str]) -> str | None:
    output, ending = output_of(Command(argv, environment))
    return output.decode("utf-8", "replace") if ending.returncode == 0 else None


def identity(text: str) -> tuple[Dbms, tuple[int, int, int]] | None:
    """Family and version from the output of --version, None when it is neither family's."""
    if not re.search(r"mysqldump|mariadb-dump", text):
        return None
    for pattern in _VERSIONS:
        if found := pattern.search(text):
            major, minor, patch = map(int, found.groups())
            return Dbms.MARIADB if "mariadb" in text.lower().split("ver ")[-1] else Dbms.MYSQL, (
                major,
                minor,
                patch,
            )
    return None


def _missing(family: Dbms, at_least: tuple[int, int], found: list[Tool], tools: Tools) -> BackupError:
    program = PROGRAMS[family][0]
    wanted = ".".join(map(str, at_least))
    server = "MariaDB" if family is Dbms.MARIADB else "MySQL"
    seen = ", ".join(f"{t.name} {t.version} ({' '.join(t.argv)})" for t in found) or "none"
    if tools.command:
        return ToolMissing(
            f"no {program} for {server} {wanted} can be run by {' '.join(tools.command)!r} (found: {seen})",
            hint="Run this command by hand with mysqldump --version, and mend tools.command in the config.",
        )
    package = "mariadb-client" if family is Dbms.MARIADB else "mysql-client (of MySQL's own apt repository)"
    return ToolMissing(
        f"no {program} for {server} {wanted} is on this machine (found: {seen})",
        hint=f"Install {package} of version {wanted} or later, or name its folder in tools.path.",
    )
