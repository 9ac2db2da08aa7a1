"""Which databases become folders of parts, and that nobody asks how large they are in vain."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from python_backup.engines.engine import DumpPlan
from python_backup.engines.parts import PartsPlan
from python_backup.errors import Refused
from python_backup.instance import Limits
from python_backup.jobs.parts.choosing import LARGE, SINGLE, Parting, planned
from python_backup.model import Parts


@dataclass
class Server:
    """One database of so many bytes; None: it may not be asked how many. ``refuses`` parts."""

    bytes: int | None
    refuses: bool = False

    def size(self, database: str) -> int:
        assert self.bytes is not None, database
        return self.bytes

    def plan_dump(self, database: str, limits: Limits) -> DumpPlan:
        del limits
        return ("file", database)  # type: ignore[return-value]

    def plan_parts(self, database: str, limits: Limits, jobs: int, lock: object) -> PartsPlan:
        del limits, lock
        if self.refuses:
            raise Refused("the account may lock nothing")
        return ("parts", database, jobs)  # type: ignore[return-value]


def form(server: Server, parting: Parting) -> tuple[object, tuple[str, ...]]:
    plan, why = planned(server, "shop", Limits(), parting)  # type: ignore[arg-type]
    return plan[0], why  # type: ignore[index]


@pytest.mark.parametrize(
    ("size", "parting", "expected"),
    [
        (LARGE, Parting(2), "parts"),
        (LARGE - 1, Parting(2), "file"),
        (1000, Parting(2, large=1000), "parts"),
        (999, Parting(2, large=1000), "file"),
        (None, Parting(), "file"),  # no jobs: one file, whatever it has
        (None, Parting(1, wanted=True), "parts"),
        (None, Parting(2, wanted=True), "parts"),
        (None, Parting(1, Parts.ALWAYS), "parts"),
        (None, Parting(4, Parts.NEVER, wanted=True), "file"),
        (None, SINGLE, "file"),
    ],
)
def test_large_databases_become_parts_where_there_are_several_jobs_or_it_is_asked_for(
    size: int | None, parting: Parting, expected: str
) -> None:
    assert form(Server(size), parting) == (expected, ())


def test_what_cannot_be_parted_is_one_file_with_the_reason_unless_it_must_be() -> None:
    why = "one file is written, not parts: the account may lock nothing"
    assert form(Server(LARGE, refuses=True), Parting(2)) == ("file", (why,))
    assert form(Server(LARGE - 1, refuses=True), Parting(2)) == ("file", ())
    with pytest.raises(Refused, match="may lock nothing"):
        form(Server(None, refuses=True), Parting(2, Parts.ALWAYS))


def test_parts_are_thought_of_where_any_database_can_have_them() -> None:
    assert [
        Parting().may_part,
        Parting(2).may_part,
        Parting(wanted=True).may_part,
        Parting(parts=Parts.ALWAYS).may_part,
        Parting(2, Parts.NEVER).may_part,
    ] == [False, True, True, True, False]
