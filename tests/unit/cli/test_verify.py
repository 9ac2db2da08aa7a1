"""vya-backupdb verify, with a made-up job."""

from collections.abc import Callable
from pathlib import Path

import pytest

from python_backup.errors import ArtifactMissing
from python_backup.jobs import verify as job
from python_backup.jobs.deep import TableState, TableVerified
from python_backup.jobs.evidence import Check
from python_backup.jobs.verify import VerifyReport
from support.results import FACTS


def looked(name: str) -> VerifyReport:
    """A deep look in which the checks that the name lists failed."""
    checks = tuple(Check(word, "bad", ok=False) for word in name.split(",") if word != "good")
    state = TableState.DIFFERS if checks else TableState.SAME
    tables = (TableVerified("orders", 1000, 999, 90, state), TableVerified("users", 2, 2, 9, TableState.SAME))
    return VerifyReport(Path(name), checks, FACTS, None, tables, deep=True)


@pytest.fixture(autouse=True)
def verified(monkeypatch: pytest.MonkeyPatch) -> None:
    def verify_artifact(path: Path, _progress: object, *, deep: bool, bwlimit: int | None) -> VerifyReport:
        if deep:
            return looked(path.name)
        if path.name == "missing":
            raise ArtifactMissing(f"no file {str(path)!r}")
        good = path.name == "good"
        checks = (
            Check("checksum", "as in the manifest" if good else "is aa, not bb", ok=good),
            Check("end", "unknown", ok=None),
        )
        return VerifyReport(path, checks, FACTS if good else None, None)

    monkeypatch.setattr(job, "verify_artifact", verify_artifact)


def test_a_good_artifact_exits_0_and_needs_no_config(vya: Callable, config: Path) -> None:
    config.unlink()
    ran = vya("verify", "good")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == "good is good: 1,200 rows in 2 tables"


def test_a_bad_or_missing_one_does_not_stop_the_others_and_exits_5(vya: Callable) -> None:
    ran = vya("verify", "missing", "bad", "good")
    assert ran.code == 5
    assert "missing: cannot be verified" in ran.out
    assert "bad is not good: checksum" in ran.out
    assert "good is good" in ran.out
    assert ran.err == "error: no file 'missing'\n"


def test_json_has_every_file(vya: Callable) -> None:
    ran = vya("verify", "bad", "missing", "good", "--json")
    assert (ran.code, ran.document["exit_code"]) == (5, 5)
    assert [f["good"] for f in ran.document["files"]] == [False, False, True]
    assert ran.document["files"][1]["error"]["type"] == "ArtifactMissing"
    assert ran.document["files"][2]["checks"][1] == {"name": "end", "detail": "unknown", "ok": None}


def test_a_file_is_needed(vya: Callable) -> None:
    assert vya("verify").code == 2


@pytest.mark.parametrize(
    ("failed", "code"),
    [
        ("good", 0),
        ("facts", 6),
        ("rows,facts", 6),
        ("sequences", 6),
        ("statements", 8),
        ("facts,statements", 6),
        ("checksum", 5),
        ("checksum,facts", 5),
        ("content,place", 5),
        ("decoded", 5),
    ],
)
def test_a_deep_look_tells_a_changed_artifact_from_one_whose_facts_differ(
    vya: Callable, failed: str, code: int
) -> None:
    ran = vya("verify", "--deep", failed)
    assert ran.code == code
    lines = [line.split() for line in ran.out.splitlines()]
    state = "same" if failed == "good" else "differs"
    assert ["orders", "1,000", "999", state] in lines
    assert ["users", "2", "2", "same"] in lines


def test_a_deep_look_is_in_the_json(vya: Callable) -> None:
    (file,) = vya("verify", "--deep", "--json", "facts").document["files"]
    assert file["objects"] == []
    assert file["tables"][0] == {
        "table": "orders", "expected": 1000, "found": 999, "size": 90, "state": "differs", "fault": None,
    }  # fmt: skip
