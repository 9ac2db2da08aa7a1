"""Which tables are read whole, and which in ranges of their pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from python_backup.engines.postgresql.ranges import WHOLE, Table, slices, whole_up_to

MB = 1 << 20
ONE = Table("public.a", "1", 100 * MB, 12800, heap=True, name=b"public.a", columns=b"n", pattern="a")


def tables(*sizes: int) -> tuple[Table, ...]:
    return tuple(
        replace(ONE, label=f"t{number}", size=size, pages=size // 8192) for number, size in enumerate(sizes)
    )


@pytest.mark.parametrize(("jobs", "expected"), [(1, 200 * MB), (2, 100 * MB), (4, 50 * MB)])
def test_a_table_is_whole_while_others_keep_all_jobs_busy(jobs: int, expected: int) -> None:
    assert whole_up_to(tables(300 * MB, 60 * MB, 40 * MB), jobs) == expected


def test_an_interrupted_restore_has_no_more_to_load_again_than_the_largest_whole_table() -> None:
    assert whole_up_to(tables(100_000 * MB, 50_000 * MB), 2) == WHOLE


def test_tables_up_to_that_size_are_one_part_and_larger_ones_are_in_even_ranges() -> None:
    found = slices(tables(100 * MB, 99 * MB), ranges=True, size=32 * MB, whole=99 * MB)
    assert [share.table.label for share in found] == ["t0"] * 4 + ["t1"]
    assert [share.plan.range for share in found[::4]] == [
        "ctid >= '(0,0)'::tid AND ctid < '(3200,0)'::tid",
        "",
    ]
    assert [share.plan.weight for share in found] == [25 * MB] * 4 + [99 * MB]


@pytest.mark.parametrize(("ranges", "heap"), [(False, True), (True, False)])
def test_a_table_without_ranges_of_pages_is_one_part(ranges: bool, heap: bool) -> None:
    [share] = slices((replace(ONE, heap=heap),), ranges=ranges, size=MB)
    assert share.plan.range == ""
