"""What is printed, and where."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.cli.render import Cell, Column, Screen, Table, plain
from python_backup.errors import ToolFailed
from python_backup.instance import Dbms, Instance, Secret
from python_backup.model import TableFacts


def screen(*, as_json: bool = False) -> tuple[Screen, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Screen(as_json, out, err), out, err


def test_a_result_is_drawn_on_stdout_without_colours_where_there_is_no_terminal() -> None:
    shown, out, err = screen()
    shown.result(
        {}, Table([Column("a"), Column("n", right=True)], [["x", "1"], [Cell("yy", "red"), "22"]]), "end"
    )
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "a    n",
        "──────",
        "x    1",
        "yy  22",
        "end",
    ]
    assert err.getvalue() == ""


def test_rows_stay_whole_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    shown, out, _ = screen()
    shown.result({}, Table([Column("name", folds=True)], [["x" * 300]]))
    assert "x" * 300 in out.getvalue()


def test_a_narrow_terminal_folds_names_and_leaves_out_spare_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    shown, out, _ = screen()
    columns = [Column("name", folds=True), Column("size", right=True), Column("spare", spare=True)]
    shown.result({}, Table(columns, [["x" * 40, "123 MB", "something"]]))
    lines = out.getvalue().splitlines()
    assert max(len(line) for line in lines) <= 30
    assert "spare" not in out.getvalue()
    assert out.getvalue().count("x") == 40


def test_a_table_that_is_too_wide_even_when_folded_keeps_all_its_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    shown, out, _ = screen()
    columns = [Column("taken"), Column("database", folds=True), Column("result")]
    shown.result({}, Table(columns, [["2026-11-22 00:44:27", "shop", "partial"]]))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert lines[0] == "taken                database  result"
    assert lines[2] == "2026-11-22 00:44:27  shop      partial"


def test_markup_and_escapes_in_names_are_shown_as_they_are() -> None:
    shown, out, err = screen()
    shown.result({}, Table([Column("name")], [["[red]a\x1b[2J\nb"]]), Cell("[bold]c\x07"))
    shown.warning("[red]x\x1b")
    assert "[red]a\\x1b[2J\\nb" in out.getvalue()
    assert "[bold]c\\x07" in out.getvalue()
    assert err.getvalue() == "warning: [red]x\\x1b\n"


def test_json_gives_one_document_and_nothing_else() -> None:
    shown, out, err = screen(as_json=True)
    shown.result({"a": Path("/x"), "when": datetime(2026, 1, 13, tzinfo=UTC), "kind": Dbms.MYSQL}, "drawn")
    shown.note("talk")
    assert json.loads(out.getvalue()) == {"a": "/x", "when": "2026-01-13T00:00:00+00:00", "kind": "mysql"}
    assert err.getvalue() == "talk\n"


def test_an_error_is_told_with_its_hint() -> None:
    shown, out, err = screen()
    shown.error(ToolFailed("pg_dump ended with 1", hint="Look there."), 1)
    assert (out.getvalue(), err.getvalue()) == ("", "error: pg_dump ended with 1\nhint: Look there.\n")


def test_an_error_with_json_is_a_document() -> None:
    shown, out, err = screen(as_json=True)
    shown.error(ToolFailed("pg_dump ended with 1"), 1)
    assert json.loads(out.getvalue()) == {
        "error": {"type": "ToolFailed", "message": "pg_dump ended with 1", "hint": None, "exit_code": 1}
    }
    assert err.getvalue() == ""


def test_no_secret_gets_into_a_document() -> None:
    instance = Instance("1", "web", Dbms.MYSQL, password=Secret(lambda: "hunter2"))
    assert plain(instance)["password"] is None
    assert "hunter2" not in json.dumps(plain(instance))


def test_facts_become_plain_values() -> None:
    assert plain((TableFacts("t", 1, 2, "d"),)) == [{"name": "t", "rows": 1, "size": 2, "digest": "d"}]


def test_what_json_does_not_have_is_a_bug() -> None:
    with pytest.raises(TypeError, match="no JSON for object"):
        plain(object())


def test_nobody_is_there_to_answer_without_a_terminal() -> None:
    assert screen()[0].interactive is False
