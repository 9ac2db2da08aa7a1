"""Two receipts of real drills, of each family, by the program itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from python_backup.cli.app import run
from support import databases
from support.jobs import backed_up
from support.servers import RunningServer, instance_for


@pytest.fixture
def config(tmp_path: Path, family_server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(
        "backup: {directory: backups}\n"
        "receipt: {key: receipt.key}\n"
        f"drill: {{programs: [{json.dumps(str(family_server.bin))}]}}\n"
        f"instances: [{{id: '{instance_for(family_server).id}', dbms: {family_server.dbms}, username: u}}]\n"
    )
    path.chmod(0o600)
    return path


def test_two_drills_of_a_database_write_receipts_that_follow_each_other(
    config: Path,
    family_server: RunningServer,
    new_database: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    database = new_database(family_server, "it's a shop")
    create = ("create table orders (id int primary key)", "insert into orders values (1), (2), (3)")
    databases.execute(family_server, database, *create)
    folder = config.with_name("backups")
    file = backed_up(instance_for(family_server), database, folder).path
    assert file is not None
    assert run(["receipt", "key"]) == 0
    config.with_name("key.pub").write_text(capsys.readouterr().out)

    receipts = []
    for _ in range(2):
        assert run(["drill", "--file", str(file), "--json", "-"]) == 0
        (drill,) = json.loads(capsys.readouterr().out)["drills"]
        receipts.append(drill["receipt"])
    assert [receipt["number"] for receipt in receipts] == [1, 2]

    check = ["receipt", "verify", "--public-key", "key.pub", "--json"]
    assert run([*check, receipts[1]["path"]]) == 0
    found = json.loads(capsys.readouterr().out)
    (chain,) = found["chains"]
    assert (chain["database"], chain["latest"], chain["faults"]) == (database, 2, [])
    (one,) = found["receipts"]
    assert (one["verdict"], one["artifact"]["name"], one["artifact"]["found"]) == (
        "proven",
        file.name,
        "same",
    )

    assert run(["forecast", "--all", "--json"]) == 0
    (foretold,) = json.loads(capsys.readouterr().out)["databases"]
    assert (foretold["database"], foretold["drills"]) == (database, 2)
    assert 0 < foretold["restore_seconds"] <= foretold["restore_seconds_slowest"]

    Path(receipts[0]["path"]).unlink()
    assert run([*check, receipts[1]["path"]]) == 5
    (fault,) = json.loads(capsys.readouterr().out)["chains"][0]["faults"]
    assert fault == f"receipt 1 is missing ({receipts[0]['sha256']})"
