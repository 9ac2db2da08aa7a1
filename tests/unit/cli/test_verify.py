"""vya-backupdb verify, with a made-up job."""

from collections.abc import Callable
from pathlib import Path

import pytest

from python_backup.errors import ArtifactMissing
from python_backup.jobs import verify as job
from python_backup.jobs.examine import Check
from python_backup.jobs.verify import VerifyReport
from support.results import FACTS


@pytest.fixture(autouse=True)
def verified(monkeypatch: pytest.MonkeyPatch) -> None:
    def verify_artifact(path: Path, _progress: object) -> VerifyReport:
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
