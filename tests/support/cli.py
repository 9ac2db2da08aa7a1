"""The program as a process of its own, with a config for a test's server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.servers import RunningServer


@dataclass(frozen=True)
class Program:
    """vya-backupdb with its config, backup folder and locks in one folder; ``1`` is the server's instance."""

    server: RunningServer
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    socket: bool = False
    backup: Mapping[str, Any] = field(default_factory=dict)
    instance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def backups(self) -> Path:
        """The backup folder."""
        return Path(self.backup.get("directory", self.folder / "backups"))

    def config(self) -> Path:
        """The config file, written anew."""
        server = self.server
        place = {"socket": server.socket} if self.socket else {"host": server.host}
        if not self.socket or server.family == "postgresql":
            place["port"] = server.port
        instance = {
            "id": 1, "dbms": server.dbms, **place, "username": server.superuser,
            "password": server.password.replace("$", "$$"),
        }  # fmt: skip
        if server.bin:
            instance["tools"] = {"path": server.bin}
        instance |= self.instance
        content = {"backup": {"directory": str(self.backups), **self.backup}, "instances": [instance]}
        path = self.folder / ("socket.yaml" if self.socket else "config.yaml")
        path.touch(mode=0o600)
        path.write_text(json.dumps(content))
        return path

    def start(self, *words: str, **how: Any) -> subprocess.Popen[str]:
        """Starts a command that takes ``--config``, in a session of its own."""
        environment = {**os.environ, "VYA_BACKUPDB_LOCKS": str(self.folder / "locks"), **self.environment}
        return subprocess.Popen(
            [sys.executable, "-m", "python_backup", *words, "--config", str(self.config())],
            **{
                "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True,
                "env": environment, "start_new_session": True, **how,
            },
        )  # fmt: skip

    def run(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs it to its end."""
        with self.start(*words) as process:
            out, err = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(words, process.returncode, out, err)
