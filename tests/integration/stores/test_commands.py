"""The program reads a backup from real stores, and calls it by its URL wherever it speaks of it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from python_backup.storage.runs import RUNS
from support import databases
from support.cli import Program
from support.jobs import backed_up, facts
from support.servers import RunningServer, instance_for

Name = Callable[..., str]
ROWS = 60_000
TEXT = {
    "postgresql": "md5(i::text) || md5((-i)::text) || md5((i * 7)::text)",
    "mysql": "concat(md5(i), md5(-i), md5(i * 7))",
}


@dataclass(frozen=True)
class Kept:
    """A backup in a served folder, its URL, and the program with a folder of its own for temporary files."""

    path: Path
    url: str
    program: Program
    temporary: Path

    def done(self, *words: str) -> dict[str, object]:
        """What a command that ends well gives."""
        ran = self.program.run(*words, "--json")
        assert ran.returncode == 0, ran.stderr + ran.stdout
        assert str(self.temporary) not in ran.stdout + ran.stderr
        assert list(self.temporary.iterdir()) == []
        found: dict[str, object] = json.loads(ran.stdout)
        return found


@pytest.fixture
def kept(
    store_url: str, folder: Path, family_server: RunningServer, new_database: Name, tmp_path: Path
) -> Kept:
    shop = new_database(family_server, "shop")
    text, numbers = TEXT[family_server.family], databases.numbers(family_server, ROWS)
    databases.execute(
        family_server,
        shop,
        "CREATE TABLE a_large (id int PRIMARY KEY, t text)",
        "CREATE TABLE b_small (id int PRIMARY KEY, t text)",
        f"INSERT INTO a_large SELECT i, {text} FROM {numbers}",
        "INSERT INTO b_small VALUES (1, 'one'), (2, 'two')",
    )
    result = backed_up(instance_for(family_server), shop, folder)
    assert facts(result).rows == ROWS + 2
    assert result.path is not None
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    program = Program(family_server, tmp_path, {"TMPDIR": str(temporary)})
    program.backups.mkdir()
    name = result.path.name if store_url.startswith("s3:") else quote(result.path.name)
    return Kept(result.path, f"{store_url}/{name}", program, temporary)


@pytest.fixture(params=["s3", "sftp"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of the served folder, in each store in turn."""
    url: str = request.getfixturevalue(request.param)
    return url


def test_one_table_is_planned_and_restored_by_its_url(
    kept: Kept, family_server: RunningServer, new_database: Name, tmp_path: Path
) -> None:
    target, plan = new_database(family_server, "part", create=False), tmp_path / "plan.json"
    words = ("-i", "1", "-t", target, "--table", "b_small")
    near = kept.done("plan", "-f", str(kept.path), *words)
    far = kept.done("plan", "-f", kept.url, *words, "--output", str(plan))
    for told in (near, far):
        del told["seconds_at_least"]
    order = far["order"]
    assert isinstance(order, dict)
    assert order["file"] == kept.url
    assert far == {**near, "order": {**order, "file": kept.url}}
    done = kept.done("restore", "--plan", str(plan))
    assert (done["file"], done["rows"], done["warnings"]) == (kept.url, 2, [])
    assert databases.scalar(family_server, target, "SELECT t FROM b_small WHERE id = 2") == "two"
    records = [json.loads(file.read_bytes()) for file in (kept.program.backups / RUNS).glob("*.json")]
    assert [one["path"] for record in records for one in record["databases"]] == [kept.url]


def test_all_of_it_is_restored(kept: Kept, family_server: RunningServer, new_database: Name) -> None:
    target = new_database(family_server, "all", create=False)
    done = kept.done("restore", "-f", kept.url, "-i", "1", "-t", target)
    assert (done["file"], done["rows"], done["equal"]) == (kept.url, ROWS + 2, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_of_what_came(
    kept: Kept, new_database: Name, family_server: RunningServer, number: signal.Signals
) -> None:
    target = new_database(family_server, "ended", create=False)
    words = ("restore", "-f", kept.url, "-i", "1", "-t", target, "--bwlimit", "100k")
    with kept.program.start(*words) as process:
        until = time.monotonic() + 60
        while not any(file.suffix == ".zst" for file in kept.temporary.rglob("*")):
            assert time.monotonic() < until
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert list(kept.temporary.iterdir()) == []
