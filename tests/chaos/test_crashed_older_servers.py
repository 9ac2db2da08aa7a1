"""A server that renames tables in steps (MariaDB before 10.6) crashes amid a restore: one whole database is left.

There a restore over a database goes through a safety backup; ``VYA_CHAOS=40`` asks for that many crashes.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pymysql
import pytest

from chaos.test_killed_restores import NAME, NEW, OLD, Stage, config_of
from python_backup.engines.mysql.dropping import FOLDER_NOT_EMPTY
from python_backup.engines.table import ENGINES
from python_backup.instance import Dbms
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.model import Format
from support import databases
from support.chance import SEED
from support.servers import instance_for
from support.silence import Silence
from support.stoppable import Stoppable

CRASHES = int(os.environ.get("VYA_CHAOS", "6"))
TABLES = 12
"""Further ones on both sides: more moments at which the server makes or drops one."""

pytestmark = pytest.mark.mariadb_before(10, 6)


def further(mark: str) -> list[str]:
    return [
        f"CREATE TABLE {mark}_{n} (id int PRIMARY KEY, t text, FULLTEXT KEY (t))" for n in range(TABLES)
    ] + [f"CREATE TABLE both_{n} (id int PRIMARY KEY, v varchar(9) DEFAULT '{mark}')" for n in range(TABLES)]


@pytest.fixture
def stage(older_mariadb: Stoppable, tmp_path: Path):
    server = older_mariadb.server
    databases.create(server, "source")
    databases.execute(server, "source", *NEW["mysql"], *further("new"))
    request = BackupRequest((instance_for(server),), ("source",), tmp_path, Format.ZSTD)
    (result,) = back_up(request, Silence(), lambda: datetime.now(UTC))
    assert result.error is None
    databases.drop(server, "source")
    config = config_of(server, tmp_path)
    yield (made := Stage(older_mariadb, result.path, config))
    _dropped(made, NAME)


def _as_before(stage: Stage, *, there: bool) -> None:
    """The target as it is before each restore; nothing is in the way."""
    _dropped(stage, NAME)
    if there:
        databases.create(stage.server, NAME)
        databases.execute(stage.server, NAME, *OLD["mysql"], *further("old"))


def _dropped(stage: Stage, name: str) -> None:
    """Drops the database as an operator would: files that a crash left in its folder are removed there."""
    try:
        databases.drop(stage.server, name)
    except pymysql.err.OperationalError as exc:
        assert exc.args[0] == FOLDER_NOT_EMPTY, exc
        folder = stage.victim.folder / "data" / _as_folder(name)
        left = [path for path in folder.iterdir() if path.name != "db.opt"]
        assert {path.suffix for path in left} == {".ibd"}, left
        for path in left:
            path.unlink()
        databases.drop(stage.server, name)


def _as_folder(name: str) -> str:
    """A database's folder: what is no letter, digit or ``_`` is ``@`` and its code in four hexadecimal digits."""
    return "".join(c if c.isalnum() or c == "_" else f"@{ord(c):04x}" for c in name)


def _held(stage: Stage) -> str | None:
    with closing(ENGINES[Dbms.MARIADB].connect(instance_for(stage.server))) as link:
        if not link.exists(NAME):
            return None
    held, unfinished = stage.contents(NAME)
    assert unfinished is None
    return held


@pytest.mark.timeout(180 + 30 * CRASHES)
@pytest.mark.parametrize("there", [True, False], ids=["over a database", "under a new name"])
def test_a_server_that_crashes_amid_a_restore_has_the_old_or_the_new_database(
    stage: Stage, there: bool
) -> None:
    first = stage.names() - {NAME}
    _as_before(stage, there=there)
    old = _held(stage)
    begun = time.monotonic()
    said, _ = (child := stage.begin()).communicate(timeout=120)
    length = time.monotonic() - begun
    assert child.returncode == 0, said
    assert ("was filled in place: MariaDB" in said) == there, said
    new = _held(stage)
    assert (stage.names(), old == new) == (first | {NAME}, False)

    chance = random.Random(SEED)
    for number in range(CRASHES):
        _as_before(stage, there=there)
        moment = chance.uniform(0.3, 1) * length
        child = stage.begin()
        time.sleep(moment)
        stage.victim.crash()
        said, _ = child.communicate(timeout=120)
        at = f"seed {SEED}, crash {number}: after {moment:.3f} s of {length:.3f} s\n{child.returncode} {said}"
        assert "Traceback" not in said, at
        if number % 3 == 2:
            at += _crash_amid_undo(stage, chance.uniform(0.3, 1))
        stage.victim.start()
        told = _mended(stage)
        at = f"{at}\nundo: {told}"
        assert _held(stage) in (old, new), at
        assert stage.names() - {NAME} == first, at
        assert not list(stage.config.parent.rglob("*.in-place.json")), at


def _mended(stage: Stage) -> str:
    """What the undo command says; where it says that a crash left files, they are removed, and it goes again."""
    argv = stage.argv("restore", "--resume-or-undo", NAME)
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
    told = done.stdout + done.stderr
    stuck = re.findall(r"all(__\w+)?' is empty; a crash of the server left files", told)
    for suffix in dict.fromkeys(stuck):
        _dropped(stage, NAME + suffix)
    assert stuck or done.returncode == 0, told
    return told + (_mended(stage) if stuck else "")


def _crash_amid_undo(stage: Stage, moment: float) -> str:
    """Has the server crash amid the mending too."""
    stage.victim.start()
    child = subprocess.Popen(
        stage.argv("restore", "--resume-or-undo", NAME),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    time.sleep(moment)
    stage.victim.crash()
    said, _ = child.communicate(timeout=120)
    assert "Traceback" not in said, said
    return f"\nfirst undo, crashed after {moment:.3f} s: {child.returncode} {said}"


def test_the_file_of_a_table_that_a_crash_cut_bars_no_restore(stage: Stage) -> None:
    _as_before(stage, there=True)
    folder = stage.victim.folder / "data" / _as_folder(NAME)
    (folder / "new_3.ibd").write_bytes(bytes(1 << 16))  # as crashes amid CREATE TABLE with FULLTEXT left it
    said, _ = (child := stage.begin()).communicate(timeout=120)
    assert child.returncode == 0, said
    assert databases.scalar(stage.server, NAME, "SELECT count(*) FROM new_3") == 0
    assert not [t for (t,) in databases.rows(stage.server, NAME, "SHOW TABLES") if t.startswith("__vya")]
