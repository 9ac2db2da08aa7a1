"""Throw-away servers of this machine's own programs: made in a folder of their own, gone after.

Nothing waits for a disk, no port is open, the superuser's password is random, the account has no
rights beyond the folder, and the server ends with the run, however that ends.
"""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from python_backup.engines.engine import Engine
from python_backup.engines.program import Recipe, ServerProgram
from python_backup.errors import ConnectionFailed, ToolFailed, ToolMissing
from python_backup.model import Instance
from python_backup.stream.child import clean_environment, leashed

ACCOUNT = "nobody"
"""Who runs a server that root starts: PostgreSQL refuses root, and a dump should not run as anybody."""

PATIENCE = 120.0
"""Seconds that a server may take to answer."""

LONGEST_FOLDER = 60
"""Bytes of a folder's path that leave room for a socket's name below it (108 in sockaddr_un)."""

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


@contextmanager
def scratch_server(
    engine: Engine, program: ServerProgram, draw: Callable[[int], bytes] = os.urandom
) -> Iterator[Instance]:
    """A server of this program, running and empty, as an instance; nothing of it is left afterwards.

    Raises:
        ToolFailed: it does not start; the message has the end of its log.
    """
    with tempfile.TemporaryDirectory(prefix="vya-", dir=_short_folder()) as outer:
        folder = Path(outer) / "s"
        folder.mkdir(mode=0o700)
        recipe = engine.recipe(_reachable(program, folder), folder, draw(16).hex())
        for name, text in recipe.files.items():
            (folder / name).write_text(text)
        _hand_over(Path(outer), folder)
        log = Path(outer) / "log"
        with leashed(_plan(recipe, folder), _environment(folder), log) as server:
            _await(engine, recipe.instance, lambda: server.status is None, log)
            yield recipe.instance


def _plan(recipe: Recipe, folder: Path) -> dict[str, object]:
    account = pwd.getpwnam(ACCOUNT) if os.geteuid() == 0 else None
    return {
        "make": recipe.make,
        "serve": recipe.serve,
        "account": None if account is None else [account.pw_uid, account.pw_gid],
        "signal": int(recipe.ending),
        "folder": str(folder),
    }


def _await(engine: Engine, instance: Instance, alive: Callable[[], bool], log: Path) -> None:
    """Returns when the server answers."""
    end = time.monotonic() + PATIENCE
    while alive() and time.monotonic() < end:
        try:
            with closing(engine.connect(instance)):
                return
        except ConnectionFailed:
            time.sleep(0.05)
    said = log.read_text(errors="replace")[-_KEPT_LOG:].strip()
    raise ToolFailed(f"the throw-away {instance.dbms} server does not start; it said:\n{said}")


def _short_folder() -> str | None:
    """Where temporary folders are; /tmp where their paths are too long for a socket."""
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) <= LONGEST_FOLDER else "/tmp"  # noqa: S108 - a folder of 0700 in it


def _environment(folder: Path) -> Mapping[str, str]:
    return clean_environment(os.environ) | {"HOME": str(folder), "TMPDIR": str(folder)}


def _hand_over(outer: Path, folder: Path) -> None:
    """Gives the folder to the account that the server runs as; the log above it stays one's own."""
    if os.geteuid() == 0:
        outer.chmod(0o711)
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, ACCOUNT, pwd.getpwnam(ACCOUNT).pw_gid)
    for path in folder.iterdir():
        if path.is_file():
            path.chmod(0o600)


def _reachable(program: ServerProgram, folder: Path) -> ServerProgram:
    """The program where its account can read it: a copy, if the original is in a home of root's."""
    home = program.path.resolve().parent
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in (home, *home.parents)):
        return program
    package = home.parents[1]  # PACKAGE/pginstall18/bin; its libraries stand beside the package
    copy = folder / "program"
    shutil.copytree(home.parent, copy / package.name / home.parent.name, symlinks=True)
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    return replace(program, path=copy / package.name / home.parent.name / home.name / program.path.name)
