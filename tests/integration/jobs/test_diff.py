"""What changed between two backups of a real server's database, its rows among it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from python_backup.jobs.diff import Content, ObjectsChange, diff
from python_backup.jobs.rows import Change, changed_rows
from python_backup.model import MANIFEST
from support import databases, shop
from support.jobs import backed_up, with_options
from support.servers import RunningServer, instance_for
from support.silence import Silence

CHANGES = (
    "update employee set notes = 'it''s \\ (new), \"x\"' where id = 2",
    "delete from purchase_line where purchase = 3",
    "create table added (id int primary key)",
    "drop view turnover",
    "create view turnover as select 1 as one",
)
ROW_BY_ROW = {"postgresql": ("--inserts",), "mysql": ("--skip-extended-insert",)}


@pytest.mark.parametrize("row_by_row", [False, True])
def test_two_backups_tell_what_happened_between_them(
    family_server: RunningServer, new_database: Callable[..., str], tmp_path: Path, *, row_by_row: bool
) -> None:
    database = new_database(family_server, "shop")
    shop.build(family_server, database)
    options = ROW_BY_ROW[family_server.family] if row_by_row else ()
    instance = with_options(instance_for(family_server), *options)
    first = backed_up(instance, database, tmp_path)
    (lines,) = databases.rows(
        family_server, database, "select count(*) from purchase_line where purchase = 3"
    )
    if family_server.family == "postgresql":
        databases.execute(family_server, database, "drop materialized view best")
    databases.execute(family_server, database, *CHANGES)
    second = backed_up(instance, database, tmp_path)
    assert first.path is not None
    assert second.path is not None
    report = diff(first.path, second.path.with_name(second.path.name + MANIFEST), Silence())

    changed = {t.table.removeprefix("public."): t.content for t in report.tables if t.content != Content.SAME}
    assert changed == {
        "added": Content.ADDED, "employee": Content.CHANGED, "purchase_line": Content.CHANGED,
    }  # fmt: skip
    prefix = "public." if family_server.family == "postgresql" else ""
    views = next(kind for kind in report.objects if kind.kind == "views")
    assert views == ObjectsChange("views", (), (), (f"{prefix}turnover",))

    (row,) = changed_rows(report, "employee", 10, Silence()).rows
    assert (row.change, row.key) == (Change.CHANGED, {"id": "2"})
    assert {name for name in row.after or {} if (row.before or {})[name] != (row.after or {})[name]} == {
        "notes"
    }
    removed = changed_rows(report, "purchase_line", 1, Silence())
    assert (removed.key, removed.removed) == (("purchase", "product"), lines[0])
    assert (removed.added, removed.changed, len(removed.rows)) == (0, 0, 1)
    assert changed_rows(report, "customer", 1, Silence()).same
