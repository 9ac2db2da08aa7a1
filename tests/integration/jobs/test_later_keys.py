"""Keys made after the rows, when a backup in parts is restored: SHOW CREATE TABLE stays what it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from integration.jobs.test_parts import good, in_parts
from integration.jobs.test_resumed import Stage
from python_backup.dump.mysql.later import missing
from python_backup.engines.mysql import later as later_keys
from python_backup.engines.mysql.connection import Session, open_session
from python_backup.engines.mysql.later import MysqlLaterKeys
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.engines.parts import Later
from python_backup.errors import FactsDiffer, StatementFailed
from support import databases
from support.servers import RunningServer, instance_for

Name = Callable[..., str]

BOTH = (
    """CREATE TABLE every (
    id INT NOT NULL AUTO_INCREMENT, a INT, b VARCHAR(40), c TEXT, d VARCHAR(20) NOT NULL, `e``,( f` INT, g INT,
    v INT AS (a + 1) VIRTUAL, s INT AS (a + 2) STORED, p POINT NOT NULL, z BINARY(2) DEFAULT x'FFFE',
    UNIQUE KEY u (d, a), KEY `k``,( 1` (`e``,( f`), PRIMARY KEY (id), KEY desc_ (a DESC, b ASC), KEY pre (c(7), b(3)),
    KEY said (g) COMMENT 'it''s "1", KEY x (y)\\\\ ünï', FULLTEXT KEY f (b), KEY block (a) KEY_BLOCK_SIZE=4,
    KEY tree USING BTREE (b), KEY twice (a), KEY `select` (g, a, b, id) USING BTREE COMMENT 'x' KEY_BLOCK_SIZE=8
    ) AUTO_INCREMENT=9000 COMMENT='a, AUTO_INCREMENT=5 (' DEFAULT CHARSET=utf8mb4""",
    """CREATE TABLE mixed (id INT PRIMARY KEY, a INT, n INT AUTO_INCREMENT, p POINT NOT NULL, v INT AS (a + 1) VIRTUAL,
    KEY k1 (a), KEY k2 (n), KEY k3 (a, n), SPATIAL KEY s (p), KEY k4 (a), KEY kv (v), KEY k5 (a), KEY k6 (a, id))""",
    "CREATE TABLE parent (id INT PRIMARY KEY, c INT, d INT, KEY by_c (c), KEY by_d (d), KEY by_dc (d, c))",
    """CREATE TABLE child (id INT PRIMARY KEY, p INT, q INT, r INT, KEY own (q), KEY far (q, r),
    FOREIGN KEY (p) REFERENCES parent (id), KEY more (r))""",
    """CREATE TABLE split (id INT PRIMARY KEY, a INT, KEY k (a)) PARTITION BY HASH (id) PARTITIONS 2""",
    """CREATE TABLE packed (id INT PRIMARY KEY, a INT, b INT, KEY k (a) KEY_BLOCK_SIZE=4, KEY l (b))
    ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8""",
    "CREATE TABLE other (id INT PRIMARY KEY, a INT, KEY k (a)) ENGINE=MyISAM",
    "CREATE TABLE none (a INT, b INT, KEY k (a), KEY l (b))",
)
BY_FAMILY = {
    "mysql": (
        """CREATE TABLE own (id INT PRIMARY KEY, a INT, t VARCHAR(30), j JSON, KEY h (a) INVISIBLE, KEY f ((a + 1)),
        FULLTEXT KEY g (t) WITH PARSER ngram, KEY m ((CAST(j AS UNSIGNED ARRAY))), KEY w (a) INVISIBLE COMMENT 'x',
        KEY v (t) VISIBLE)""",
        "CREATE TABLE hidden (id INT PRIMARY KEY, a INT, b INT, KEY one (a), KEY two (b) INVISIBLE, KEY three (b, a))",
    ),
    "mariadb": (
        """CREATE TABLE own (id INT PRIMARY KEY, a INT, t VARCHAR(30), KEY l (t) USING HASH, UNIQUE KEY long_ (t) USING HASH,
        KEY w (a) COMMENT 'x')""",
        """CREATE TABLE pages (id INT PRIMARY KEY, a INT, b INT, KEY one (a), KEY two (b, a)) PAGE_COMPRESSED=1""",
    ),
}
NEWER = {
    (
        10,
        6,
    ): "CREATE TABLE ignored (id INT PRIMARY KEY, a INT, b INT, KEY one (a) IGNORED, KEY two (b, a) NOT IGNORED)",
    (10, 8): "CREATE TABLE falls (id INT PRIMARY KEY, a INT, b INT, KEY one (a DESC), KEY two (b, a DESC))",
    (
        11,
        8,
    ): "CREATE TABLE places (id INT PRIMARY KEY, a INT, v VECTOR(2) NOT NULL, KEY k (a), VECTOR (v) M=8, KEY l (a, id))",
}


def tables_of(server: RunningServer) -> tuple[str, ...]:
    newer = (sql for least, sql in NEWER.items() if server.dbms == "mariadb" and server.major >= least)
    return (*BOTH, *BY_FAMILY[server.dbms], *newer)


def shown(server: RunningServer, database: str) -> dict[str, bytes]:
    """What the server shows of each table."""
    with closing(databases.connection(server, database)) as link, link.cursor() as cursor:
        cursor.execute("SET character_set_results = binary")
        cursor.execute("SHOW FULL TABLES WHERE table_type = 'BASE TABLE'")
        names = [name.decode() if isinstance(name, bytes) else name for name, _ in cursor.fetchall()]
        found = {}
        for name in names:
            cursor.execute(f"SHOW CREATE TABLE `{name}`")
            [(_, text)] = cursor.fetchall()
            found[name] = text.encode() if isinstance(text, str) else text
        return found


def keys_of(server: RunningServer, database: str) -> MysqlLaterKeys:
    return MysqlLaterKeys(lambda: open_session(instance_for(server), database), database)


TAKEN = {
    "every": 8, "mixed": 2, "parent": 3, "child": 1, "split": 0, "packed": 2, "other": 0, "none": 2, "hidden": 3,
    "pages": 2, "ignored": 2, "falls": 2, "places": 0, "own": 0,
}  # fmt: skip
"""How many keys of each table are made later."""

ROWS = (
    "INSERT INTO every (a, b, c, d, p) VALUES (1, 'x', 'text', 'd', POINT(1, 2)), (2, NULL, 'more', 'e', POINT(3, 4))",
    "INSERT INTO none VALUES (1, 2), (1, 2), (NULL, 3)",
    "INSERT INTO packed VALUES (1, 2, 3), (2, 2, 3)",
    "INSERT INTO parent VALUES (1, 2, 3), (2, 2, 3)",
    "INSERT INTO child VALUES (1, 1, 3, 4), (2, NULL, 3, 4)",
)


def test_every_kind_of_key_is_shown_as_before(
    mysql_server: RunningServer, new_database: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(later_keys, "LEAST", 0)
    name = new_database(mysql_server, "keys")
    databases.execute(mysql_server, name, "SET SESSION sql_mode = ''", *tables_of(mysql_server))
    before = shown(mysql_server, name)
    keys = keys_of(mysql_server, name)
    taken = keys.take_off(dict.fromkeys(before, 1))
    less = shown(mysql_server, name)
    expected = {one: TAKEN[one] for one in before}
    if mysql_server.dbms == "mysql":
        expected["mixed"] = 0  # it lists the spatial key last
    assert {one: len(missing(whole, less[one])) for one, whole in before.items()} == expected
    databases.execute(mysql_server, name, *ROWS)
    for one in taken:
        keys.make(one)
        keys.make(one)
    after = shown(mysql_server, name)
    assert after.pop("every").replace(b"AUTO_INCREMENT=9002", b"AUTO_INCREMENT=9000") == before.pop("every")
    assert after == before


def test_small_tables_and_empty_names_are_left_alone(
    family_server: RunningServer, new_database: Name
) -> None:
    if family_server.family != "mysql":
        pytest.skip("the dumps of PostgreSQL make keys after the rows by themselves")
    name = new_database(family_server, "small")
    databases.execute(family_server, name, "CREATE TABLE small (id INT PRIMARY KEY, a INT, KEY (a))")
    before = shown(family_server, name)
    assert keys_of(family_server, name).take_off({"small": later_keys.LEAST - 1, "gone": 1 << 40}) == ()
    assert shown(family_server, name) == before


def test_a_table_that_is_not_what_it_was_is_told(family_server: RunningServer, new_database: Name) -> None:
    if family_server.family != "mysql":
        pytest.skip("the dumps of PostgreSQL make keys after the rows by themselves")
    name = new_database(family_server, "changed")
    databases.execute(family_server, name, "CREATE TABLE t (id INT PRIMARY KEY, a INT, KEY (a))")
    keys = keys_of(family_server, name)
    [one] = keys.take_off({"t": later_keys.LEAST})
    databases.execute(family_server, name, "ALTER TABLE t ADD KEY early (id, a)")
    with pytest.raises(FactsDiffer, match="table t: with its keys, the server shows another definition"):
        keys.make(one)


def test_a_key_that_cannot_be_sorted_in_place_is_made_by_copying(
    family_server: RunningServer, new_database: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    if family_server.family != "mysql":
        pytest.skip("the dumps of PostgreSQL make keys after the rows by themselves")
    name = new_database(family_server, "copied")
    databases.execute(
        family_server, name, "CREATE TABLE t (id INT PRIMARY KEY, a INT, KEY (a)) AUTO_INCREMENT=7"
    )
    before = shown(family_server, name)
    keys = keys_of(family_server, name)
    [one] = keys.take_off({"t": later_keys.LEAST})
    databases.execute(family_server, name, "INSERT INTO t VALUES (1, 2), (2, 1)")
    send, sent = Session.send, []

    def full(self: Session, statement: bytes) -> int:
        sent.append(statement)
        if b"INPLACE" in statement:
            raise ServerSaid(1878, "Temporary file write failure.")
        return send(self, statement)

    monkeypatch.setattr(Session, "send", full)
    keys.make(one)
    assert len(sent) == 2
    assert shown(family_server, name) == before


WAITING = (
    "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE '%metadata lock%' AND db = '{}'"
)


@pytest.fixture
def stage(
    dbms_server: RunningServer, new_database: Name, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    if dbms_server.family != "mysql":
        pytest.skip("the dumps of PostgreSQL make keys after the rows by themselves")
    monkeypatch.setattr(later_keys, "LEAST", 0)
    source = new_database(dbms_server, "source")
    rows = "INSERT INTO {} (a, b) VALUES (1, 'x'), (2, 'y'), (2, 'z')"
    table = "CREATE TABLE {} (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(9), UNIQUE u (b), KEY k (a), KEY l (b))"
    made = (sql.format(name) for name in ("one", "two") for sql in (table, rows))
    seen = "CREATE VIEW seen AS SELECT * FROM one"
    databases.execute(
        dbms_server, source, *made, seen, "CREATE TRIGGER t BEFORE INSERT ON two FOR EACH ROW SET @a = 1"
    )
    instance = instance_for(dbms_server)
    path, manifest = good(in_parts(instance, source, tmp_path))
    return Stage(dbms_server, instance, path, manifest, new_database(dbms_server, "target", create=False))


def test_a_restore_that_was_ended_amid_its_keys_goes_on_with_them(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One table's ALTER waits for a lock; the other's fails: all is ended at once, and what is in is kept."""
    make, server = MysqlLaterKeys.make, stage.server
    holders = []

    def stuck(self: MysqlLaterKeys, later: Later) -> None:
        if later.table == "one":
            holders.append(databases.connection(server, self.database))
            cursor = holders[0].cursor()
            cursor.execute("BEGIN")
            cursor.execute("SELECT * FROM one")
            make(self, later)
        while not databases.scalar(server, None, WAITING.format(self.database)):
            time.sleep(0.01)
        raise StatementFailed("table two: no room")

    with monkeypatch.context() as patch:
        patch.setattr(MysqlLaterKeys, "make", stuck)
        with pytest.raises(StatementFailed, match="no room"):
            stage.restore()
    [kept] = stage.beside()
    assert databases.scalar(server, None, WAITING.format(kept)) == 0
    assert b"KEY `k`" not in shown(server, kept)["one"]
    holders[0].close()
    made: list[str] = []
    monkeypatch.setattr(MysqlLaterKeys, "make", lambda self, one: (made.append(one.table), make(self, one)))
    report = stage.restore()
    assert report.equal, report.comparison
    assert sorted(made) == ["one", "two"]
    assert any(told.startswith(f"goes on with {kept}: ") for told in report.warnings)
    for table in ("one", "two"):
        assert (
            b"UNIQUE KEY `u` (`b`),\n  KEY `k` (`a`),\n  KEY `l` (`b`)\n"
            in shown(server, stage.target)[table]
        )
    assert stage.beside() == []


def test_without_resume_what_failed_leaves_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: MysqlLaterKeys, later: Later) -> None:
        raise StatementFailed(f"table {later.table}: no room")

    monkeypatch.setattr(MysqlLaterKeys, "make", fails)
    with pytest.raises(StatementFailed, match="no room"):
        stage.restore(resume=False)
    assert stage.beside() == []
    assert stage.target not in databases.names(stage.server)
