"""Watching for a secret while programs run: command lines, environments, files, and the modes of all of these."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from support.servers import RunningServer

CRASH = """
import base64, os, sys, urllib.parse
from pathlib import Path
from python_backup.cli.app import main
from python_backup.jobs import one_backup
def crash(*_):
    word = Path(os.environ["CRASH"]).read_text().rstrip("\\n")
    inner = ValueError({"password": word, "bytes": word.encode()})
    raise RuntimeError(word, urllib.parse.quote(word), base64.b64encode(word.encode())) from inner
one_backup.Sha256Meter = crash
main(sys.argv[1:])
"""
"""The program with a fault of its own amid a backup; its exceptions hold the password in many shapes."""


SERVERS = "/vya-backupdb-drill-"
"""In the paths of throw-away servers, whose own files are of the modes that they like, in a folder of 0700."""


def shapes(word: str) -> tuple[bytes, ...]:
    """A word of letters and digits as it may stand in a text: as it is, in hexadecimal, in base64.

    In base64 it looks in three ways, as the bytes before it are 0, 1 or 2 more than a multiple of 3.
    """
    data = word.encode()
    coded = [
        b64encode(b"-" * shift + data)[-(-shift * 4 // 3) : (shift + len(data)) // 3 * 4]
        for shift in range(3)
    ]
    return data, data.hex().encode(), *coded


def sees(shown: tuple[bytes, ...], content: bytes) -> bool:
    """Whether one of these shapes stands in it."""
    return any(shape in content for shape in shown)


@dataclass
class Watch:
    """What was seen of a word while programs ran."""

    shown: tuple[bytes, ...]
    folder: Path
    sights: set[str] = field(default_factory=set)
    modes: set[tuple[str, str]] = field(default_factory=set)
    rounds: int = 0
    processes: set[str] = field(default_factory=set)

    def look(self) -> None:
        """One look at every process and every file."""
        for place in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                with suppress(OSError):  # it has ended, or is not ours to read
                    content = (place / name).read_bytes()
                    if sees(self.shown, content):
                        self.sights.add(f"{name}: {content!r}")
                    if name == "cmdline":
                        self.processes.add(Path(content.partition(b"\0")[0].decode(errors="replace")).name)
        for path in _all_below(self.folder):
            if SERVERS in str(path):
                continue
            with suppress(OSError):
                mode = path.lstat().st_mode
                if not stat.S_ISLNK(mode) and stat.S_IMODE(mode) != (0o700 if stat.S_ISDIR(mode) else 0o600):
                    self.modes.add((str(path.relative_to(self.folder)), stat.filemode(mode)))
        self.rounds += 1


def _all_below(folder: Path) -> Iterator[Path]:
    """Every file and folder; what goes meanwhile is left out, where Path.rglob raises."""
    for place, folders, files in os.walk(folder):
        yield from (Path(place) / name for name in (*folders, *files))


@contextmanager
def watched(word: str, folder: Path) -> Iterator[Watch]:
    """Looks again and again while the block runs."""
    watch = Watch(shapes(word), folder)
    ended = threading.Event()

    def loop() -> None:
        while not ended.wait(0.02):
            watch.look()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield watch
    finally:
        ended.set()
        thread.join()


@dataclass
class Stage:
    """A folder of the operator's, and all that the program said there."""

    folder: Path
    said: list[str] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str = "", umask: int = 0, crash: str = "") -> tuple[int, str]:
        """The program with the most open umask; its exit code and what it wrote on stdout.

        With ``crash``, a password's file, the program has a fault of its own.
        """
        (self.folder / "tmp").mkdir(mode=0o700, exist_ok=True)
        program = ["-c", CRASH] if crash else ["-m", "python_backup"]
        done = subprocess.run(
            [sys.executable, *program, *arguments], cwd=self.folder, input=stdin, check=False,
            capture_output=True, text=True, timeout=300, umask=umask, start_new_session=True,
            env={**os.environ, "TMPDIR": str(self.folder / "tmp"), "HOME": str(self.folder), "CRASH": crash},
        )  # fmt: skip
        self.said += [done.stdout, done.stderr]
        return done.returncode, done.stdout

    def seen(self, shown: tuple[bytes, ...], but: Callable[[Path], bool]) -> list[str]:
        """What was said or stands in a file that holds one of these shapes, but for some files."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and not but(path))
        found = [str(path) for path in files if sees(shown, path.read_bytes())]
        return found + [text for text in self.said if sees(shown, text.encode())]


def make_superuser(server: RunningServer, cursor: Any, name: str, password: str) -> None:
    """An account that may do everything, over a cursor of one that may."""
    if server.family == "postgresql":
        role = sql.Identifier(name)
        cursor.execute(
            sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}").format(role, sql.Literal(password))
        )
        return
    cursor.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", (name, password))
    cursor.execute("GRANT ALL ON *.* TO %s@'%%' WITH GRANT OPTION", (name,))


def drop_superuser(server: RunningServer, cursor: Any, name: str) -> None:
    if isinstance(cursor, psycopg.Cursor):
        cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
    else:
        cursor.execute("DROP USER %s@'%%'", (name,))
