"""The nouns that derive from themselves."""

from datetime import datetime, timedelta, timezone

from python_backup.model import Run


def test_a_runs_id_sorts_by_time_whatever_the_zone() -> None:
    east, west = timezone(timedelta(hours=9)), timezone(timedelta(hours=-8))
    first = Run.of("backup", datetime(2026, 1, 14, 0, 54, 40, tzinfo=east), lambda count: b"\xff" * count)
    second = Run.of("backup", datetime(2026, 1, 13, 7, 54, 41, tzinfo=west), lambda count: b"\0" * count)
    assert (first.id, second.id) == ("20260113T155440Z-ffffff", "20260113T155441Z-000000")
