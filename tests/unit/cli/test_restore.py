"""vya-backupdb restore, with a made-up job."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from python_backup.cli.progress import SilentProgress
from python_backup.cli.render import Screen
from python_backup.cli.restore import confirm, differing
from python_backup.dump.changes import Changes
from python_backup.errors import TargetExists, UnsafeDump
from python_backup.jobs import restore as job
from python_backup.jobs import rollback
from python_backup.jobs.compare import Comparison, ObjectsCompared, TableCompared
from python_backup.jobs.restore import Replacement, RestoreReport, RestoreRequest
from support.results import FACTS, TAKEN, WEB, manifest

EQUAL = Comparison(
    (TableCompared("orders", 1000, 1000), TableCompared("users", None, 200)),
    (ObjectsCompared("views", 1, 1, (), ()),),
)
DIFFERENT = Comparison(
    (TableCompared("orders", 1000, 999), TableCompared("users", 200, 200)),
    (ObjectsCompared("views", 1, 0, ("v",), ()),),
    ("sequence s is at 1, the dump says 2",),
)


def report(comparison: Comparison | None = EQUAL, **more: Any) -> RestoreReport:
    changes = Changes()
    changes.add("DROP DATABASE left out", 21, b"DROP DATABASE x")
    changes.add("definer stripped", 40, b"CREATE DEFINER=a VIEW v", b"CREATE VIEW v")
    return RestoreReport(
        Path("/b/x.sql"),
        WEB,
        "dns_db",
        "dns_db2",
        replaced=False,
        facts=FACTS,
        manifest=manifest(),
        changes=changes,
        comparison=comparison,
        warnings=("locale xx is not here",),
        seconds={"load": 1.0, "compare": 0.5},
        **more,
    )


class Job:
    def __init__(self) -> None:
        self.report = report()
        self.request: RestoreRequest | None = None
        self.replaces: Replacement | None = None

    def __call__(
        self, request: RestoreRequest, agreed: Callable[[Replacement], bool], *_: object
    ) -> RestoreReport:
        self.request = request
        if self.replaces and not request.force and not agreed(self.replaces):
            raise TargetExists("database 'dns_db2' exists")
        return self.report


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Job:
    made = Job()
    monkeypatch.setattr(job, "restore", made)
    return made


REPLACEMENT = Replacement("/b/x.sql", 1_234_567, TAKEN, 1200, "dns_db", "dns_db2")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [((), "--file PATH and --instance ID"), (("-f", "x"), "--instance ID"), (("-i", "1"), "--file PATH")],
)
def test_file_and_instance_are_needed(
    vya: Callable, restored: Job, arguments: tuple[str, ...], missing: str
) -> None:
    ran = vya("restore", *arguments)
    assert (ran.code, ran.err.splitlines()[0]) == (2, f"error: restore needs {missing}")


def test_the_options_reach_the_job(vya: Callable, restored: Job) -> None:
    vya(
        "restore", "-f", "x", "-i", "1", "-t", "new", "--source", "old", "--force", "--no-verify",
        "--disconnect", "--database-properties", "dump", "--in-place", "--jobs", "3",
    )  # fmt: skip
    request = restored.request
    assert request is not None
    assert request.instance.id == "1"
    assert request.safety is not None
    assert (request.safety.folder.name, request.safety.keep) == ("safety", 10)
    assert request.locks is not None
    assert replace(request, instance=WEB, safety=None, locks=None) == RestoreRequest(
        Path("x"), WEB, "new", "old", force=True, verify=False, disconnect=True, keep_properties=False,
        in_place=True, jobs=3,
    )  # fmt: skip


def test_an_equal_restore_ends_with_its_verdict(vya: Callable, restored: Job) -> None:
    ran = vya("restore", "-f", "x", "-i", "1")
    lines = [line.rstrip() for line in ran.out.splitlines()]
    assert ran.code == 0
    assert lines[:3] == ["changed on the way:", "  1 x DROP DATABASE left out", "  1 x definer stripped"]
    assert [line.split() for line in lines if line.startswith(("orders", "users", "views"))] == [
        ["orders", "1,000", "1,000", "equal"],
        ["users", "-", "200", "not", "counted"],
        ["views", "1", "1", "equal"],
    ]
    assert lines[-1] == "restored dns_db2 on 1 (web) in 1.50 s: 1,200 rows in 2 tables, equal to the dump"
    assert ran.err == "warning: locale xx is not here\n"


def test_a_difference_is_named_and_exits_6(vya: Callable, restored: Job) -> None:
    restored.report = report(DIFFERENT)
    ran = vya("restore", "-f", "x", "-i", "1")
    assert ran.code == 6
    assert ran.out.splitlines()[-1] == (
        "dns_db2 on 1 (web) was not restored: what was made of the dump differs from it"
    )
    assert (
        "error: what was restored is not what the dump says:"
        " orders, views (v), sequence s is at 1, the dump says 2;"
        " it was dropped, and database 'dns_db2' is what it was\n" in ran.err
    )


def test_what_differs_is_listed_first_and_long_lists_are_cut(vya: Callable, restored: Job) -> None:
    tables = tuple(TableCompared(f"t{i:03}", 1, 2 if i == 99 else 1) for i in range(100))
    restored.report = report(Comparison(tables))
    out = vya("restore", "-f", "x", "-i", "1").out
    rows = [line.split()[0] for line in out.splitlines() if line.startswith("t0")]
    assert (rows[0], len(rows)) == ("t099", 40)
    assert "and 60 tables more, 0 of them differing" in out
    many = Comparison(tuple(TableCompared(f"t{i}", 1, 2) for i in range(12)))
    assert "t9 and 2 more;" in differing(report(many)).message


def test_json_holds_all_that_was_compared(vya: Callable, restored: Job) -> None:
    restored.report = report(DIFFERENT)
    ran = vya("restore", "-f", "x", "-i", "1", "--json")
    found = ran.document
    assert (ran.code, found["exit_code"], found["verified"], found["equal"]) == (6, 6, True, False)
    assert found["tables"][0] == {"table": "orders", "expected": 1000, "found": 999, "equal": False}
    assert found["objects"][0]["missing"] == ["v"]
    assert found["differences"] == ["sequence s is at 1, the dump says 2"]
    assert found["changes"][1]["places"] == [
        {"line": 40, "before": "CREATE DEFINER=a VIEW v", "after": "CREATE VIEW v"}
    ]


def test_what_was_replaced_is_named_with_the_command_that_puts_it_back(vya: Callable, restored: Job) -> None:
    restored.report = report(before="dns_db2__before_20260113_155440", taken_over=True)
    ran = vya("restore", "-f", "x", "-i", "1", "--force")
    assert ran.out.splitlines()[-1] == (
        "what it held is kept as dns_db2__before_20260113_155440;"
        " `vya-backupdb rollback --instance 1 --database dns_db2` puts it back"
    )
    assert vya("restore", "-f", "x", "-i", "1", "--json").document["before"].startswith("dns_db2__before_")


def test_a_restore_in_place_names_its_safety_backup_and_says_when_it_was_put_back(
    vya: Callable, restored: Job
) -> None:
    restored.report = report(safety=Path("/b/safety/x.sql.zst"), taken_over=True)
    ran = vya("restore", "-f", "x", "-i", "1", "--in-place", "--force")
    assert ran.out.splitlines()[-1] == "what it held is in the safety backup /b/safety/x.sql.zst"
    restored.report = report(DIFFERENT, safety=Path("/b/safety/x.sql.zst"))
    ran = vya("restore", "-f", "x", "-i", "1", "--in-place", "--force")
    assert ran.code == 6
    assert "database 'dns_db2' was put back from its safety backup /b/safety/x.sql.zst" in ran.err


@pytest.mark.parametrize(
    "others",
    [
        *((), ("-i", "1", "-f", "x"), ("-i", "1", "--in-place"), ("-i", "1", "--dry-run")),
        *(("-i", "1", "--force"), ("-i", "1", "--jobs", "2"), ("-i", "1", "--plan", "p.json")),
    ],
)
def test_resume_or_undo_takes_the_instance_alone(vya: Callable, others: tuple[str, ...]) -> None:
    ran = vya("restore", "--resume-or-undo", "shop", *others)
    assert (ran.code, ran.err.splitlines()[0]) == (
        2,
        "error: --resume-or-undo takes --instance ID and nothing else",
    )


def test_resume_reaches_the_job_and_means_nothing_for_a_plan(vya: Callable, restored: Job) -> None:
    vya("restore", "-f", "x", "-i", "1", "--resume")
    assert restored.request is not None
    assert restored.request.resume
    planned = vya("restore", "-f", "x", "-i", "1", "--resume", "--dry-run")
    assert (planned.code, planned.err.splitlines()[0]) == (
        2,
        "error: --resume is for a restore, and --dry-run makes none",
    )


def test_resume_or_undo_says_what_it_did(vya: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    done: tuple[str, ...] = ("shop__restoring_20260113_155440, which was never finished, was dropped",)
    monkeypatch.setattr(rollback, "settle", lambda *_: done)
    assert vya("restore", "--resume-or-undo", "shop", "-i", "1").out == f"{done[0]}\n"
    done = ()
    nothing = vya("restore", "--resume-or-undo", "shop", "-i", "1")
    assert (nothing.code, nothing.out) == (0, "no restore of shop on 1 (web) was left unfinished\n")
    assert vya("restore", "--resume-or-undo", "shop", "-i", "1", "--json").document["done"] == []


def test_a_restore_that_was_not_compared_says_so(vya: Callable, restored: Job) -> None:
    restored.report = report(None)
    ran = vya("restore", "-f", "x", "-i", "1", "--no-verify")
    assert (ran.code, ran.out.splitlines()[-1].endswith("; not compared")) == (0, True)


def test_without_a_terminal_an_existing_target_is_refused(vya: Callable, restored: Job) -> None:
    restored.replaces = REPLACEMENT
    ran = vya("restore", "-f", "x", "-i", "1")
    assert (ran.code, ran.out) == (8, "")
    assert ran.err.splitlines() == [
        "error: database 'dns_db2' exists, and there is no terminal to ask",
        "hint: Give --force to replace it, or another name with --target.",
    ]


def test_with_force_nobody_is_asked(vya: Callable, restored: Job) -> None:
    restored.replaces = REPLACEMENT
    assert vya("restore", "-f", "x", "-i", "1", "--force").code == 0


@pytest.mark.parametrize(
    ("answer", "agreed"),
    [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("", False), ("dns_db2\n", False)],
)
def test_on_a_terminal_the_user_is_shown_what_replaces_what_and_asked(
    monkeypatch: pytest.MonkeyPatch, answer: str, agreed: bool
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen(err=Terminal())
    assert confirm(REPLACEMENT, screen, SilentProgress(screen), TAKEN + timedelta(days=3)) is agreed
    assert isinstance(screen.err, Terminal)
    text = screen.err.getvalue()
    for part in (
        "'dns_db2' exists",
        "/b/x.sql, 1.23 MB",
        "3 days ago",
        "1,200 rows of dns_db",
        "Replace dns_db2?",
    ):
        assert part in text


def test_an_unsafe_dump_exits_8(vya: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_: object) -> None:
        raise UnsafeDump("line 7 would run a program")

    monkeypatch.setattr(job, "restore", refusing)
    assert vya("restore", "-f", "x", "-i", "1").code == 8
