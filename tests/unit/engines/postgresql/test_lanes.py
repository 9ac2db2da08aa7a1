"""Which indexes and keys are made first."""

from __future__ import annotations

import pytest

from python_backup.dump.builds import Build, Setting, work_of
from python_backup.engines.postgresql.lanes import _changed, places


def build(line: int, table: str, *, alone: bool = False) -> Build:
    return Build(b"", line, table, (), alone, plain=True)


def test_builds_come_first_with_which_most_is_left_of_their_table() -> None:
    found = [build(1, "one large", alone=True), build(2, "many rows", alone=True), build(3, "many rows")]
    work = {"one large": work_of(300 << 20, 1000), "many rows": work_of(100 << 20, 1 << 20)}
    assert sorted(places(found, work), key=places(found, work).get) == [2, 1, 3]
    assert sorted(places(reversed(found), work), key=places(found, work).get) == [2, 1, 3]


def test_builds_of_tables_that_nothing_is_known_of_keep_the_dumps_order() -> None:
    assert places([build(3, "b"), build(1, "c"), build(2, "a")], {}) == {1: (0, 1), 2: (0, 2), 3: (0, 3)}


def test_rows_count_beside_bytes() -> None:
    assert work_of(0, 1000) > work_of(100_000, 0)


PATH, DMY, MDY, ONE = (
    Setting(b"SET search_path = x", ("search_path",)),
    Setting(b"SET datestyle = dmy", ("datestyle",)),
    Setting(b"SET datestyle = mdy", ("datestyle",)),
    Setting(b"SELECT set_config('my.one', '1', false)", ("my.one",)),
)


@pytest.mark.parametrize(
    ("before", "wanted", "expected"),
    [
        ((), (PATH, DMY), [PATH.sql, DMY.sql]),
        ((PATH,), (PATH, DMY), [DMY.sql]),
        ((PATH, DMY), (PATH, DMY), []),
        ((PATH, DMY), (PATH, MDY), [b'RESET "search_path"', b'RESET "datestyle"', PATH.sql, MDY.sql]),
        ((PATH, ONE), (PATH,), [b'RESET "search_path"', b'RESET "my"."one"', PATH.sql]),
    ],
)
def test_a_session_is_brought_to_the_settings_of_any_place_of_the_dump(
    before: tuple[Setting, ...], wanted: tuple[Setting, ...], expected: list[bytes]
) -> None:
    assert list(_changed(before, wanted)) == expected
