"""Nothing that a dump holds connects to anything while it is drilled: a socket that listens hears nothing."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.engines.scratch import scratch_server
from python_backup.engines.table import ENGINES
from python_backup.jobs.checks import DrillCheck
from python_backup.jobs.drill import DrillReport, DrillRequest, drill
from python_backup.jobs.ground import Grounds
from support.servers import RunningServer, instance_for
from support.silence import Silence


@dataclass
class Ear:
    """A port on which nobody is to knock."""

    listening: socket.socket
    port: int = field(init=False)

    def __post_init__(self) -> None:
        self.port = self.listening.getsockname()[1]

    @property
    def heard(self) -> bool:
        return bool(select.select([self.listening], [], [], 0.3)[0])


@pytest.fixture
def ear() -> Iterator[Ear]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield Ear(listening)


def drilled(server: RunningServer, dump: Path, *checks: str) -> DrillReport:
    asked = tuple(DrillCheck("drill", sql, "> 0") for sql in checks)
    request = DrillRequest(dump, grounds=Grounds(programs=(Path(server.bin),)), checks=asked)
    return drill(request, Silence(), lambda: datetime.now(UTC))


POSTGRESQL = {
    "a subscription": (
        (
            "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port={port} dbname=x' PUBLICATION p"
            " WITH (connect = false, slot_name = NONE);"
        ),
        "select count(*) from t",
    ),
    "a subscription that is enabled": (
        (
            "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port={port} dbname=x' PUBLICATION p"
            " WITH (connect = false, slot_name = 's');\nALTER SUBSCRIPTION s ENABLE;"
        ),
        "select pg_sleep(1)",
    ),
    "a foreign table, asked": (
        (
            "CREATE EXTENSION postgres_fdw;\n"
            "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}');\n"
            "CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'x', password 'y');\n"
            "CREATE FOREIGN TABLE f (n int) SERVER far;\nCREATE VIEW v AS SELECT * FROM f;"
        ),
        "select count(*) from v",
    ),
    "a materialized view of a foreign table": (
        (
            "CREATE EXTENSION postgres_fdw;\n"
            "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}');\n"
            "CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'x', password 'y');\n"
            "CREATE FOREIGN TABLE f (n int) SERVER far;\n"
            "CREATE MATERIALIZED VIEW m AS SELECT * FROM f WITH NO DATA;\nREFRESH MATERIALIZED VIEW m;"
        ),
        "select count(*) from m",
    ),
    "dblink, asked": (
        (
            "CREATE EXTENSION dblink;\nCREATE VIEW v AS SELECT * FROM dblink("
            "'host=127.0.0.1 port={port} user=x password=y dbname=z', 'select 1') AS d (n int);"
        ),
        "select count(*) from v",
    ),
    "dblink in a trigger": (
        (
            "CREATE EXTENSION dblink;\nCREATE FUNCTION out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " PERFORM dblink_connect('host=127.0.0.1 port={port} user=x password=y dbname=z');"
            " RETURN NEW; END $$;\n"
            "CREATE TRIGGER out BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION out();\n"
            "INSERT INTO t VALUES (9);"
        ),
        "select count(*) from t",
    ),
}


@pytest.mark.sweep
@pytest.mark.parametrize("what", POSTGRESQL)
def test_nothing_in_a_dump_of_postgresql_connects_to_anything(
    postgresql_server: RunningServer, what: str, ear: Ear, tmp_path: Path
) -> None:
    made, asked = POSTGRESQL[what]
    dump = tmp_path / "dump.sql"
    dump.write_text(
        f"CREATE TABLE t (n int);\nINSERT INTO t VALUES (1), (2);\n{made.replace('{port}', str(ear.port))}\n"
    )
    report = drilled(postgresql_server, dump, asked)
    assert not ear.heard
    assert report.server is not None


MYSQL = {
    "a federated table": "CREATE TABLE f (n int) ENGINE=FEDERATED CONNECTION='mysql://x:y@127.0.0.1:{port}/d/t';",
    "a table of CONNECT": (
        "CREATE TABLE f (n int) ENGINE=CONNECT TABLE_TYPE=MYSQL DBNAME=d TABNAME=t"
        " OPTION_LIST='host=127.0.0.1,port={port},user=x,password=y';"
    ),
    "a table of SPIDER": (
        'CREATE TABLE f (n int) ENGINE=SPIDER COMMENT=\'wrapper "mysql", host "127.0.0.1",'
        ' port "{port}", user "x", password "y", table "t"\';'
    ),
    "a server for federated tables": (
        "CREATE SERVER far FOREIGN DATA WRAPPER mysql"
        " OPTIONS (HOST '127.0.0.1', PORT {port}, USER 'x', PASSWORD 'y', DATABASE 'd');\n"
        "CREATE TABLE f (n int) ENGINE=FEDERATED CONNECTION='far';"
    ),
    "replication": "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port};\nSTART SLAVE;",
    "a plugin": "INSTALL SONAME 'ha_federatedx';",
}


@pytest.mark.sweep
@pytest.mark.parametrize("what", MYSQL)
def test_nothing_in_a_dump_of_mysql_connects_to_anything(
    mysql_server: RunningServer, what: str, ear: Ear, tmp_path: Path
) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_text(
        f"-- Server version\t{mysql_server.version}-{mysql_server.dbms}\nCREATE TABLE `t` (`n` int);\n"
        f"INSERT INTO `t` VALUES (1),(2);\n{MYSQL[what].replace('{port}', str(ear.port))}\n"
    )
    report = drilled(mysql_server, dump, "select count(*) from f")
    assert not ear.heard
    assert report.server is not None


def test_events_do_not_run_in_a_drill(mysql_server: RunningServer, tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_text(
        f"-- Server version\t{mysql_server.version}-{mysql_server.dbms}\nCREATE TABLE `t` (`n` int);\n"
        "INSERT INTO `t` VALUES (1),(2);\n"
        "CREATE EVENT `e` ON SCHEDULE EVERY 1 SECOND DO DELETE FROM `t`;\n"
    )
    report = drilled(mysql_server, dump, "select count(*) - 1 + sleep(1.5) from t")
    assert [check.found for check in report.checks] == ["1.0"] or [c.found for c in report.checks] == ["1"]


def test_a_throw_away_server_has_no_network_at_all(postgresql_server: RunningServer) -> None:
    dbms = instance_for(postgresql_server).dbms
    engine = ENGINES[dbms]
    program = engine.programs((Path(postgresql_server.bin),))[0]
    with scratch_server(engine, program) as server:
        if not server.apart:
            pytest.skip("this system allows no namespaces: what stays is that nothing asks for a connection")
        found = engine.connect(server.instance)
        try:
            found.answer("postgres", "create temp table net (line text)")
            answered = found.answer("postgres", "select pg_read_file('/proc/self/net/dev')")
        finally:
            found.close()
    names = [line.partition(":")[0].strip() for line in str(answered[0][0]).splitlines()[2:]]
    assert names == ["lo"]
