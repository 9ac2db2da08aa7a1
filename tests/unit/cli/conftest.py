"""A config, and the program run in this process with made-up jobs."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from python_backup.cli.app import run

CONFIG = """\
backup: {directory: backups, timeout: 60}
instances:
  - {id: 1, name: web, dbms: mysql, username: u}
  - {id: main, dbms: postgresql, username: u}
  - {id: off, dbms: mysql, username: u, enabled: false}
"""


@dataclass(frozen=True)
class Ran:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config in the current folder, and nowhere else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VYA_BACKUPDB_CONFIG", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VYA_BACKUPDB_LOCKS", str(tmp_path / "locks"))
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    path.chmod(0o600)
    return path


@pytest.fixture
def vya(config: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the program with these arguments."""

    def vya(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return vya
