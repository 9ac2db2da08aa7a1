"""Rights on routines go with these when a target is emptied: they are there again whatever becomes of the run."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.jobs.test_in_place import DUMPS, TABLES, backed_up, in_place, now
from python_backup.engines.mysql import steps, takeover
from python_backup.engines.replacing import Swap
from python_backup.errors import BackupError, StatementFailed
from python_backup.jobs.connected import connected
from python_backup.jobs.in_place import InPlace, Safety
from python_backup.jobs.rollback import settle
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]
AFAR = "create table mine (id int, foreign key (id) references {}.item (id))"
"""A foreign key that bars the target's tables from being moved: it is filled where it stands."""


@dataclass(frozen=True)
class Shop:
    """A database with a function and a procedure that an account may use; ``backup`` is one of it."""

    server: RunningServer
    name: str
    account: str
    backup: Path
    root: Path

    @property
    def broken(self) -> Path:
        path = self.root / "broken.sql"
        path.write_text(DUMPS["mysql"].format("CREATE TABLE a (x int);\nINSERT INTO nowhere VALUES (1);"))
        return path

    def restore(self, dump: Path) -> None:
        in_place(instance_for(self.server), dump, self.name, self.root / "safety")

    def settle(self) -> tuple[str, ...]:
        place = InPlace(instance_for(self.server), Safety(self.root / "safety"), Silence(), now)
        return settle(instance_for(self.server), self.name, place)

    def rights(self) -> list[tuple[str, str]]:
        told = (
            "select routine_name, proc_priv from mysql.procs_priv"
            f" where db = '{self.name}' and user = '{self.account}' order by 1"
        )
        return [(name, str(held)) for name, held in databases.rows(self.server, None, told)]


@pytest.fixture(params=["moved", "standing"])
def shop(
    request: pytest.FixtureRequest, mysql_server: RunningServer, new_database: Name, tmp_path: Path
) -> Iterator[Shop]:
    name, other = new_database(mysql_server, "shop"), new_database(mysql_server, "other")
    who = f"u_{uuid.uuid4().hex[:8]}"
    databases.execute(
        mysql_server, name, *TABLES,
        "create function f() returns int return 1", "create procedure p() select 1",
        f"create user '{who}'@'%' identified by 'pw'",
        f"grant execute on function f to '{who}'@'%' with grant option",
        f"grant alter routine on procedure p to '{who}'@'%'",
    )  # fmt: skip
    if request.param == "standing":
        databases.execute(mysql_server, other, AFAR.format(databases.quoted(mysql_server, name)))
    backup = backed_up(instance_for(mysql_server), tmp_path, name)
    yield Shop(mysql_server, name, who, backup, tmp_path)
    databases.drop(mysql_server, other)  # before the target: its foreign key is in the way
    databases.execute(mysql_server, None, f"drop user '{who}'@'%'")


RIGHTS = [("f", "Execute,Grant"), ("p", "Alter Routine")]


def test_rights_on_routines_are_given_again_however_a_restore_in_place_ends(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StatementFailed) as caught:
        shop.restore(shop.broken)
    assert "was put back from its safety backup" in caught.value.message
    assert shop.rights() == RIGHTS

    with monkeypatch.context() as killed:
        killed.setattr(InPlace, "_mended_after", lambda *_: None)  # as one that is killed
        with pytest.raises(StatementFailed):
            shop.restore(shop.broken)
    assert shop.rights() == []
    (done,) = shop.settle()
    assert "was put back from its safety backup" in done
    assert shop.rights() == RIGHTS

    shop.restore(shop.backup)
    assert shop.rights() == RIGHTS


def test_rights_that_come_with_a_swap_are_given_at_its_end_to_accounts_that_are_there(
    mysql_server: RunningServer, new_database: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, fresh = new_database(mysql_server, "empty"), new_database(mysql_server, "fresh")
    before = new_database(mysql_server, "before", create=False)
    databases.execute(
        mysql_server, fresh, "create table t (a int)", "create function f() returns int return 1"
    )
    swap = Swap(fresh, target, before, grants=(f"GRANT EXECUTE ON FUNCTION `{target}`.`f` TO 'no_one'@'%'",))

    def cut(*_: object, **__: object) -> None:
        raise BackupError("cut")

    with monkeypatch.context() as killed:
        killed.setattr(steps, "finish", cut)
        killed.setattr(takeover, "_undone", lambda *_: True)
        with connected(instance_for(mysql_server)) as server, pytest.raises(BackupError, match="cut"):
            server.take_over(swap)
    with connected(instance_for(mysql_server)) as server:
        assert server.settle(target) == f"{target!r} holds what it held before: the swap was undone"
        (gone,) = (text for text in server.take_over(swap) if "a right" in text)
    assert gone.startswith("a right on a routine is gone: GRANT EXECUTE ON FUNCTION ")
    assert databases.rows(mysql_server, None, "select 1 from mysql.user where user = 'no_one'") == []
