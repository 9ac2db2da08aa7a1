"""vya-backupdb rollback, with a made-up job."""

from collections.abc import Callable

import pytest

from python_backup.jobs import rollback as job
from python_backup.jobs.rollback import RollbackReport
from support.results import TAKEN

REPORT = RollbackReport(
    "a b", "a b__before_20260113_155440", TAKEN, "a b__before_20260114_000000", ("look at it",)
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    calls: list[tuple[object, ...]] = []

    def roll_back(instance: object, target: str, _now: object, **more: object) -> RollbackReport:
        calls.append((target, more["disconnect"], more["place"] is not None))
        return REPORT

    monkeypatch.setattr(job, "roll_back", roll_back)
    return calls


def test_it_says_what_was_put_back_and_how_to_return(vya: Callable, asked: list[tuple[object, ...]]) -> None:
    ran = vya("rollback", "-i", "1", "-d", "a b", "--disconnect")
    assert asked == [("a b", True, True)]
    first, second = ran.out.splitlines()
    assert first.startswith("a b on 1 (web) is what it was before 2026-01-1")
    assert second == (
        "what it was until now is kept as a b__before_20260114_000000;"
        " `vya-backupdb rollback --instance 1 --database 'a b'` puts that back"
    )
    assert (ran.code, ran.err) == (0, "warning: look at it\n")


def test_json_has_it_all(vya: Callable, asked: list[tuple[object, ...]]) -> None:
    document = vya("rollback", "-i", "1", "-d", "a b", "--json").document
    assert (document["exit_code"], document["restored"], document["before"]) == (
        0,
        "a b__before_20260113_155440",
        "a b__before_20260114_000000",
    )


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        ((), "--instance ID and --database NAME"),
        (("-d", "x"), "--instance ID"),
        (("-i", "1"), "--database NAME"),
    ],
)
def test_instance_and_database_are_needed(vya: Callable, arguments: tuple[str, ...], missing: str) -> None:
    ran = vya("rollback", *arguments)
    assert (ran.code, ran.err.splitlines()[0]) == (2, f"error: rollback needs {missing}")
