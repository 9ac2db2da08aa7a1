"""Pieces become queries: whole, bounded, and shown without rows."""

from __future__ import annotations

import pytest

from python_backup.dump.piece import ClientCommand, Comment, DataBegin, DataEnd, Rows, Statement
from python_backup.engines.mysql.load import Query, queries, send
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.errors import StatementFailed


def insert(head: bytes = b"INSERT INTO `t` VALUES", rows: int | None = 2):
    return (
        DataBegin(b"\n" + head + b" ", 3, head, "t", copy=False),
        Rows(b"(1),", 3, 1, b"(1),"),
        Rows(b"(2)", 3, 1, b"(2)"),
        DataEnd(b";\n", 3, rows),
    )


class FakeSession:
    amid = False

    def __init__(self, *answers: int | ServerSaid, warning: tuple[int, str] | None = None) -> None:
        self.answers = list(answers)
        self.warning = warning
        self.sent: list[bytes] = []

    def send(self, statement: bytes) -> int:
        self.sent.append(statement)
        answer = self.answers.pop(0)
        if isinstance(answer, ServerSaid):
            raise answer
        return answer

    def altered(self) -> tuple[int, str] | None:
        return self.warning


def test_an_insert_is_put_together_without_its_delimiter():
    assert list(queries(insert(), largest=100)) == [
        Query(b"INSERT INTO `t` VALUES(1),(2)", 3, b"INSERT INTO `t` VALUES", 2, table="t")
    ]


@pytest.mark.parametrize("head", [b"INSERT IGNORE INTO t VALUES", b"REPLACE INTO t VALUES"])
def test_rows_are_only_asked_for_where_each_must_be_taken(head):
    assert [q.rows for q in queries(insert(head), largest=100)] == [None]


def test_comments_and_the_clients_own_lines_are_not_sent():
    pieces = [
        Comment(b"-- x\n", 1),
        ClientCommand(b"DELIMITER ;;\n", 2, "delimiter", b";;"),
        Statement(b"\nSET a = 1;;\n", 3, b"SET a = 1"),
    ]
    assert [q.text for q in queries(pieces, largest=100)] == [b"SET a = 1"]


def test_a_client_command_is_never_sent():
    with pytest.raises(StatementFailed, match="line 7: 'source'"):
        list(queries([ClientCommand(b"source x\n", 7, "source", b"x")], largest=100))


@pytest.mark.parametrize("pieces", [insert(), [Statement(b"x" * 25, 3, b"x" * 25)]])
def test_a_statement_that_the_server_cannot_take_is_refused_before_it_is_sent(pieces):
    with pytest.raises(StatementFailed, match=r"line 3: .*max_allowed_packet is 25") as caught:
        list(queries(pieces, largest=25))
    assert "SET GLOBAL max_allowed_packet" in str(caught.value.hint)


def test_a_refused_statement_is_named_by_line_start_and_code_without_rows():
    session = FakeSession(ServerSaid(1062, "Duplicate entry '1' for key 'PRIMARY'"))
    with pytest.raises(StatementFailed) as caught:
        send(session, queries(insert(), largest=100))
    assert (
        caught.value.message == "line 3: INSERT INTO `t` VALUES: Duplicate entry '1' for key 'PRIMARY' (1062)"
    )


def test_rows_that_the_server_did_not_take_are_an_error():
    with pytest.raises(StatementFailed, match="took 1 of 2 rows"):
        send(FakeSession(1), queries(insert(), largest=100))


def test_a_value_that_the_server_would_change_is_an_error_without_the_value():
    said = (1292, "Incorrect datetime value: '2100-01-01' for column `x`.`t`.`at` at row 2")
    with pytest.raises(StatementFailed) as caught:
        send(FakeSession(2, warning=said), queries(insert(), largest=100))
    assert caught.value.message == (
        "line 3: INSERT INTO `t` VALUES: the server would change a value that the column's type does not have"
        " (column `x`.`t`.`at` at row 2) (1292)"
    )


@pytest.mark.parametrize(
    ("head", "code"), [(b"INSERT IGNORE INTO t VALUES", 1264), (b"REPLACE INTO t VALUES", 1681)]
)
def test_other_warnings_and_those_that_the_dump_asks_to_ignore_are_none(head, code):
    session = FakeSession(2, warning=(code, "x"))
    send(session, queries(insert(head), largest=100))
    assert len(session.sent) == 1


def test_a_statement_that_only_ever_ends_in_deadlocks_is_given_up():
    session = FakeSession(*[ServerSaid(1213, "Deadlock found")] * 11)
    with pytest.raises(StatementFailed, match=r"\(1213\)"):
        send(session, queries(insert(), largest=100))
    assert session.answers == []


def test_a_table_that_the_dump_forgot_to_lock_is_reached_without_locks():
    session = FakeSession(ServerSaid(1100, "Table 'counter' was not locked"), 0, 2)
    send(session, queries(insert(), largest=100))
    assert session.sent[1:] == [b"UNLOCK TABLES", session.sent[0]]
