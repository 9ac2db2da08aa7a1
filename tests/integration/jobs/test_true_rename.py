"""A database restored under another name goes nowhere near its source, wherever the source was named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from python_backup.jobs.in_place import InPlace, Safety
from python_backup.jobs.rollback import roll_back
from support import databases
from support.jobs import backed_up, restored
from support.servers import RunningServer, instance_for
from support.silence import Silence

TABLES = """
CREATE TABLE t (a INT PRIMARY KEY, c INT)
---
CREATE TABLE log (x VARCHAR(200))
---
CREATE TABLE SOURCE (a INT, c INT)
---
CREATE TABLE kid (a INT, FOREIGN KEY (a) REFERENCES SOURCE.t (a))
---
INSERT INTO t VALUES (1, 1), (2, 2)
---
CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC RETURN x + 1
---
CREATE PROCEDURE w(x VARCHAR(200)) INSERT INTO log VALUES (x)
"""
VIEWS = (
    "SELECT SOURCE.t.a, SOURCE.f(t.a) AS f FROM SOURCE.t",
    "SELECT SOURCE.a FROM t AS SOURCE",
    "WITH SOURCE AS (SELECT 1 AS a) SELECT SOURCE.a FROM SOURCE",
    "SELECT SOURCE.a, SOURCE.c FROM SOURCE.t AS SOURCE",
    "SELECT SOURCE.a, SOURCE.c FROM SOURCE.SOURCE",
    "SELECT a FROM SOURCE.t UNION SELECT SOURCE.a FROM (SELECT a FROM SOURCE.t) AS SOURCE",
)
BODIES = (
    "BEGIN INSERT INTO SOURCE.log VALUES ('a'); CALL SOURCE.w('b'); SET @x = SOURCE.f(1); DO SOURCE.f(2); END",
    (
        "BEGIN IF SOURCE.f(1) > 1 THEN INSERT SOURCE.log SET x='c'; END IF;"
        " CASE SOURCE.f(1) WHEN SOURCE.f(1) THEN INSERT SOURCE . log VALUES ('d'); END CASE; END"
    ),
    (
        "BEGIN UPDATE SOURCE.t SET SOURCE.t.c = SOURCE.t.c + 1 WHERE SOURCE.t.a = 1;"
        " UPDATE t AS q, SOURCE.t AS r SET r.c = 1 WHERE q.a = r.a;"
        " DELETE q FROM SOURCE.log AS q WHERE q.x = 'none'; DELETE SOURCE.log FROM SOURCE.log WHERE x = 'none'; END"
    ),
    (
        "BEGIN CREATE TEMPORARY TABLE IF NOT EXISTS SOURCE.one LIKE SOURCE.t; DROP TEMPORARY TABLE SOURCE.one;"
        " CREATE TEMPORARY TABLE two AS SELECT * FROM SOURCE.t; DROP TEMPORARY TABLE two; TRUNCATE SOURCE.SOURCE;"
        " ALTER TABLE SOURCE.SOURCE ADD COLUMN z INT, RENAME TO SOURCE.three;"
        " RENAME TABLE SOURCE.three TO SOURCE.SOURCE; ALTER TABLE SOURCE.SOURCE DROP COLUMN z; END"
    ),
    (
        "BEGIN SHOW TABLES FROM SOURCE; SHOW COLUMNS FROM t FROM SOURCE; SHOW TABLE STATUS IN SOURCE;"
        " SHOW CREATE TABLE SOURCE.t; SHOW INDEX FROM SOURCE.t; SHOW CREATE DATABASE SOURCE;"
        " SHOW TRIGGERS FROM SOURCE; SHOW EVENTS FROM SOURCE; CHECKSUM TABLE SOURCE.t, SOURCE.log; END"
    ),
    "BEGIN -- SOURCE.log\n INSERT INTO/**/SOURCE/**/./**/log VALUES ('e'); # SOURCE.log\n END",
    (
        "BEGIN DECLARE y INT; DECLARE c CURSOR FOR SELECT a FROM SOURCE.t; DECLARE EXIT HANDLER FOR NOT FOUND CALL SOURCE.w('f');"
        " OPEN c; SOURCE: LOOP FETCH c INTO y; END LOOP; END"
    ),
    (
        "COMMENT 'SOURCE.log' SELECT (SELECT MAX(SOURCE.t.a) FROM SOURCE.t JOIN (SOURCE.log, t t9) ON 1) AS m"
        " FROM SOURCE.t ORDER BY SOURCE.t.a"
    ),
)
MARIADB = (
    (
        "BEGIN DECLARE v ROW TYPE OF SOURCE.t; DECLARE w TYPE OF SOURCE.t.a; DECLARE x TYPE OF t.a; SET v.a = 1;"
        " FOR SOURCE IN (SELECT a FROM SOURCE.t) DO INSERT INTO SOURCE.log VALUES (SOURCE.a); END FOR; END"
    ),
    "BEGIN SELECT NEXT VALUE FOR SOURCE.sq, NEXTVAL(SOURCE.sq), SETVAL(SOURCE.sq, 50); INSERT INTO SOURCE.drawn () VALUES (); END",
)
MYSQL = (
    (
        "BEGIN TABLE SOURCE.t; INSERT INTO SOURCE.log TABLE SOURCE.log LIMIT 0; SELECT * FROM SOURCE.t FOR UPDATE OF t;"
        " WITH SOURCE AS (SELECT a FROM SOURCE.t) UPDATE SOURCE.t, SOURCE SET t.c = 1 WHERE t.a = SOURCE.a; END"
    ),
)
DRAWN = "CREATE TABLE drawn (a INT DEFAULT NEXT VALUE FOR SOURCE.sq, b INT DEFAULT nextval(SOURCE.sq))"


JSON_TABLE = "SELECT jt.j FROM SOURCE.t, JSON_TABLE('[1]', '$[*]' COLUMNS (j INT PATH '$')) AS jt"


def statements(server: RunningServer, source: str) -> list[str]:
    """What makes a database in which everything names it."""
    own = ["CREATE SEQUENCE sq", DRAWN] if server.dbms == "mariadb" else []
    made = [
        *TABLES.split("---"), *own, *(f"CREATE VIEW v{n} AS {view}" for n, view in enumerate(views(server))),
        *(f"CREATE PROCEDURE p{n}() {body}" for n, body in enumerate(bodies(server))),
        "CREATE TRIGGER SOURCE.g BEFORE INSERT ON SOURCE.t FOR EACH ROW CALL SOURCE.w('trigger')",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DO INSERT INTO SOURCE.log VALUES ('event')",
    ]  # fmt: skip
    return [statement.replace("SOURCE", databases.quoted(server, source)) for statement in made]


def views(server: RunningServer) -> list[str]:
    """The views that this server takes: JSON_TABLE came with MariaDB 10.6."""
    return [*VIEWS, *([] if server.version.startswith("10.5") else [JSON_TABLE])]


def bodies(server: RunningServer) -> list[str]:
    """The procedures that this server takes."""
    return [*BODIES, *(MARIADB if server.dbms == "mariadb" else MYSQL)]


def uses(server: RunningServer) -> list[str]:
    """What runs all of it."""
    reads = [f"SELECT * FROM v{n}" for n in range(len(views(server)))]
    return [*reads, *(f"CALL p{n}()" for n in range(len(bodies(server)))), "INSERT INTO t VALUES (3, 3)"]


def test_nothing_in_a_copy_needs_its_source(
    mysql_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    instance = instance_for(mysql_server)
    source, target = new_database(mysql_server, "shop"), new_database(mysql_server, "co`py", create=False)
    databases.execute(mysql_server, source, *statements(mysql_server, source))
    taken = backed_up(instance, source, tmp_path)
    report = restored(instance, taken.path, target)
    databases.drop(mysql_server, source)
    databases.execute(mysql_server, target, *uses(mysql_server))
    (event,) = databases.rows(mysql_server, target, "SHOW CREATE EVENT e")
    assert "DISABLE" in event[3]
    assert databases.quoted(mysql_server, source) not in event[3]
    assert any("a string names" in warning for warning in report.changes.warnings)


def test_what_names_its_database_is_replaced_and_put_back(
    mysql_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    instance, shop = instance_for(mysql_server), new_database(mysql_server, "shop")
    databases.execute(mysql_server, shop, *statements(mysql_server, shop))
    taken = backed_up(instance, shop, tmp_path)
    databases.execute(mysql_server, shop, "INSERT INTO SOURCE VALUES (7, 7)".replace("SOURCE", f"`{shop}`"))
    restored(instance, taken.path, shop, force=True)
    databases.execute(mysql_server, shop, *uses(mysql_server)[:-1])
    place = InPlace(instance, Safety(tmp_path / "safety"), Silence(), lambda: datetime.now(UTC))
    roll_back(instance, shop, place.now, place=place)  # before MariaDB 10.6, it is kept as a safety backup
    assert databases.scalar(mysql_server, shop, f"SELECT COUNT(*) FROM `{shop}`") == 1
    databases.execute(mysql_server, shop, *uses(mysql_server))
