"""vya-backupdb selftest, with a made-up job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from python_backup.cli.selftest import exit_code
from python_backup.instance import Dbms
from python_backup.jobs import backups
from python_backup.jobs import selftest as job
from python_backup.jobs.selftest import Alarm, SelftestReport, SelftestRequest
from python_backup.model import Backup
from python_backup.storage.proofs import Verdict
from support.results import TAKEN, manifest

FILE = Path("/b/a.sql.zst")
WHOLE = Alarm("none", "the backup as it is", Verdict.PROVEN, None, Verdict.PROVEN, None, 2.0)
RANG = Alarm("missing rows", "done", Verdict.FAILED, "t", Verdict.FAILED, "table t: 1 row", 1.0)
SILENT = Alarm("empty", "done", Verdict.FAILED, None, Verdict.PROVEN, None, 1.0)
UNDONE = Alarm("dead", "done", Verdict.FAILED, None, None, "no table has rows", 0.0)
ERROR = Alarm("empty", "done", Verdict.FAILED, None, Verdict.ERROR, "no server program", 0.0)
BAD = Alarm("none", "the backup as it is", Verdict.PROVEN, None, Verdict.FAILED, "checksum", 2.0)


class Job:
    def __init__(self) -> None:
        self.alarms: tuple[Alarm, ...] = (WHOLE, RANG)
        self.request: SelftestRequest | None = None

    def __call__(self, request: SelftestRequest, *_: object) -> SelftestReport:
        self.request = request
        return SelftestReport(request.file, "shop", self.alarms, ("no manifest",))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Job:
    made = Job()
    monkeypatch.setattr(job, "selftest", made)
    return made


@pytest.mark.parametrize(
    ("alarms", "expected"),
    [
        ((WHOLE, RANG, RANG), 0),
        ((WHOLE, RANG, UNDONE), 0),
        ((WHOLE, RANG, SILENT), 6),
        ((WHOLE, RANG, ERROR), 1),
        ((WHOLE, ERROR, SILENT), 6),
        ((BAD,), 6),
        ((ERROR,), 1),
    ],
)
def test_the_exit_code_tells_what_was_silent_from_what_was_not_done(
    alarms: tuple[Alarm, ...], expected: int
) -> None:
    assert exit_code(SelftestReport(FILE, "shop", alarms)) == expected


@pytest.mark.parametrize(
    "arguments", [(), ("--file", "x", "--instance", "1"), ("--file", "x", "-d", "shop"), ("-d", "shop")]
)
def test_a_file_or_an_instance_is_needed(vya: Callable, made: Job, arguments: tuple[str, ...]) -> None:
    ran = vya("selftest", *arguments)
    assert (ran.code, made.request) == (2, None)


def test_a_file_needs_no_config(vya: Callable, made: Job, config: Path) -> None:
    config.unlink()
    assert vya("selftest", "--file", str(FILE)).code == 0
    assert made.request == SelftestRequest(FILE)
    assert vya("selftest", "-i", "1", "-d", "x").code == 3


def test_the_table_shows_what_should_ring_and_what_rang(vya: Callable, made: Job) -> None:
    made.alarms = (WHOLE, RANG, SILENT, UNDONE)
    ran = vya("selftest", "--file", str(FILE))
    lines = ran.out.splitlines()
    assert lines[0].split() == ["damage", "what", "was", "done", "should", "be", "was", "time"]
    assert lines[2].split()[-4:] == ["proven", "proven", "2.00", "s"]
    assert "table t: 1 row" in lines[3]
    assert "not done" in lines[5]
    assert lines[-1] == "1 of 2 alarms did not ring"
    assert (ran.code, ran.err) == (6, "warning: no manifest\n")


def test_json_has_every_alarm(vya: Callable, made: Job) -> None:
    ran = vya("selftest", "--file", str(FILE), "--json")
    assert (ran.document["exit_code"], ran.document["database"]) == (0, "shop")
    assert ran.document["alarms"][1] == {
        "damage": "missing rows", "done": "done", "table": "t", "expected": "failed", "verdict": "failed",
        "reason": "table t: 1 row", "rang": True, "seconds": 1.0,
    }  # fmt: skip


def test_a_backup_that_is_bad_itself_is_told(vya: Callable, made: Job) -> None:
    made.alarms = (BAD,)
    assert "a.sql.zst itself is not proven" in vya("selftest", "--file", str(FILE)).out


def test_the_latest_backup_of_the_database_is_taken(
    vya: Callable, made: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        Backup(Path(f"/b/{name}.sql.zst"), Dbms.MYSQL, name, TAKEN, 9, manifest(name)) for name in ("a", "b")
    ]
    monkeypatch.setattr(
        backups,
        "list_backups",
        lambda _folder, *, instance, database: [b for b in found if database in {None, b.database}],
    )
    assert vya("selftest", "-i", "1", "-d", "b").code == 0
    assert made.request is not None
    assert made.request.file == Path("/b/b.sql.zst")
    several = vya("selftest", "-i", "1")
    assert (several.code, "--database: a, b" in several.err) == (2, True)
    none = vya("selftest", "-i", "1", "-d", "c")
    assert (none.code, "there is no backup of c" in none.err) == (2, True)
