"""What a restore alters is told in the dump's order, whichever thread came upon it first."""

from __future__ import annotations

from python_backup.dump.changes import Changes


def test_kinds_stand_as_they_begin_in_the_dump_and_those_of_no_place_last() -> None:
    changes = Changes()
    changes.unseen("rows left out")
    changes.add("owner left out", 30, b"ALTER TABLE a OWNER TO x")
    changes.add("table not picked", 7, b"CREATE TABLE b ()")
    changes.add("owner left out", 40, b"ALTER TABLE b OWNER TO x")
    assert [(kind, count, len(places)) for kind, count, places in changes] == [
        ("table not picked", 1, 1), ("owner left out", 2, 2), ("rows left out", 1, 0),
    ]  # fmt: skip
