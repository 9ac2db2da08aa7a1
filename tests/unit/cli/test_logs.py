"""Where the log's lines go, and what a crash leaves."""

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from python_backup.cli.stderr import on_journal
from python_backup.log.tell import LOGGER

JOB = """
import os, socket, sys
from python_backup.cli.app import main
from python_backup.errors import ConnectionFailed
from python_backup.jobs import backup
from python_backup.jobs.connected import connected
from python_backup.log.tell import timed

class Engine:
    def connect(self, instance):
        password = instance.password.reveal()
        if sys.argv[1] == "crash":
            raise KeyError(f"no such thing: {password}")
        raise ConnectionFailed("cannot connect to db", hint="Check host.") from OSError("refused")

class Engines(dict):
    def __getitem__(self, name):
        return Engine()

import python_backup.jobs.connected as seam
seam.ENGINES = Engines()
if sys.argv[2] == "journal":
    ours, theirs = socket.socketpair()
    found = os.fstat(theirs.fileno())
    os.environ["JOURNAL_STREAM"] = f"{found.st_dev}:{found.st_ino}"
    keep = os.dup(2)
    os.dup2(theirs.fileno(), 2)
try:
    main(sys.argv[3:])
finally:
    if sys.argv[2] == "journal":
        ours.setblocking(False)
        os.write(keep, ours.recv(1 << 20))
"""
PASSWORD = "pass'w\\\\ord"
CONFIG = """\
backup: {{directory: backups}}
logging: {{{logging}}}
instances:
  - {{id: web, dbms: mysql, username: u, password: "pass'w\\\\ord"}}
"""

Vya = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def vya(tmp_path: Path) -> Vya:
    """The program with a server that ends as it is told to; stderr is a pipe."""

    def vya(how: str, where: str, logging: str, *options: str) -> subprocess.CompletedProcess[str]:
        config = tmp_path / "config.yaml"
        config.write_text(CONFIG.format(logging=logging))
        config.chmod(0o600)
        command = ["backup", "--all", "--database", "shop", "--config", str(config), *options]
        return subprocess.run(
            [sys.executable, "-c", JOB, how, where, *command], capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": "", "JOURNAL_STREAM": ""},
        )  # fmt: skip

    return vya


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_is_in_the_file_from_its_start_to_its_end(tmp_path: Path, vya: Vya) -> None:
    assert vya("fail", "pipe", "format: json, file: logs/log").returncode == 4
    log = tmp_path / "logs" / "log"
    told = lines(log)
    assert [line["event"] for line in told] == [
        "run.started", "step.started", "step.failed", "database.failed", "run.ended",
    ]  # fmt: skip
    assert len({line["run"] for line in told}) == 1
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", told[0]["run"])
    failed = told[3]
    assert (failed["instance"], failed["error"], failed["hint"]) == (
        "web",
        "cannot connect to db",
        "Check host.",
    )
    assert (failed["tried"], failed["causes"]) == ("connect", ["OSError: refused"])
    assert told[-1]["exit_code"] == 4
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_the_level_says_what_is_logged(tmp_path: Path, vya: Vya) -> None:
    vya("fail", "pipe", "format: json, file: log, level: error")
    assert [line["level"] for line in lines(tmp_path / "log")] == ["error"]


def test_without_a_file_json_lines_are_all_that_is_on_stderr(vya: Vya) -> None:
    done = vya("fail", "pipe", "format: json", "--json")
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert told[0]["event"] == "run.started"
    assert json.loads(done.stdout)["failed"] == 1


def test_the_errors_of_a_person_are_not_said_twice(vya: Vya) -> None:
    done = vya("fail", "pipe", "level: info")
    assert done.stderr == "error: web: cannot connect to db\nhint: Check host.\n"


def test_with_json_stderr_is_silent(vya: Vya) -> None:
    assert "instances" not in vya("fail", "pipe", "level: debug", "--json").stderr


@pytest.mark.parametrize("logging", ["level: info", "format: json"])
def test_the_journal_gets_priorities_and_no_times(vya: Vya, logging: str) -> None:
    told = vya("fail", "journal", logging).stderr.splitlines()
    assert told
    assert all(re.match(r"<[3-7]>", line) for line in told), told
    assert not any(re.match(r"<.>\d{4}-", line) for line in told)
    assert any(line.startswith("<3>") and "cannot connect to db" in line for line in told)


def test_a_log_that_cannot_be_written_ends_no_run(vya: Vya) -> None:
    done = vya("fail", "pipe", "file: /dev/full")
    assert done.returncode == 4
    assert done.stderr.count("warning: the log /dev/full cannot be written") == 1


@pytest.fixture
def crash(tmp_path: Path, vya: Vya) -> Iterator[Callable[..., tuple[str, str]]]:
    """What stderr and the file that it names hold after a crash."""

    def crash(logging: str, *options: str) -> tuple[str, str]:
        done = vya("crash", "pipe", logging, *options)
        assert done.returncode == 1
        said = done.stderr + done.stdout
        place = re.search(r"Its traceback is in (\S+);", said)
        assert place is not None, said
        assert stat.S_IMODE(Path(place[1]).stat().st_mode) == 0o600
        return said, Path(place[1]).read_text()

    yield crash
    seen = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "config.yaml"]
    assert [path for path in seen if "w\\ord" in path.read_text() or "pass'w" in path.read_text()] == []


@pytest.mark.parametrize("logging", ["file: log", "file: log, format: json", "level: error"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_crash_leaves_its_traceback_without_secrets_and_says_where(
    crash: Callable[..., tuple[str, str]], logging: str, options: tuple[str, ...]
) -> None:
    said, kept = crash(logging, *options)
    assert "Traceback (most recent call last)" in kept
    assert "KeyError" in kept
    assert "while: connect" in kept
    assert "***" in kept
    assert "this is a fault of vya-backupdb itself: KeyError" in said
    assert "pass'w" not in said


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_where_stderr_is_the_log_the_traceback_is_there(vya: Vya, options: tuple[str, ...]) -> None:
    done = vya("crash", "pipe", "format: json", *options)
    (crashed,) = [
        told for told in map(json.loads, done.stderr.splitlines()) if told["event"] == "run.crashed"
    ]
    assert "while: connect" in crashed["traceback"]
    assert "pass'w" not in done.stderr + done.stdout
    assert not options or "in the line above" in json.loads(done.stdout)["error"]["hint"]


def test_on_a_terminal_a_crash_is_a_line_and_a_hint(tmp_path: Path) -> None:
    code = """
import io, sys
from python_backup.cli import app
from python_backup.jobs import verify
class Terminal(io.StringIO):
    def isatty(self): return True
def broken(path, progress, **_): raise ZeroDivisionError("x")
verify.verify_artifact = broken
sys.stderr = Terminal()
code = app.run(["verify", "f"])
print(sys.stderr.getvalue(), file=sys.__stdout__)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "dumb"},
    )  # fmt: skip
    (file,) = (tmp_path / "state" / "vya-backupdb").iterdir()
    assert (
        done.stdout.splitlines()[0] == "error: this is a fault of vya-backupdb itself: ZeroDivisionError: x"
    )
    assert done.stdout.splitlines()[1] == f"hint: Its traceback is in {file}; please report it with that."
    assert len(done.stdout.split("\n")) <= 4
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_written_is_passed_by(tmp_path: Path, vya: Vya) -> None:
    (tmp_path / ".local").touch()
    done = vya("crash", "pipe", "level: error")
    place = re.search(r"Its traceback is in (\S+);", done.stderr)
    assert place is not None
    assert not place[1].startswith(str(tmp_path))
    Path(place[1]).unlink()


def test_the_handlers_of_one_run_do_not_stay_for_the_next() -> None:
    from python_backup.cli.app import run

    before = list(LOGGER.handlers)
    assert run(["list", "--config", "/nonexistent/config.yaml"]) == 3
    assert LOGGER.handlers == before


def test_a_stderr_that_was_redirected_is_no_journal(tmp_path: Path) -> None:
    with (tmp_path / "f").open("w") as file:
        found = os.fstat(file.fileno())
        assert on_journal(file, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        assert not on_journal(file, {"JOURNAL_STREAM": "8:1"})
        assert not on_journal(file, {})
    assert not on_journal(file, {"JOURNAL_STREAM": "8:1"})
