"""Records of drills in a real folder."""

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from python_backup.errors import StorageFailed
from python_backup.instance import Dbms
from python_backup.storage import proofs as module
from python_backup.storage.proofs import (
    PROOFS,
    Equality,
    Proof,
    Verdict,
    keep,
    latest_by_database,
    latest_by_sum,
    proofs,
)

AT = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)
ONE, TWO = "1" * 64, "2" * 64
PROOF = Proof(
    artifact="20260112_155440_mysql_it's.sql.zst",
    sha256=ONE,
    instance="1",
    dbms=Dbms.MYSQL,
    database="it's\udcff",
    taken=AT - timedelta(days=1),
    at=AT,
    verdict=Verdict.PROVEN,
    equality=Equality.IDENTICAL,
    server="mysql 9.7.4",
    seconds={"get": 0.5, "restore": 12.25, "index": 3.0, "verify": 4.0},
    size=100,
    raw_size=1000,
    rows=70,
    tables=3,
)


def later(hours: float, **changes: object) -> Proof:
    return replace(PROOF, at=AT + timedelta(hours=hours), **changes)  # type: ignore[arg-type]


def test_what_was_kept_is_read_again_the_latest_first(tmp_path) -> None:
    failed = later(1, verdict=Verdict.FAILED, reason="table t: differs", equality=Equality.DIFFERS)
    bare = later(2, sha256=TWO, instance=None, equality=None, server=None, verdict=Verdict.ERROR, seconds={})
    for proof in (PROOF, bare, failed):
        keep(tmp_path, proof)
    assert list(proofs(tmp_path)) == [bare, failed, PROOF]
    assert PROOF.total == 19.75


def test_a_record_is_its_owners_alone_and_names_its_artifacts_sum(tmp_path) -> None:
    elsewhere = replace(PROOF, at=AT.astimezone(timezone(timedelta(hours=5))))
    path = keep(tmp_path, elsewhere, lambda count: b"\xab" * count)
    assert path == tmp_path / PROOFS / f"20260113T155440.000000Z-{ONE}-ababab.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_latest_drill_of_each_artifact_is_found_by_its_sum(tmp_path) -> None:
    failed = later(2, verdict=Verdict.FAILED)
    for proof in (PROOF, later(1), failed, later(3, sha256=TWO)):
        keep(tmp_path, proof)
    assert latest_by_sum(tmp_path, [ONE, "3" * 64]) == {ONE: failed}
    assert latest_by_sum(tmp_path, [ONE], frozenset({Verdict.PROVEN})) == {ONE: later(1)}


def test_drills_of_a_database_are_grouped_whatever_artifact_they_were_of() -> None:
    foreign = later(4, instance=None)
    found = [foreign, later(3, sha256=TWO), later(2, database="b"), later(1), PROOF]
    assert latest_by_database(found, 2) == {
        ("1", "it's\udcff"): [later(3, sha256=TWO), later(1)],
        ("1", "b"): [later(2, database="b")],
    }


def test_the_oldest_records_go(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    for number in range(5):
        keep(tmp_path, later(number))
    assert [proof.at for proof in proofs(tmp_path)] == [later(number).at for number in (4, 3, 2)]


@pytest.mark.parametrize(
    "change",
    [
        {"format": "x"},
        {"sha256": TWO},
        {"verdict": "splendid"},
        {"at": "yesterday"},
        {"at": "2026-01-13T15:54:40"},
        {"seconds": {"get": "long"}},
        {"seconds": [1]},
        {"dbms": None},
    ],
)
def test_what_is_no_record_is_passed_over(tmp_path, change) -> None:
    path = keep(tmp_path, PROOF)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    (path.parent / "notes.txt").touch()
    (path.parent / path.name.replace("-1", "-0", 1)).write_text("[")
    assert list(proofs(tmp_path)) == []


def test_a_record_of_a_later_program_is_read_as_far_as_it_is_known(tmp_path) -> None:
    path = keep(tmp_path, PROOF)
    path.write_text(json.dumps({**json.loads(path.read_text()), "weather": "fine"}))
    assert list(proofs(tmp_path)) == [PROOF]


def test_no_records_are_no_error_and_a_place_that_cannot_be_written_is(tmp_path) -> None:
    assert list(proofs(tmp_path / "none")) == []
    (tmp_path / PROOFS).touch()
    with pytest.raises(StorageFailed, match=r"\.proofs.* cannot be written"):
        keep(tmp_path, PROOF)
    with pytest.raises(StorageFailed, match=r"\.proofs cannot be read"):
        list(proofs(tmp_path))
