"""Where a fault is played: a server, earlier backups, a config, and the program as a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from faults import shim
from python_backup.storage.folder import backups
from python_backup.stream.publish import is_temporary
from support import databases
from support.servers import RunningServer
from support.stoppable import Stoppable

SOURCE = "shop"
BALLAST = "ballast"
"""Large enough that no pipe and no socket holds all of it."""

PATIENCE = 60
TOOLS = {"postgresql": ("pg_dump",), "mysql": ("mysqldump", "mariadb-dump")}


def random_text(server: RunningServer) -> str:
    """An expression of 64 hexadecimal digits, made from `databases.numbers`."""
    return "md5(i::text) || md5(i::text || 'x')" if server.family == "postgresql" else "sha2(i, 256)"


def _statements(server: RunningServer) -> tuple[str, ...]:
    text = random_text(server)
    common = (
        "CREATE TABLE customer (id int PRIMARY KEY, held text)",
        f"INSERT INTO customer SELECT i, {text} FROM {databases.numbers(server, 1000)}",
        "CREATE TABLE orders (id int PRIMARY KEY, held text)",
        f"INSERT INTO orders SELECT i, {text} FROM {databases.numbers(server, 9000)}",
        "CREATE TABLE zebra (id int PRIMARY KEY, held text)",
        "INSERT INTO zebra VALUES (1, 'last of all')",
        "CREATE VIEW spent AS SELECT count(*) AS many FROM customer",
    )
    own = {
        "postgresql": (
            "CREATE SEQUENCE counted",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        ),
        "mysql": (
            "CREATE FUNCTION f() RETURNS int DETERMINISTIC RETURN 1",
            "CREATE TRIGGER seen BEFORE INSERT ON zebra FOR EACH ROW SET NEW.held = 'seen'",
            "CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM zebra WHERE id = 0",
        ),
    }
    return (*common, *own[server.family])


def fill(server: RunningServer) -> None:
    """Makes the databases that faults are played with."""
    databases.create(server, SOURCE)
    databases.execute(server, SOURCE, *_statements(server))
    fill_ballast(server)


def fill_ballast(server: RunningServer) -> None:
    """Makes the large database: one table of 40 MB, and one behind it."""
    databases.create(server, BALLAST)
    text = "text" if server.family == "postgresql" else "longtext"
    databases.execute(
        server, BALLAST,
        f"CREATE TABLE heavy (id int PRIMARY KEY, held {text})",
        f"INSERT INTO heavy SELECT i, repeat('0123456789abcdef', 65536) FROM {databases.numbers(server, 40)}",
        "CREATE TABLE later (id int PRIMARY KEY)",
        "INSERT INTO later VALUES (1)",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of the program ended; ``code`` is negative when a signal ended it."""

    code: int
    out: str
    err: str
    seconds: float

    def __str__(self) -> str:
        return f"exit {self.code} after {self.seconds:.1f} s\nstdout: {self.out}\nstderr: {self.err}"


@dataclass
class Stage:
    """One test's world. ``config`` is rewritten by `configure`; ``earlier`` are the files that must stay as they are."""

    victim: Stoppable
    root: Path
    earlier: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen] = field(default_factory=list)

    @property
    def server(self) -> RunningServer:
        return self.victim.server

    @property
    def family(self) -> str:
        return self.server.family

    @property
    def folder(self) -> Path:
        """The backup folder."""
        return self.root / "backups"

    @property
    def temporary(self) -> Path:
        """The program's TMPDIR, and the mark by which its children are known."""
        return self.root / "temporary"

    @property
    def config(self) -> Path:
        return self.root / "config.yaml"

    @property
    def tools(self) -> Path:
        return self.root / "tools"

    def configure(self, *, backup: Mapping = {}, instance: Mapping = {}, **sections: object) -> None:
        """Writes the config; the arguments go over what stands in it by itself."""
        server = self.server
        one = {
            "id": 1, "name": "victim", "dbms": server.dbms, "host": server.host, "port": server.port,
            "username": server.superuser, "password": server.password.replace("$", "$$"),
        }  # fmt: skip
        if server.bin:
            one["tools"] = {"path": server.bin}
        document = {
            "backup": {
                "directory": str(self.folder),
                "compression": {"format": "gzip"},
                "retry": {"attempts": 1},
                **backup,
            },
            "instances": [{**one, **instance}],
            **sections,
        }
        self.config.touch(mode=0o600)
        self.config.write_text(json.dumps(document))

    def shim(self, ending: str, *, at: int | None = None, mark: str | None = None, **told: object) -> dict:
        """Puts a faulty tool in place; gives what the config's instance needs for it."""
        self.tools.mkdir(exist_ok=True)
        real = {}
        for name in TOOLS[self.family]:
            place = Path(self.server.bin) / name if self.server.bin else None
            found = place if place is not None and place.exists() else shutil.which(name)
            if found is None or (place is not None and not place.exists()):
                continue
            real[name] = str(found)
            copy = self.tools / name
            copy.write_text(f"#!{sys.executable} -IS\n" + Path(shim.__file__).read_text())
            copy.chmod(0o755)
        plan = {
            "real": real,
            "ending": ending,
            "at": at,
            "mark": mark,
            "further": 0,
            "say": "",
            "code": 0,
            "version": None,
        }
        (self.tools / "plan.json").write_text(json.dumps({**plan, **told}))
        return {"tools": {"path": str(self.tools)}}

    def argv(self, *words: str) -> list[str]:
        """The command line of the real program."""
        where = () if words[0] == "verify" else ("--instance", "1", "--config", str(self.config))
        return [sys.executable, "-m", "python_backup", *words, *where]

    def begin(self, *words: str, limits: Mapping[int, int] = {}, **popen: object) -> subprocess.Popen:
        """Starts the program."""

        def limited() -> None:
            for what, much in limits.items():
                resource.setrlimit(what, (much, much))

        environment = {
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ},
            "HOME": str(self.root), "TMPDIR": str(self.temporary), "COLUMNS": "300", "NO_COLOR": "1",
            "VYA_BACKUPDB_LOCKS": str(self.root / "locks"),
            **popen.pop("environment", {}),
        }  # fmt: skip
        if limits:
            popen["preexec_fn"] = limited
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen}
        child = subprocess.Popen(
            self.argv(*words), env=environment, start_new_session=True, text=True, cwd=self.root, **pipes,
        )  # fmt: skip
        self.started.append(child)
        return child

    def ended(self, child: subprocess.Popen, since: float, patience: float = PATIENCE) -> Outcome:
        """Waits for the program."""
        try:
            out, err = child.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGTERM)
            out, err = child.communicate(timeout=20)
            raise AssertionError(f"the program did not end within {patience} s: {out}{err}") from None
        return Outcome(child.returncode, out or "", err or "", time.monotonic() - since)

    def run(self, *words: str, **told: object) -> Outcome:
        """Runs the program to its end."""
        begun = time.monotonic()
        patience = told.pop("patience", PATIENCE)
        return self.ended(self.begin(*words, **told), begun, patience)

    def backup(self, database: str = SOURCE, **told: object) -> Outcome:
        """Runs one backup with the config as it stands."""
        return self.run("backup", "--database", database, **told)

    def amid(
        self, act: Callable[[Stage], object], *, at: int = 100_000, database: str = BALLAST, **told
    ) -> Outcome:
        """Runs a backup; ``act`` when its tool has written so many bytes."""
        backup = told.pop("backup", {})
        self.configure(instance=self.shim("wait", at=at), backup=backup)
        begun = time.monotonic()
        child = self.begin("backup", "--database", database, **told)
        self.reached(child)
        act(self)
        (self.tools / "go").touch()
        return self.ended(child, begun)

    def reached(self, child: subprocess.Popen) -> None:
        """Waits until the faulty tool has come to its point."""
        end = time.monotonic() + 30
        while not (self.tools / "reached").exists():
            assert child.poll() is None, Outcome(child.returncode, *child.communicate(), 0)
            assert time.monotonic() < end, "the tool did not come to its point"
            time.sleep(0.01)

    def keep_earlier(self) -> None:
        """Notes the files in the backup folder, which no run may change."""
        self.earlier = _sums(self.folder)

    def changed(self) -> list[str]:
        """Earlier files that are not what they were."""
        now = _sums(self.folder)
        return [name for name, digest in self.earlier.items() if now.get(name) != digest]

    def added(self) -> list[str]:
        """Files in the backup folder that were not there before, with those left half-done."""
        found = (name for name in _sums(self.folder) if name not in self.earlier)
        return sorted(
            name for name in found if not name.startswith(".runs/") or is_temporary(Path(name).name)
        )

    def published(self) -> list:
        """The new backups in the folder."""
        return [backup for backup in backups(self.folder) if backup.path.name not in self.earlier]

    def left_in_temporary(self) -> list[str]:
        """What the program's TMPDIR still holds."""
        return sorted(str(path) for path in self.temporary.rglob("*")) if self.temporary.is_dir() else []

    def processes(self, patience: float = 3) -> list[str]:
        """The command lines of processes that the program left, after so many seconds."""
        end = time.monotonic() + patience
        while (living := list(self._living())) and time.monotonic() < end:
            time.sleep(0.05)
        return [argv for _, argv in living]

    def _living(self) -> Iterator[tuple[int, str]]:
        mark = f"TMPDIR={self.temporary}".encode()
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (place / "environ").read_bytes():
                    yield (
                        int(place.name),
                        (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"),
                    )

    def clear(self) -> None:
        """Ends what a failed test may have left."""
        for number, _ in self._living():
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        for child in self.started:
            child.wait(10)
            for pipe in (child.stdout, child.stderr):
                if pipe is not None:
                    pipe.close()


def _sums(folder: Path) -> dict[str, str]:
    """The folder's files by their paths in it, with their digests."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.name != "filler" and path.parent.name != ".locks" and stat.S_ISREG(path.lstat().st_mode):
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@contextmanager
def small_disk(folder: Path, size: int, *, fill: int = 0) -> Iterator[Path]:
    """A file system of so many bytes at ``folder``, with all but ``fill`` bytes of it free."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "none", str(folder)], check=True)
    try:
        if fill:
            (folder / "filler").write_bytes(bytes(fill))
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def words_of(text: str) -> str:
    """A text on one line, for messages."""
    return re.sub(r"\s+", " ", text)
