"""Rows go over several connections, and nothing comes before what it needs."""

from __future__ import annotations

import threading

import pytest

from python_backup.engines.mysql import lanes as module
from python_backup.engines.mysql.lanes import lanes, spread
from python_backup.engines.mysql.load import Query
from python_backup.errors import StatementFailed


class FakeSession:
    """Writes down what it is sent, in one list of all; ``held`` has it wait at its first rows."""

    def __init__(self, name: str, log: list[tuple[str, bytes]], held: threading.Event | None = None) -> None:
        self.name = name
        self.log = log
        self.held = held
        self.closed = False

    def break_off(self) -> None:
        if self.held is not None:
            self.held.set()

    def close(self) -> None:
        self.closed = True


def send(session, ready):
    for query in ready:
        if session.held is not None and query.table:
            session.held.wait(10)
        if query.text == b"INSERT bad":
            raise StatementFailed("refused")
        session.log.append((session.name, bytes(query.text)))


def rows(text: bytes, table: str = "t") -> Query:
    return Query(text, 1, text, 1, table=table)


def other(text: bytes) -> Query:
    return Query(text, 1, text)


def spread_over(two: int, ready: list[Query]) -> list[tuple[str, bytes]]:
    log: list[tuple[str, bytes]] = []
    with lanes([FakeSession(f"lane {n}", log) for n in range(two)], send) as made:
        spread(FakeSession("main", log), ready, made, send)
    return log


def test_a_stretch_of_one_table_goes_to_each_lane(monkeypatch):
    monkeypatch.setattr(module, "_STRETCH", 16)
    log = spread_over(2, [rows(b"INSERT %04d" % n) for n in range(20)])
    assert sorted(text for _, text in log) == [b"INSERT %04d" % n for n in range(20)]
    assert {name for name, _ in log} == {"lane 0", "lane 1"}


def test_what_is_made_of_filled_tables_waits_for_all_rows_before_it():
    ready = [
        other(b"CREATE TABLE t (a int)"), rows(b"INSERT 1"), rows(b"INSERT 2", "u"),
        other(b"/*!50003 CREATE TRIGGER x */"), rows(b"INSERT 3"), other(b"CREATE VIEW v"),
    ]  # fmt: skip
    texts = [text for _, text in spread_over(2, ready)]
    assert texts[0] == b"CREATE TABLE t (a int)"
    assert set(texts[1:3]) == {b"INSERT 1", b"INSERT 2"}
    assert texts[3:] == [b"/*!50003 CREATE TRIGGER x */", b"INSERT 3", b"CREATE VIEW v"]


def test_a_table_is_made_while_another_is_filled():
    log: list[tuple[str, bytes]] = []
    held = threading.Event()
    main = FakeSession("main", log)

    def seen(session, ready):
        for query in ready:
            send(session, [query])
            if query.text == b"CREATE TABLE u (a int)":
                assert ("lane 0", b"INSERT 1") not in log
                held.set()

    with lanes([FakeSession("lane 0", log, held)], seen) as made:
        spread(main, [rows(b"INSERT 1"), other(b"CREATE TABLE u (a int)")], made, seen)
    assert log == [("main", b"CREATE TABLE u (a int)"), ("lane 0", b"INSERT 1")]


def test_lanes_follow_settings_but_neither_locks_nor_autocommit():
    ready = [
        other(b"/*!40101 SET NAMES utf8mb4 */"), other(b"LOCK TABLES `t` WRITE"), other(b"set autocommit=0"),
        other(b"/*!40000 ALTER TABLE `t` DISABLE KEYS */"), rows(b"INSERT 1"),
        other(b"/*!40000 ALTER TABLE `t` ENABLE KEYS */"), other(b"UNLOCK TABLES"), other(b"commit"),
    ]  # fmt: skip
    log = spread_over(1, ready)
    assert [text for name, text in log if name == "lane 0"] == [b"/*!40101 SET NAMES utf8mb4 */", b"INSERT 1"]
    assert [text for name, text in log if name == "main"] == [
        b"/*!40101 SET NAMES utf8mb4 */", b"set autocommit=0", b"/*!40000 ALTER TABLE `t` DISABLE KEYS */",
        b"/*!40000 ALTER TABLE `t` ENABLE KEYS */", b"commit",
    ]  # fmt: skip


def test_what_a_lane_cannot_send_fails_the_loading_and_closes_all():
    log: list[tuple[str, bytes]] = []
    sessions = [FakeSession(f"lane {n}", log) for n in range(2)]
    with pytest.raises(StatementFailed, match="refused"), lanes(sessions, send) as made:
        spread(FakeSession("main", log), [rows(b"INSERT bad"), other(b"CREATE VIEW v")], made, send)
    assert (all(session.closed for session in sessions), log) == (True, [])


def test_lanes_that_are_busy_are_broken_off_when_the_loading_fails():
    log: list[tuple[str, bytes]] = []
    busy = FakeSession("lane 0", log, threading.Event())

    def begun_and_failed():
        yield rows(b"INSERT 1")
        raise StatementFailed("the dump is cut")

    with pytest.raises(StatementFailed, match="cut"), lanes([busy], send) as made:
        spread(FakeSession("main", log), begun_and_failed(), made, send)
    assert busy.closed
