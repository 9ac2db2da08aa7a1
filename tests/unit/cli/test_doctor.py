"""vya-backupdb doctor, with made-up checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from python_backup.jobs.health import doctor as job
from python_backup.model import Check, Verdict

CHECKS = (
    Check("python", Verdict.OK, "3.11.7"),
    Check("client", Verdict.OK, "mysqldump 9.7.4", instance="1"),
    Check("rights", Verdict.FAILURE, "triggers would be missing", "GRANT TRIGGER", "1", "shop"),
    Check("rights", Verdict.FAILURE, "triggers would be missing", "GRANT TRIGGER", "1", "wiki"),
    Check("clock", Verdict.WARNING, "9 s behind", "timedatectl set-ntp true", "1"),
    Check("login", Verdict.SKIPPED, "tcp failed", instance="main"),
    Check("answer", Verdict.SKIPPED, "tcp failed", instance="main"),
)
WELL = CHECKS[:2]


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    found = list(CHECKS)
    monkeypatch.setattr(job, "examine", lambda *_: iter(found))
    return found


def test_a_failure_exits_1_and_each_hint_stands_alone_below_the_tables(
    vya: Callable, checks: list[Check]
) -> None:
    ran = vya("doctor")
    assert (ran.code, ran.err) == (1, "")
    lines = [line.rstrip() for line in ran.out.splitlines()]
    assert "instance 1 (web)" in lines
    assert lines[lines.index("1 (web), shop, rights and 1 more:") + 1] == "  GRANT TRIGGER"
    assert lines[lines.index("1 (web), clock:") + 1] == "  timedatectl set-ntp true"
    assert lines[-1] == "7 checks: 2 failures, 1 warning"


def test_what_was_not_done_stands_in_one_line(vya: Callable, checks: list[Check]) -> None:
    (line,) = [line for line in vya("doctor").out.splitlines() if "not done" in line]
    assert line.split() == ["2", "more", "not", "done", "tcp", "failed:", "login,", "answer"]


def test_what_was_found_in_several_lines_stands_in_one(vya: Callable, checks: list[Check]) -> None:
    checks[:] = [Check("config", Verdict.FAILURE, "no config file; looked for\n  /a\n  /b")]
    (line,) = [line for line in vya("doctor").out.splitlines() if "no config file" in line]
    assert line.split() == ["config", "failure", "no", "config", "file;", "looked", "for", "/a", "/b"]


def test_no_line_but_a_hint_is_wider_than_the_terminal(
    vya: Callable, checks: list[Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = Check("rights", Verdict.FAILURE, "words " * 40, "GRANT x" + ", x" * 60, "1", "shop")
    checks[:] = [long]
    wide = [line for line in vya("doctor").out.splitlines() if len(line) > 80]
    assert wide == [f"  {long.hint}"]


def test_warnings_exit_0_and_with_strict_1(vya: Callable, checks: list[Check]) -> None:
    checks[:] = [*WELL, CHECKS[4]]
    assert (vya("doctor").code, vya("doctor", "--strict").code) == (0, 1)
    checks[:] = WELL
    ran = vya("doctor", "--strict")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "all 2 checks are well")


def test_json_has_the_counts_and_every_check(vya: Callable, checks: list[Check]) -> None:
    ran = vya("doctor", "--json")
    assert (ran.code, ran.document["exit_code"]) == (1, 1)
    counts = {key: ran.document[key] for key in ("ok", "warnings", "failures", "not_done")}
    assert counts == {"ok": 2, "warnings": 1, "failures": 2, "not_done": 2}
    assert ran.document["checks"][2] == {
        "name": "rights",
        "verdict": "failure",
        "found": "triggers would be missing",
        "hint": "GRANT TRIGGER",
        "instance": "1",
        "database": "shop",
    }


def test_enabled_instances_are_examined_or_the_one_that_is_named(
    vya: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(
        job, "examine", lambda _c, wanted, *_: iter(asked.append([i.id for i in wanted]) or ())
    )
    assert vya("doctor").code == vya("doctor", "-i", "off").code == 0
    assert asked == [["1", "main"], ["off"]]
    assert vya("doctor", "-i", "none").code == 2


def test_a_config_with_faults_is_examined_as_far_as_can_be(vya: Callable, config: Path) -> None:
    config.write_text(
        "backup: {directory: b, max_age: 26}\ninstances:\n  - {id: 1, dbms: oracle, username: u}\n"
    )
    ran = vya("doctor", "--json")
    assert ran.code == 1
    faults = [check["found"] for check in ran.document["checks"] if check["name"] == "config"]
    assert [fault.partition(": ")[2].partition(":")[0] for fault in faults] == [
        "backup.max_age", "instances[0].dbms",
    ]  # fmt: skip
    assert ran.document["not_done"] == 6


def test_no_config_at_all_is_a_failure_with_the_command_that_makes_one(vya: Callable, config: Path) -> None:
    config.unlink()
    ran = vya("doctor")
    assert ran.code == 1
    assert "config init" in ran.out
