"""What is refused and what is warned of before a backup."""

import re

import pytest

from python_backup.errors import StorageFailed
from python_backup.instance import Dbms
from python_backup.jobs import room as module
from python_backup.jobs.room import room_for
from python_backup.model import Format
from python_backup.storage.earlier import Wanted

SHOP = Wanted("1", Dbms.MYSQL, "shop", Format.NONE)


def judged(tmp_path, monkeypatch, free: int | None, last: int | None, size: int = -1):
    """The judgement with so much room; ``size`` -1: the server may not be asked."""

    def asked() -> int:
        assert size >= 0
        return size

    monkeypatch.setattr(module, "free_in", lambda _: (free, 10))
    monkeypatch.setattr(module, "last_size", lambda *_: last)
    return room_for(tmp_path / "new", SHOP, asked)


def test_with_ample_room_for_one_more_the_server_is_not_asked(tmp_path, monkeypatch) -> None:
    room, warnings = judged(tmp_path, monkeypatch, 1110, 1000)
    assert (room.expected, warnings) == (1000, ())
    assert (tmp_path / "new").is_dir()
    assert judged(tmp_path, monkeypatch, None, 1000)[1] == ()


def test_less_than_the_last_one_took_is_refused(tmp_path, monkeypatch) -> None:
    message = "new has no room for 'shop': 1,000 bytes are free, 10 are for others, its last backup took 1,200: 210 short"
    with pytest.raises(StorageFailed, match=re.escape(message)) as caught:
        judged(tmp_path, monkeypatch, 1000, 1200, size=5000)
    assert "backup.directory" in (caught.value.hint or "")


def test_a_database_that_became_small_is_not_refused_but_told(tmp_path, monkeypatch) -> None:
    room, [warning] = judged(tmp_path, monkeypatch, 1000, 1200, size=900)
    assert room.expected == 1200
    assert warning.endswith(
        "may have too little room: 1,000 bytes are free, its last backup took 1,200 bytes"
    )


def test_just_enough_for_the_last_one_is_no_matter(tmp_path, monkeypatch) -> None:
    assert judged(tmp_path, monkeypatch, 1010, 1000, size=5000)[1] == ()


def test_a_first_backup_of_more_than_is_free_is_told(tmp_path, monkeypatch) -> None:
    assert judged(tmp_path, monkeypatch, 1010, None, size=1000)[1] == ()
    _, [warning] = judged(tmp_path, monkeypatch, 1000, None, size=5000)
    assert warning.endswith("may have too little room: 1,000 bytes are free, the database has 5,000 bytes")
