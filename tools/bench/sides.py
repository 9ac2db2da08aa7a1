"""The two sides: the program itself as its users start it, and the stock tools in a pipe.

Both reach the server the same way, by its socket, and write zstd level 3 to the same folder.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.servers import RunningServer

LEVEL = 3
_SAMPLED = 0.02


class Failed(Exception):
    """A program failed; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: wall seconds, and CPU seconds of all client processes (not of the server).

    ``peak`` is the Python process's own in megabytes, ``said`` its ``--json`` output.
    """

    seconds: float
    cpu: float
    peak: float = 0.0
    said: dict[str, Any] = field(default_factory=dict)


def removed(artifact: Path) -> None:
    """Takes away a file, or a folder, and what stands beside it under its name."""
    for path in artifact.parent.glob(f"{artifact.name}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@dataclass(frozen=True, slots=True)
class Ours:
    """The program, with a config that names the server by its socket."""

    server: RunningServer
    folder: Path

    def configure(self, chosen: str = "*") -> None:
        """Writes the config, for the databases of a pattern; the password is in a file of its own."""
        (self.folder / "password").write_text(self.server.password)
        (self.folder / "password").chmod(0o600)
        instance = {
            "id": 1, "dbms": self.server.dbms, "socket": self.server.socket,
            "username": self.server.superuser, "password": {"file": str(self.folder / "password")},
            "tools": {"path": self.server.bin}, "filter": [chosen],
        }  # fmt: skip
        if self.server.family == "postgresql":
            instance["port"] = self.server.port  # its socket is a folder, and the port is in the file's name
        backup = {
            "directory": str(self.folder / "backups"),
            "compression": {"format": "zstd", "level": LEVEL},
        }
        config = {"backup": backup, "instances": [instance], "drill": {"programs": [self.server.bin]}}
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config))

    def backup(self, database: str, *options: str) -> tuple[Run, Path]:
        """Backs the database up; gives the artifact too."""
        run = self._run("backup", "--instance", "1", "--database", database, *options)
        return run, Path(run.said["databases"][0]["path"])

    def backup_all(self) -> Run:
        """Backs up every database that the config chooses."""
        return self._run("backup", "--instance", "1")

    def restore(self, artifact: Path, target: str, *options: str) -> Run:
        """Restores into a database that is not there yet, and has it compared."""
        to_it = ("--instance", "1", "--target", target, "--force")
        run = self._run("restore", "--file", str(artifact), *to_it, *options)
        if run.said["equal"] is not True:
            raise Failed(f"{target} is not what was backed up")
        return run

    def drill(self, artifact: Path) -> Run:
        """Drills on a throw-away server of the same programs."""
        run = self._run("drill", "--file", str(artifact), to="-")
        (drilled,) = run.said["drills"]
        if drilled["verdict"] != "proven":
            raise Failed(f"{artifact} is not proven: {drilled['reason']}")
        return run

    def _run(self, command: str, *arguments: str, to: str | None = None) -> Run:
        """Runs one command; ``to`` is what its ``--json`` wants, where it wants anything."""
        argv = [
            sys.executable,
            "-m",
            "python_backup",
            command,
            *arguments,
            "--json",
            *([to] if to else []),
        ]
        argv += ["--config", str(self.folder / "config.yaml")]
        with (self.folder / "said").open("wb") as said, (self.folder / "talk").open("wb") as talk:
            spent, begun = _spent(), time.perf_counter()
            with subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=said, stderr=talk, env=_as_installed()
            ) as process:
                peak = _Peak(process.pid)
                process.wait()
            seconds = time.perf_counter() - begun
        if process.returncode:
            talk = (self.folder / "said").read_text() + (self.folder / "talk").read_text()
            raise Failed(f"{command} ended with {process.returncode}\n{talk}")
        return Run(
            seconds, _spent() - spent, peak.megabytes(), json.loads((self.folder / "said").read_text())
        )


def _as_installed() -> dict[str, str]:
    """The environment, without what would have the program's source compiled on every start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class _Peak:
    """Reads VmHWM while the process lives: wait4 would give the largest of its children, too."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._kilobytes = 0
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def megabytes(self) -> float:
        """The peak, when the process has ended."""
        self._thread.join()
        return self._kilobytes * 1024 / 1e6

    def _sample(self) -> None:
        while found := self._read():
            self._kilobytes = max(self._kilobytes, found)
            time.sleep(_SAMPLED)

    def _read(self) -> int:
        try:
            found = re.search(r"^VmHWM:\s+(\d+) kB", self._status.read_text(), re.MULTILINE)
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return int(found[1]) if found else 0  # a process that has ended has no memory


@dataclass(frozen=True, slots=True)
class Stock:
    """The engine's own dump tool and client, with zstd behind and before them."""

    server: RunningServer
    folder: Path

    @property
    def tools(self) -> tuple[str, str]:
        """The names of the dump tool and of the client."""
        names = {
            "postgresql": ("pg_dump", "psql"),
            "mariadb": ("mariadb-dump", "mariadb"),
            "mysql": ("mysqldump", "mysql"),
        }
        return names[self.server.dbms]

    def configure(self) -> None:
        """Writes the client's option file."""
        password = self.server.password.replace("\\", "\\\\").replace('"', '\\"')
        option_file = self.folder / "client.cnf"
        option_file.write_text(
            f'[client]\nuser={self.server.superuser}\npassword="{password}"\nsocket={self.server.socket}\n'
        )
        option_file.chmod(0o600)

    def backup(self, database: str, artifact: Path) -> Run:
        """``DUMP | zstd > artifact``; what was there is removed first, untimed."""
        artifact.unlink(missing_ok=True)
        return _piped(self._dump(database), ["zstd", f"-{LEVEL}", "-q", "-c"], artifact)

    def restore(self, artifact: Path, database: str) -> Run:
        """``zstd -dc artifact | CLIENT``, into an empty database."""
        return _piped(["zstd", "-dc", "-q", str(artifact)], self._client(database), Path(os.devnull))

    def _dump(self, database: str) -> list[str]:
        dump = f"{self.server.bin}/{self.tools[0]}"
        if self.server.family == "postgresql":
            return [dump, *self._postgresql(), "--no-owner", "--no-privileges", "--format=p", database]
        options = ["--single-transaction", "--quick", "--routines", "--triggers", "--events"]
        if self.server.dbms == "mysql":
            options.append("--set-gtid-purged=OFF")  # else the dump can be restored on another server only
        return [dump, *self._mysql(), *options, "--default-character-set=utf8mb4", "--", database]

    def _client(self, database: str) -> list[str]:
        client = f"{self.server.bin}/{self.tools[1]}"
        if self.server.family == "postgresql":
            return [client, "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", *self._postgresql(), "-d", database]
        return [client, *self._mysql(), "--default-character-set=utf8mb4", database]

    def _postgresql(self) -> list[str]:
        return ["-h", self.server.socket, "-p", str(self.server.port), "-U", self.server.superuser]

    def _mysql(self) -> list[str]:
        return [f"--defaults-file={self.folder / 'client.cnf'}"]


def _piped(first: Sequence[str], second: Sequence[str], output: Path) -> Run:
    """Timed from the first start to the last end, as a shell's pipe would run them."""
    with output.open("wb") as sink:
        spent, begun = _spent(), time.perf_counter()
        writer = subprocess.Popen(first, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        reader = subprocess.Popen(second, stdin=writer.stdout, stdout=sink)
        if writer.stdout is not None:
            writer.stdout.close()  # else the writer would not see that the reader ended
        codes = [process.wait() for process in (reader, writer)]
        seconds = time.perf_counter() - begun
    if any(codes):
        raise Failed(f"{first[0]} | {second[0]} ended with {codes[1]} and {codes[0]}")
    return Run(seconds, _spent() - spent)


def _spent() -> float:
    """CPU seconds of all children that have ended; one side runs at a time."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
