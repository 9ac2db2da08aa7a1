"""What mysqldump's options leave out."""

from __future__ import annotations

import pytest

from python_backup.engines.mysql.inventory import LeftOut, left_out

DEFINED = frozenset({"tables", "views", "sequences", "indexes", "constraints"})


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ((), frozenset()),
        (("--single-transaction", "--no-data", "--where=id<9"), frozenset()),
        (("--skip-triggers",), frozenset({"triggers"})),
        (("--disable-triggers", "--loose-skip-events"), frozenset({"triggers", "events"})),
        (("--routines=0", "--events=OFF"), frozenset({"routines", "events"})),
        (("--skip-routines", "-R"), frozenset()),
        (("--skip_triggers", "--triggers"), frozenset()),
        (("--no-create-info",), DEFINED),
        (("-t", "--skip-no-create-info"), DEFINED),
        (("--ignore-views",), frozenset({"views"})),
    ],
)
def test_whole_kinds_are_left_out_by_switches(options: tuple[str, ...], kinds: frozenset[str]) -> None:
    assert left_out(options, "shop") == LeftOut(kinds)


def test_tables_of_this_database_are_left_out_by_name() -> None:
    options = ("--ignore-table=shop.a", "--ignore-table", "shop.b.c", "--ignore-table=other.d", "--quick")
    assert left_out(options, "shop") == LeftOut(tables=frozenset({"a", "b.c"}))
