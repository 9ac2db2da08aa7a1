"""Changed rows of one table, between two dumps."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from python_backup.errors import UsageError
from python_backup.jobs import rows as job
from python_backup.jobs.diff import diff
from python_backup.jobs.rows import Change, RowsReport, changed_rows
from support.silence import Silence

Rows = dict[int, str | None]
TABLES = st.dictionaries(st.integers(-99, 99), st.none() | st.text("a'\\\n\t,()", max_size=4), max_size=12)
FORMS = ("copy", "inserts", "mysql")


def literal(value: str | None, *, escapes: bool) -> str:
    if value is None:
        return "NULL"
    if escapes:
        value = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    return "'" + value.replace("'", "\\'" if escapes else "''") + "'"


def copied(value: str | None) -> str:
    if value is None:
        return r"\N"
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def dump(form: str, table: list[tuple[int, str | None]], *, key: bool = True) -> bytes:
    if form == "mysql":
        made = (
            "CREATE TABLE `t` (`id` int NOT NULL, `v` text" + (", PRIMARY KEY (`id`)" if key else "") + ");\n"
        )
        rows = ",".join(f"({n},{literal(v, escapes=True)})" for n, v in table)
        filled = f"INSERT INTO `t` VALUES {rows};\n" if rows else ""
        return f"-- MySQL dump 10.13  Distrib 8.4.3\n{made}{filled}-- Dump completed\n".encode()
    if form == "copy":
        body = "".join(f"{n}\t{copied(v)}\n" for n, v in table)
        filled = f"COPY public.t (id, v) FROM stdin;\n{body}\\.\n"
    else:
        filled = "".join(
            f"INSERT INTO public.t VALUES ({n}, {literal(v, escapes=False)});\n" for n, v in table
        )
    keyed = "ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);\n" if key else ""
    return (
        "--\n-- PostgreSQL database dump\n--\nSET standard_conforming_strings = on;\n"
        f"CREATE TABLE public.t (id integer, v text);\n{filled}{keyed}"
        "--\n-- PostgreSQL database dump complete\n--\n"
    ).encode()


def compared(folder: Path, before: bytes, after: bytes, limit: int = 1000) -> RowsReport:
    files = folder / "a.sql", folder / "b.sql"
    for file, content in zip(files, (before, after), strict=True):
        file.write_bytes(content)
    return changed_rows(diff(*files, Silence()), "t", limit, Silence())


@pytest.fixture(params=[1, 200_000])
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A folder for dumps of which so many rows make a part."""
    monkeypatch.setattr(job, "_IN_MEMORY", request.param)
    return tmp_path


@pytest.mark.parametrize("form", FORMS)
@given(before=TABLES, after=TABLES, turned=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_rows_are_told_by_their_key_whatever_their_order(
    folder: Path, form: str, before: Rows, after: Rows, *, turned: bool
) -> None:
    later = list(after.items())
    report = compared(folder, dump(form, list(before.items())), dump(form, later[::-1] if turned else later))
    changed = {n for n in before.keys() & after.keys() if before[n] != after[n]}
    counts = (len(after.keys() - before.keys()), len(before.keys() - after.keys()), len(changed))
    assert (report.added, report.removed, report.changed) == counts
    by_kind = {
        kind: sorted(int(row.key["id"] or "") for row in report.rows if row.change is kind) for kind in Change
    }
    assert by_kind == {
        Change.ADDED: sorted(after.keys() - before.keys()),
        Change.REMOVED: sorted(before.keys() - after.keys()),
        Change.CHANGED: sorted(changed),
    }
    assert [int(row.key["id"] or "") for row in report.rows] == sorted(
        int(r.key["id"] or "") for r in report.rows
    )


@pytest.mark.parametrize("form", FORMS)
def test_without_a_key_rows_are_counted_as_often_as_they_stand_there(tmp_path: Path, form: str) -> None:
    before = dump(form, [(1, "a"), (1, "a"), (2, "b"), (3, None)], key=False)
    after = dump(form, [(3, None), (1, "a"), (2, "c"), (4, "d"), (4, "d")], key=False)
    report = compared(tmp_path, before, after)
    assert (report.key, report.added, report.removed, report.changed) == ((), 3, 2, 0)
    assert sum(row.change is Change.ADDED for row in report.rows) == 3
    assert compared(tmp_path, before, before).same


@pytest.mark.parametrize("form", FORMS)
def test_values_are_as_the_dump_has_them_and_null_is_none(tmp_path: Path, form: str) -> None:
    (row,) = compared(tmp_path, dump(form, [(1, None)]), dump(form, [(1, "x")])).rows
    value = "x" if form == "copy" else "'x'"
    assert (row.key, row.before, row.after) == ({"id": "1"}, {"id": "1", "v": None}, {"id": "1", "v": value})


def test_all_are_counted_and_as_many_shown_as_asked_for(tmp_path: Path) -> None:
    rows: list[tuple[int, str | None]] = [(n, "x") for n in range(50)]
    report = compared(tmp_path, dump("mysql", []), dump("mysql", rows), limit=7)
    assert (report.added, len(report.rows)) == (50, 7)
    assert compared(tmp_path, dump("mysql", []), dump("mysql", rows), limit=0).rows == ()


def test_copied_rows_and_inserted_ones_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the rows of public\.t as COPY, the other as INSERTs"):
        compared(tmp_path, dump("copy", [(1, "x")]), dump("inserts", [(1, "x")]))


def test_a_table_of_neither_backup_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    for name in ("a.sql", "b.sql"):
        (tmp_path / name).write_bytes(dump("copy", []))
    report = diff(tmp_path / "a.sql", tmp_path / "b.sql", Silence())
    with pytest.raises(UsageError, match="neither backup has a table called 'u'") as caught:
        changed_rows(report, "u", 1, Silence())
    assert caught.value.hint == "There are: public.t."
