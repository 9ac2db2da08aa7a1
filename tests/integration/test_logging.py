"""What a real backup and restore leave in the log: every step at both ends, and whose each line is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import databases
from support.servers import RunningServer

Line = dict[str, Any]

STEPS = {
    "backup": ["connect", "inspect", "dump"],
    "restore": ["examine", "connect", "create", "load", "compare", "take_over"],
}


@pytest.fixture
def vya(tmp_path: Path, family_server: RunningServer) -> Callable[..., tuple[int, list[Line], str]]:
    """The program, with a config for the server; gives its exit code, what it logged and said."""
    if family_server.command:
        pytest.skip("the config for tools in a container is tested in test_containers.py")
    (tmp_path / "password").write_text(family_server.password)
    (tmp_path / "password").chmod(0o600)
    one = {
        "id": "web", "dbms": family_server.dbms, "host": family_server.host, "port": family_server.port,
        "username": family_server.superuser, "password": {"file": "password"},
        **({"tools": {"path": family_server.bin}} if family_server.bin else {}),
    }  # fmt: skip
    config = {
        "backup": {"directory": "backups"},
        "logging": {"level": "debug", "format": "json", "file": "log"},
        "instances": [one],
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))

    def vya(*arguments: str) -> tuple[int, list[Line], str]:
        (tmp_path / "log").unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "python_backup", *arguments], cwd=tmp_path, capture_output=True, text=True,
            timeout=120, check=False, env={**os.environ, "HOME": str(tmp_path)},
        )  # fmt: skip
        return (
            done.returncode,
            [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()],
            done.stderr,
        )

    return vya


def steps(lines: list[Line], event: str) -> list[str]:
    return [line["step"] for line in lines if line["event"] == event]


def test_each_step_has_its_marks_and_each_line_its_run_instance_and_database(
    vya: Callable[..., tuple[int, list[Line], str]], family_server: RunningServer,
    new_database: Callable[..., str], tmp_path: Path,
) -> None:  # fmt: skip
    source = new_database(family_server, "shop")
    target = new_database(family_server, "copy", create=False)
    databases.execute(
        family_server, source, "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)"
    )
    backup = vya("backup", "--instance", "web", "--database", source)
    (file,) = (tmp_path / "backups").glob("*.sql")
    restore = vya("restore", "--file", str(file), "--instance", "web", "--target", target)

    runs = set()
    for (code, lines, _), command, database in ((backup, "backup", source), (restore, "restore", target)):
        assert code == 0
        assert steps(lines, "step.started") == steps(lines, "step.ended") == STEPS[command]
        assert all(line["seconds"] >= 0 for line in lines if line["event"] == "step.ended")
        assert (lines[0]["event"], lines[0]["command"]) == ("run.started", command)
        assert (lines[-1]["event"], lines[-1]["exit_code"]) == ("run.ended", 0)
        assert {line["instance"] for line in lines[1:-1]} == {"web"}
        about = {
            line.get("database") for line in lines if line.get("step") not in {None, "connect", "examine"}
        }
        assert about == {database}
        (run,) = {line["run"] for line in lines}
        runs.add(run)
    assert len(runs) == 2

    (done,) = [line for line in backup[1] if line["event"] == "database.done"]
    assert (done["database"], done["rows"], done["path"]) == (source, 2, str(file))
    (dumped,) = [line for line in backup[1] if line["event"] == "tool.ended" and line.get("step") == "dump"]
    assert (dumped["exit_status"], dumped["database"]) == (0, source)
    assert f"[{done['run']} web/{source}] dump done" in backup[2]


def test_a_failure_tells_what_was_tried_and_what_to_do(
    vya: Callable[..., tuple[int, list[Line], str]], tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("wrong")
    code, lines, said = vya("backup", "--all", "--database", "shop")
    (failed,) = [line for line in lines if line["event"] == "database.failed"]
    assert (code, failed["type"], failed["tried"]) == (4, "NotPermitted", "connect")
    assert failed["error"] in said
    assert failed["hint"] in said
    assert "Traceback" not in said
