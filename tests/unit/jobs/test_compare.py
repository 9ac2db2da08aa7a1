"""What counts as a difference between a dump and a database."""

from __future__ import annotations

import pytest

from python_backup.jobs.compare import compare_objects


@pytest.mark.parametrize("kind", ["constraints", "indexes", "sequences"])
def test_what_a_table_written_by_hand_makes_without_a_name_is_no_difference(kind: str) -> None:
    (compared,) = compare_objects({}, {kind: ("orders_pkey",)}, named=False)
    assert compared.equal


def test_what_a_dump_tool_does_not_name_is_a_difference() -> None:
    (compared,) = compare_objects({}, {"constraints": ("orders_pkey",)})
    assert (compared.equal, compared.unexpected) == (False, ("orders_pkey",))


def test_a_table_that_nobody_made_is_a_difference_in_any_dump() -> None:
    (compared,) = compare_objects({}, {"tables": ("extra",)}, named=False)
    assert compared.unexpected == ("extra",)


def test_what_is_named_by_hand_must_be_there() -> None:
    (compared,) = compare_objects({"indexes": ("by_name",)}, {}, named=False)
    assert compared.missing == ("by_name",)
