"""Which server program a drill takes."""

from __future__ import annotations

import os
import signal
import stat
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from python_backup.engines import scratch
from python_backup.engines.program import Recipe, ServerProgram
from python_backup.engines.scratch import choose_program, clear_scratch, scratch_server
from python_backup.errors import StorageFailed, ToolMissing
from python_backup.instance import Dbms, Instance
from support.disks import disk


def program(dbms: Dbms, *number: int) -> ServerProgram:
    return ServerProgram(dbms, ".".join(map(str, number)), number, Path("/bin/x"), Path("/bin"))


PROGRAMS = (
    program(Dbms.MARIADB, 11, 8),
    program(Dbms.MARIADB, 10, 5),
    program(Dbms.MARIADB, 10, 11),
    program(Dbms.MYSQL, 9, 7),
)


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [((10, 5), (10, 5)), ((10, 6), (10, 11)), ((11, 0), (11, 8)), ((), (10, 5))],
)
def test_the_closest_program_that_is_not_older_is_taken(
    wanted: tuple[int, ...], chosen: tuple[int, ...]
) -> None:
    assert choose_program(PROGRAMS, (Dbms.MARIADB, wanted)).number == chosen


def test_no_program_of_the_other_flavour_is_taken() -> None:
    with pytest.raises(ToolMissing, match=r"for mysql 9\.8 or later .*found: mariadb 11\.8, .* mysql 9\.7"):
        choose_program(PROGRAMS, (Dbms.MYSQL, (9, 8)))


def test_a_major_version_alone_is_compared_with_a_dump_of_a_minor_one() -> None:
    newest = program(Dbms.POSTGRESQL, 17)
    assert choose_program((newest,), (Dbms.POSTGRESQL, (17, 12))) == newest


def an_engine(size: int) -> SimpleNamespace:
    """Its server waits, and answers at once; one of its files has so many bytes."""
    recipe = Recipe(
        files={"password": "x" * size}, make=(), serve=("sleep", "60"), ending=signal.SIGKILL,
        instance=Instance("drill", "drill", Dbms.POSTGRESQL, username="u"), client=("psql",),
    )  # fmt: skip
    return SimpleNamespace(recipe=lambda *_: recipe, connect=lambda _: SimpleNamespace(close=lambda: None))


def test_nothing_of_a_throw_away_server_can_be_read_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server refuses it writes into its log, with the values."""
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    before = os.umask(0)
    try:
        with scratch_server(an_engine(10), program(Dbms.POSTGRESQL, 18)) as server:
            found = [server._outer / "log", server._outer / "s" / "password"]
            assert [stat.S_IMODE(path.stat().st_mode) for path in found] == [0o600, 0o600]
    finally:
        os.umask(before)


def test_no_room_for_a_throw_away_server_is_told_with_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with disk(tmp_path / "small", 64) as small:
        monkeypatch.setattr(scratch, "_short_folder", lambda: small)
        with (
            pytest.raises(StorageFailed, match=f"cannot be made in {small}: No space left"),
            scratch_server(an_engine(1 << 20), program(Dbms.POSTGRESQL, 18)),
        ):
            pass
        assert list(small.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only a server that root starts is another account's")
def test_a_temporary_folder_that_is_roots_alone_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's libpam-tmpdir gives everybody one: the server could not read its own password there."""
    for mode, taken in ((0o755, True), (0o700, False)):
        own = Path(tempfile.mkdtemp(dir="/tmp"))
        own.chmod(mode)
        monkeypatch.setattr(tempfile, "tempdir", str(own))
        with scratch_server(an_engine(1), program(Dbms.POSTGRESQL, 18)) as server:
            assert (server._outer.parent == own) is taken
        own.rmdir()
    assert clear_scratch() == ()
