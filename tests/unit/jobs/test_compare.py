"""What counts as a difference between a dump and a database."""

from __future__ import annotations

import pytest

from python_backup.jobs.compare import compare_made, compare_objects
from python_backup.model import Facts


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


VIEW = {"views": ("v",)}


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({"views": {"v": "blake3:1"}}, {"views": {"v": "blake3:1"}}, ()),
        ({"views": {"v": "blake3:1"}}, {"views": {"v": "blake3:2"}}, ("v",)),
        ({"views": {"v": "blake3:1"}}, {"views": {"v": "later:2"}}, ()),
        ({"views": {"v": "blake3:1"}}, {}, ()),
        ({}, {"views": {"v": "blake3:1"}}, ()),
    ],
)
def test_an_object_of_both_that_other_statements_make_is_changed(
    before: dict[str, dict[str, str]], after: dict[str, dict[str, str]], changed: tuple[str, ...]
) -> None:
    (views,) = compare_made(Facts((), VIEW, {}, before), Facts((), VIEW, {}, after))
    assert (views.changed, views.equal) == (changed, not changed)


def test_what_no_kind_lists_may_be_missing_and_is_not_compared_where_another_tool_wrote_it() -> None:
    before = Facts((), {}, {}, {"others": {"cast": "blake3:1", "publication p": "blake3:1"}})
    after = Facts((), {}, {}, {"others": {"cast": "blake3:2"}})
    (others,) = compare_made(before, after)
    assert (others.missing, others.unexpected, others.changed) == (("publication p",), (), ("cast",))
    assert compare_made(before, after, alike=False) == ()
