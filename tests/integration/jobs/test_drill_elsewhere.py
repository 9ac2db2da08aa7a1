"""Tables whose rows are on another server: a drill makes them local, asks nobody, and says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pymysql
import pytest

from python_backup.jobs.checks import DrillCheck
from python_backup.jobs.drill import DrillReport, DrillRequest, drill
from python_backup.jobs.ground import Grounds
from python_backup.storage.proofs import Equality, Verdict
from support import databases
from support.jobs import backed_up
from support.servers import RunningServer, instance_for
from support.silence import Silence


def drilled(server: RunningServer, file: Path, checks: tuple[DrillCheck, ...] = ()) -> DrillReport:
    request = DrillRequest(file, grounds=Grounds(programs=(Path(server.bin),)), checks=checks)
    return drill(request, Silence(), lambda: datetime.now(UTC))


def told_of(report: DrillReport) -> list[str]:
    return [warning for warning in report.warnings if "another server" in warning]


BACKSLASH = chr(92)


def quoted(text: str) -> str:
    return text.replace("'", "''")


MYSQL = {
    "federated": "(`n` int NOT NULL, PRIMARY KEY (`n`)) ENGINE=FEDERATED DEFAULT CHARSET=utf8mb4"
    " CONNECTION='mysql://x:y@192.0.2.1:3306/d/t';",
    "connect": "(`n` int(4) NOT NULL `FLAG`=4, `t` varchar(9) DEFAULT NULL `FIELD_FORMAT`='x') ENGINE=CONNECT"
    " DEFAULT CHARSET=latin1 `TABLE_TYPE`='MYSQL' `DBNAME`='d' `OPTION_LIST`='host=192.0.2.1';\n"
    "INSERT INTO `f` VALUES (1,'a'),(2,NULL);",
    "spider": "(`n` int(11) NOT NULL) ENGINE=SPIDER DEFAULT CHARSET=utf8mb4 COMMENT='wrapper \"mysql\"'\n"
    " PARTITION BY KEY (`n`)\n(PARTITION `p` COMMENT = 'srv \"far\"' ENGINE = SPIDER);",
}


@pytest.mark.parametrize("engine", MYSQL)
def test_a_table_elsewhere_is_made_local_with_what_the_dump_has_of_it(
    mysql_server: RunningServer, engine: str, tmp_path: Path
) -> None:
    dump = tmp_path / "shop.sql"
    dump.write_text(
        f"-- Server version\t{mysql_server.version}-{mysql_server.dbms}\n"
        "CREATE TABLE `t` (`n` int);\nINSERT INTO `t` VALUES (1);\n"
        f"CREATE TABLE `f` {MYSQL[engine]}\nCREATE VIEW `v` AS SELECT `n` FROM `f`;\n"
    )
    rows = 2 if "INSERT" in MYSQL[engine] else 0
    asked = (DrillCheck("drill", "select count(*) from v", f"= {rows}"),)
    report = drilled(mysql_server, dump, asked)
    assert (report.reason, report.verdict) == (None, Verdict.PROVEN)
    assert [(t.table, t.found) for t in report.tables] == [("f", rows), ("t", 1)]
    assert told_of(report) == ["table f is made without what it has on another server; it is not checked"]


HIDDEN = (
    "CREATE TABLE `f` (`n` int) /*!50000 ENGINE=FEDERATED CONNECTION='mysql://x@192.0.2.1/d/t' */;",
    "/*!50000 CREATE TABLE `f` (`n` int) ENGINE=FEDERATED CONNECTION='mysql://x@192.0.2.1/d/t' */;",
    "CREATE TABLE `f` (`n` int /*!99999 ) ENGINE=InnoDB */ ) ENGINE=FEDERATED CONNECTION='mysql://x@192.0.2.1/d/t';",
    "CREATE TABLE `f` (`n` int);\nALTER TABLE `f` ENGINE=FEDERATED CONNECTION='mysql://x@192.0.2.1/d/t';",
)


def test_what_is_hidden_is_made_local_or_refused(mysql_server: RunningServer, tmp_path: Path) -> None:
    for number, statement in enumerate(HIDDEN):
        dump = tmp_path / f"{number}.sql"
        dump.write_text(f"-- Server version\t{mysql_server.version}-{mysql_server.dbms}\n{statement}\n")
        report = drilled(mysql_server, dump)
        assert (report.verdict is Verdict.FAILED) == (not told_of(report)), report


def test_a_backup_with_federated_tables_is_proven(
    private_mysql_server: RunningServer, tmp_path: Path
) -> None:
    server, database = private_mysql_server, "shop"
    if server.dbms != "mariadb":
        pytest.skip("MySQL has FEDERATED only when it is started with it")
    try:
        databases.execute(server, None, "INSTALL SONAME 'ha_federatedx'")
    except pymysql.err.MySQLError as exc:
        if "already" not in str(exc) and exc.args[0] != 1968:
            pytest.skip(f"there is no FEDERATED here: {exc}")
    databases.create(server, database)
    try:
        databases.execute(
            server,
            database,
            "CREATE TABLE t (n int PRIMARY KEY)",
            "INSERT INTO t VALUES (1), (2)",
            "CREATE OR REPLACE SERVER far FOREIGN DATA WRAPPER mysql OPTIONS"
            f" (HOST 'localhost', SOCKET '{server.socket}', USER '{server.superuser}', PASSWORD '{quoted(server.password).replace(BACKSLASH, BACKSLASH * 2)}',"
            f" DATABASE '{database}')",
            "CREATE TABLE f (n int PRIMARY KEY) ENGINE=FEDERATED CONNECTION='far/t'",
            "CREATE VIEW v AS SELECT * FROM f",
        )
        result = backed_up(instance_for(server), database, tmp_path)
    finally:
        databases.drop(server, database)
    assert result.path is not None, result.error
    report = drilled(server, result.path)
    assert (report.reason, report.verdict) == (None, Verdict.PROVEN)
    assert told_of(report) == ["table f is made without what it has on another server; it is not checked"]


POSTGRESQL = """
CREATE EXTENSION postgres_fdw;
CREATE SERVER "Far away" FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{socket}', port '{port}', dbname '{database}');
CREATE USER MAPPING FOR CURRENT_USER SERVER "Far away" OPTIONS (user '{user}', password '{password}');
CREATE FOREIGN TABLE f (n int OPTIONS (column_name 'n') NOT NULL, what text DEFAULT 'x, y', CONSTRAINT small CHECK (n < 9))
  SERVER "Far away" OPTIONS (schema_name 'far', table_name 't');
COMMENT ON FOREIGN TABLE f IS 'on a foreign table on a server';
COMMENT ON COLUMN f.n IS 'number';
CREATE VIEW v AS SELECT * FROM f;
CREATE MATERIALIZED VIEW m AS SELECT * FROM f;
CREATE INDEX m_n ON m (n);
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER noted BEFORE INSERT ON f FOR EACH ROW EXECUTE FUNCTION noted();
CREATE TABLE parts (n int, what text) PARTITION BY RANGE (n);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (5);
CREATE FOREIGN TABLE parts_2 PARTITION OF parts FOR VALUES FROM (5) TO (9) SERVER "Far away" OPTIONS (table_name 't');
INSERT INTO parts VALUES (1, 'here');
"""


def test_a_backup_with_foreign_tables_is_proven(
    postgresql_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    server = postgresql_server
    there = databases.rows(server, None, "SELECT 1 FROM pg_available_extensions WHERE name = 'postgres_fdw'")
    if not there:
        pytest.skip("there is no postgres_fdw here")
    database = new_database(server, "shop")
    script = POSTGRESQL.format(
        socket=server.socket or server.host, port=server.port, database=database,
        user=server.superuser, password=quoted(server.password),
    )  # fmt: skip
    databases.execute(
        server,
        database,
        "CREATE SCHEMA far",
        "CREATE TABLE far.t (n int PRIMARY KEY, what text)",
        "INSERT INTO far.t VALUES (1, 'a'), (2, 'b')",
        script,
    )
    result = backed_up(instance_for(server), database, tmp_path)
    assert result.path is not None, result.error
    asked = (
        DrillCheck(database, "select count(*) from v", "= 0"),
        DrillCheck(
            database,
            "select coalesce(array_to_string(srvoptions, ','), '-') from pg_foreign_server",
            "host=/nowhere",
        ),
    )
    report = drilled(server, result.path, asked)
    assert (report.reason, report.verdict) == (None, Verdict.PROVEN)
    assert {t.table: t.equality for t in report.tables} == {
        "far.t": Equality.IDENTICAL,
        "public.parts_1": Equality.IDENTICAL,
        "public.parts": Equality.IDENTICAL,
    }
    assert sorted(told_of(report)) == [
        "foreign table public.f is made without what it has on another server; it is not checked",
        "foreign table public.parts_2 is made without what it has on another server; it is not checked",
        'server "Far away" is made without what it has on another server; it is not checked',
    ]
