"""vya-backupdb plan, with a made-up job."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from python_backup.dump.changes import Changes
from python_backup.engines.finding import Finding, Severity
from python_backup.jobs import plan as job
from python_backup.jobs import restore
from python_backup.jobs.fingerprint import ArtifactState, Fingerprint, TargetState
from python_backup.jobs.plan import Plan
from python_backup.jobs.planned import read_plan
from python_backup.jobs.restore import RestoreRequest
from support.results import FACTS, WEB, manifest

THERE = TargetState("9.7.0", exists=True, tables={"orders": 7, "old": 3}, objects={"views": ("v",)})
DIFFERS = Finding(Severity.DIFFERS, "lost", "tables of the target that are not in the dump: old (3 rows)")
BLOCKS = Finding(Severity.BLOCKS, "sessions", "1 other sessions use 'shop': u", "End them.")
TELLS = Finding(Severity.TELLS, "disk", "how much room there is is not known", "Buy disks.")


def made(*findings: Finding, target: TargetState = THERE) -> Plan:
    changes = Changes()
    changes.add("DROP DATABASE left out", 21, b"DROP DATABASE x")
    return Plan(
        file=Path("/b/x.sql.zst"),
        instance=WEB,
        source="shop",
        target="shop",
        in_place=False,
        facts=FACTS,
        manifest=manifest(),
        fingerprint=Fingerprint(ArtifactState(1_234_567, "aa"), target),
        before="shop__before_20260113_155440" if target.exists else None,
        dropped=("shop__before_20251231_000000",) if target.exists else (),
        changes=changes,
        findings=findings,
        seconds=42,
        seconds_of="taking the dump",
    )


class Job:
    def __init__(self) -> None:
        self.plan = made()
        self.request: RestoreRequest | None = None

    def __call__(self, request: RestoreRequest, *_: object) -> Plan:
        self.request = request
        return self.plan


@pytest.fixture
def planning(monkeypatch: pytest.MonkeyPatch) -> Job:
    fake = Job()
    monkeypatch.setattr(job, "plan", fake)
    return fake


def test_a_plan_tells_what_is_done_in_its_order(vya: Callable, planning: Job) -> None:
    ran = vya("plan", "-f", "x", "-i", "1")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[:1] + lines[2:10] == [
        "file      x.sql.zst, 1.23 MB",
        "make      shop on 1 (web): 1,200 rows in 2 tables",
        "          views: 1",
        "replace   what is there: 10 rows in 2 tables",
        "keep      it as shop__before_20260113_155440, for `rollback`",
        "drop      shop__before_20251231_000000, which is no longer kept",
        "time      at least 42.0 s, as long as taking the dump",
        "",
        "changed on the way:",
    ]
    assert lines[-1] == "ready: shop on 1 (web); nothing was touched"


@pytest.mark.parametrize(
    ("findings", "verdict", "code"),
    [
        ((), "ready", 0),
        ((TELLS,), "ready", 0),
        ((TELLS, DIFFERS), "ready with changes", 0),
        ((DIFFERS, BLOCKS), "blocked", 8),
    ],
)
def test_the_verdict_is_the_last_line_and_the_exit_code(
    vya: Callable, planning: Job, findings: tuple[Finding, ...], verdict: str, code: int
) -> None:
    planning.plan = made(*findings)
    ran = vya("plan", "-f", "x", "-i", "1")
    assert (ran.code, ran.out.splitlines()[-1]) == (code, f"{verdict}: shop on 1 (web); nothing was touched")
    document = vya("plan", "-f", "x", "-i", "1", "--json").document
    assert (document["verdict"], document["exit_code"]) == (verdict, code)


def test_what_is_in_the_way_comes_first_each_with_its_remedy(vya: Callable, planning: Job) -> None:
    planning.plan = made(TELLS, DIFFERS, BLOCKS)
    out = vya("plan", "-f", "x", "-i", "1").out
    assert [line for line in out.splitlines() if line.startswith(("in the way", "would", "also"))] == [
        "in the way:",
        "would differ:",
        "also:",
    ]
    assert "  1 other sessions use 'shop': u\n      End them.\n" in out
    assert "Buy disks" not in out


def test_changes_beyond_those_of_every_restore_are_changes() -> None:
    plan = made()
    plan.changes.add("\\connect left out", 1, b"\\connect x")
    assert plan.verdict == "ready"
    plan.changes.add("definer replaced", 1, b"root", b"CURRENT_USER")
    assert plan.verdict == "ready with changes"


def test_a_dry_run_prints_the_same_plan(vya: Callable, planning: Job) -> None:
    assert vya("restore", "-f", "x", "-i", "1", "--dry-run").out == vya("plan", "-f", "x", "-i", "1").out
    planning.plan = made(BLOCKS)
    assert vya("restore", "-f", "x", "-i", "1", "--dry-run").code == 8


def test_a_written_plan_is_restored_just_as_it_was_planned(
    vya: Callable, planning: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    vya(
        "plan", "-f", "x", "-i", "1", "--source", "shop", "--disconnect", "--in-place",
        "--database-properties", "dump", "--output", "p.json",
    )  # fmt: skip
    asked: list[RestoreRequest] = []

    def run(request: RestoreRequest, *_: object) -> None:
        asked.append(request)
        raise KeyboardInterrupt

    monkeypatch.setattr(restore, "restore", run)
    vya("restore", "--plan", "p.json")
    assert planning.request is not None
    assert asked == [
        replace(
            planning.request,
            instance=asked[0].instance,
            locks=asked[0].locks,
            jobs=asked[0].jobs,
            waits=asked[0].waits,
            file=Path("/b/x.sql.zst"),
            target="shop",
            force=True,
            planned=planning.plan.fingerprint,
        )
    ]
    assert Path("p.json").stat().st_mode & 0o777 == 0o600


def test_the_json_document_is_a_plan_that_can_be_read_back(
    vya: Callable, planning: Job, tmp_path: Path
) -> None:
    (tmp_path / "q.json").write_text(vya("plan", "-f", "x", "-i", "1", "--json").out)
    assert read_plan(tmp_path / "q.json").fingerprint == planning.plan.fingerprint


def test_a_blocked_plan_is_not_restored(vya: Callable, planning: Job) -> None:
    planning.plan = made(BLOCKS)
    vya("plan", "-f", "x", "-i", "1", "--output", "p.json")
    ran = vya("restore", "--plan", "p.json")
    assert (ran.code, ran.err.splitlines()[:2]) == (
        8,
        ["error: the plan is blocked:", "  1 other sessions use 'shop': u"],
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no plan p.json"),
        ("{", "p.json is no plan of this program: no JSON"),
        ("{}", "p.json is no plan of this program: format: field required"),
        (json.dumps({"format": "x"}), "p.json is no plan of this program: format: input should be"),
    ],
)
def test_what_is_no_plan_is_refused(vya: Callable, content: str | None, message: str) -> None:
    if content is not None:
        Path("p.json").write_text(content)
    ran = vya("restore", "--plan", "p.json")
    assert (ran.code, ran.err.splitlines()[0][: len(message) + 7]) == (5, f"error: {message}")


def test_a_plan_says_all_itself(vya: Callable) -> None:
    ran = vya("restore", "--plan", "p.json", "-i", "1")
    assert (ran.code, ran.err.startswith("error: --plan says what is restored where")) == (2, True)
