"""Throw-away servers of this machine's own programs: made in a folder of their own, gone after.

Nothing waits for a disk, no port is open, the superuser's password is random, the account has no
rights beyond the folder, and the server ends with the run, however that ends.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from python_backup.engines.container import serves
from python_backup.engines.engine import Engine
from python_backup.engines.program import Image, Recipe, ServerProgram
from python_backup.errors import ConnectionFailed, StorageFailed, ToolFailed, ToolMissing
from python_backup.instance import Instance
from python_backup.stream.child import Leashed, leashed
from python_backup.stream.environment import clean_environment
from python_backup.stream.leash import ALONE
from python_backup.stream.private import clear_folders, held_folder

ACCOUNT = "nobody"
"""Who runs a server that root starts: PostgreSQL refuses root, and a dump should not run as anybody."""

PATIENCE = 120.0
"""Seconds that a server may take to answer."""

LONGEST_FOLDER = 60
"""Bytes of a folder's path that leave room for a socket's name below it (108 in sockaddr_un)."""

PREFIX = "vya-backupdb-drill-"
KEPT = "kept"
"""The file in a server's folder that says that it goes on without the run that started it."""

_KEPT_LOG = 2000


def choose_program(programs: tuple[ServerProgram, ...], wanted: tuple[str, tuple[int, ...]]) -> ServerProgram:
    """The closest program that is not older than the dump's server, of its own flavour where there is one.

    ``wanted`` is flavour and version: ``("mariadb", (10, 11))``.

    Raises:
        ToolMissing: none is on this machine; the message lists what is.
    """
    flavour, version = wanted
    same = [program for program in programs if program.dbms == flavour]
    fitting = [program for program in same if program.number >= version[: len(program.number)]]
    if fitting:
        return min(fitting, key=lambda program: program.number)
    shown = ".".join(map(str, version)) or "of any version"
    found = ", ".join(map(str, programs)) or "none"
    raise ToolMissing(
        f"no server program for {flavour} {shown} or later is on this machine (found: {found})",
        hint="Install the server's package, or name the folder of its programs in drill.programs.",
    )


@dataclass(frozen=True, slots=True)
class Scratch:
    """A throw-away server that runs; ``apart``: it has no network at all."""

    instance: Instance
    apart: bool
    _recipe: Recipe
    _outer: Path
    _server: Leashed

    def keep(self, database: str) -> Kept:
        """Has the server go on when the block that holds it ends; its folder stays too."""
        (self._outer / KEPT).touch(mode=0o600)
        return Kept(shlex.join((*self._recipe.client, database)), f"kill {self._server.pid}")


@dataclass(frozen=True, slots=True)
class Kept:
    """How a person connects to what was kept, and how it is ended: two commands."""

    connect: str
    end: str


@contextmanager
def scratch_server(
    engine: Engine, program: ServerProgram | Image, draw: Callable[[int], bytes] = os.urandom
) -> Iterator[Scratch]:
    """A server of this program, running and empty; nothing of it is left afterwards, unless it is kept.

    Raises:
        ToolFailed: it does not start; the message has the end of its log.
        StorageFailed: there is no room for it.
    """
    outer, held = held_folder(PREFIX, _short_folder())
    try:
        folder, log = outer / "s", outer / "log"
        recipe = _prepared(engine, program, folder, draw(16).hex())
        with leashed(_plan(recipe, folder), _environment(recipe, folder), log, (held,)) as server:
            _await(engine, recipe, lambda: server.status is None, log)
            alone = recipe.container is not None or ALONE.encode() not in log.read_bytes()
            yield Scratch(recipe.instance, alone, recipe, outer, server)
    finally:
        if not (outer / KEPT).exists():
            shutil.rmtree(outer, ignore_errors=True)
        os.close(held)


def clear_scratch() -> tuple[Path, ...]:
    """Removes what drills left that died with all that watched over them: a machine that lost its power."""
    return clear_folders(PREFIX, _short_folder())


def _prepared(engine: Engine, program: ServerProgram | Image, folder: Path, password: str) -> Recipe:
    """The recipe, its files in a new folder, and an empty log beside that, which others cannot read."""
    try:
        folder.mkdir(mode=0o700)
        folder.with_name("log").touch(mode=0o600)
        if isinstance(program, Image):
            recipe = engine.contained(program, folder, password)
        else:
            recipe = engine.recipe(_reachable(program, folder), folder, password)
        for name, text in recipe.files.items():
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(text)
        _hand_over(recipe, folder.parent, folder)
    except OSError as exc:
        raise StorageFailed(
            f"a throw-away server cannot be made in {folder.parent.parent}: {exc.strerror}",
            hint="Free space there, or name another folder in TMPDIR.",
        ) from exc
    return recipe


def _plan(recipe: Recipe, folder: Path) -> dict[str, object]:
    account = pwd.getpwnam(ACCOUNT) if os.geteuid() == 0 and recipe.container is None else None
    return {
        "make": recipe.make,
        "serve": recipe.serve,
        "account": None if account is None else [account.pw_uid, account.pw_gid],
        "signal": int(recipe.ending),
        "folder": str(folder),
        "apart": recipe.container is None,
        "after": recipe.after,
        "kept": str(folder.parent / KEPT),
    }


def _await(engine: Engine, recipe: Recipe, alive: Callable[[], bool], log: Path) -> None:
    """Returns when the server answers."""
    end, container = time.monotonic() + PATIENCE, recipe.container
    while alive() and time.monotonic() < end:
        try:
            if container is None or serves(container):
                with closing(engine.connect(recipe.instance)):
                    return
        except ConnectionFailed:
            pass
        time.sleep(0.05)
    said = log.read_text(errors="replace")[-_KEPT_LOG:].strip()
    raise ToolFailed(f"the throw-away {recipe.instance.dbms} server does not start; it said:\n{said}")


def _short_folder() -> Path:
    """Where temporary folders are; /tmp where they are too deep for a socket, or closed to `ACCOUNT`."""
    usual = Path(tempfile.gettempdir())
    fits = len(os.fsencode(usual)) <= LONGEST_FOLDER and (os.geteuid() != 0 or _open_to_all(usual))
    return usual if fits else Path("/tmp")  # noqa: S108 - a folder of 0700 in it


def _open_to_all(folder: Path) -> bool:
    """Whether any account can reach what is in the folder; none can where it is gone."""
    try:
        return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))
    except FileNotFoundError:
        return False


def _environment(recipe: Recipe, folder: Path) -> Mapping[str, str]:
    clean = clean_environment(os.environ)
    return clean if recipe.container else clean | {"HOME": str(folder), "TMPDIR": str(folder)}


def _hand_over(recipe: Recipe, outer: Path, folder: Path) -> None:
    """Gives the folder to the account that the server runs as; the log above it stays one's own.

    A container's account is of any number: it gets a folder that all may write to, in one's own.
    """
    if recipe.container is not None:
        (folder / "shared").mkdir()
        (folder / "shared").chmod(0o777)
    elif os.geteuid() == 0:
        outer.chmod(0o711)
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, ACCOUNT, pwd.getpwnam(ACCOUNT).pw_gid)


def _reachable(program: ServerProgram, folder: Path) -> ServerProgram:
    """The program where its account can read it: a copy, if the original is in a home of root's."""
    home = program.path.resolve().parent
    if os.geteuid() != 0 or _open_to_all(home):
        return program
    package = home.parents[1]  # PACKAGE/pginstall18/bin; its libraries stand beside the package
    copy = folder / "program"
    shutil.copytree(home.parent, copy / package.name / home.parent.name, symlinks=True)
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    return replace(program, path=copy / package.name / home.parent.name / home.name / program.path.name)
