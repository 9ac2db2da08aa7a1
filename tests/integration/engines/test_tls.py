"""TLS against servers that demand it, and a client certificate; through the driver and the dump tool alike.

Each server has a certificate for 127.0.0.1, of an authority of its own, and takes another one when it is told.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integration.jobs.test_parts import good, in_parts
from python_backup.engines.postgresql import copying, psql
from python_backup.engines.table import ENGINES
from python_backup.errors import ConfigError, ConnectionFailed, ServerError, ToolFailed
from python_backup.instance import Instance, Tls, TlsMode
from python_backup.jobs.restore import RestoreRequest, restore
from python_backup.model import Check, Verdict
from support import databases
from support.certificates import Authority
from support.jobs import backed_up, copied, facts
from support.keeper import ACCOUNT
from support.programs import found_programs, newest_of_each
from support.servers import RunningServer, instance_for
from support.silence import Silence
from support.stoppable import lone_server

DOUBLE = "INSERT INTO t SELECT id + {}, v FROM t"
CLIENT = "postgres"
"""The client certificate's name: the account's, as PostgreSQL's verify-full asks."""


@dataclass
class Secured:
    """A server that demands TLS and a client certificate, and all certificates that there are."""

    server: RunningServer
    folder: Path
    own: Path
    authority: Authority

    def expire(self) -> None:
        """Has the server show a certificate that has expired; MySQL takes it only while it has not."""
        lasts = timedelta(seconds=3 if self.server.dbms == "mysql" else -60)
        self.authority.issue("expired", "server", address="127.0.0.1", lasts=lasts)
        self.use("expired")
        time.sleep(max(0.0, lasts.total_seconds() + 1))

    def use(self, name: str) -> None:
        """Has the server show this certificate from now on."""
        for ending in ("crt", "key"):
            _given(self.folder / f"{name}.{ending}", self.own / f"server.{ending}")
        again = {
            "postgresql": ["SELECT pg_reload_conf()"],
            "mysql": ["ALTER INSTANCE RELOAD TLS"],
            "mariadb": ["FLUSH SSL"],
        }[self.server.dbms]
        databases.execute(self.server, None, *again)

    def instance(self, mode: TlsMode = TlsMode.VERIFY_FULL, **tls: Any) -> Instance:
        """The server with the right certificates, but for what is given."""
        right = {
            "ca": self.folder / "ca.pem",
            "cert": self.folder / "client.crt",
            "key": self.folder / "client.key",
        }
        return replace(
            instance_for(self.server), tls=Tls(mode, **{**right, **tls}),
            username="postgres" if self.server.family == "postgresql" else "certified",
        )  # fmt: skip


def _given(source: Path, target: Path) -> None:
    """A copy that the server's account can read and nobody else."""
    part = target.with_name(target.name + ".part")
    shutil.copy(source, part)
    part.chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(part, ACCOUNT, pwd.getpwnam(ACCOUNT).pw_gid)
    part.rename(target)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The newest server of each kind."""
    if "secured" in metafunc.fixturenames:
        newest = newest_of_each(found_programs())
        ids = [program.id for program in newest]
        metafunc.parametrize("secured", newest, ids=ids, indirect=True, scope="module")


@pytest.fixture(scope="module")
def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder, own = (
        tmp_path_factory.mktemp("certificates"),
        Path(f"/tmp/vyat-{os.getpid()}-{request.param.dbms}"),
    )
    authority, other = Authority.made(folder, "ca"), Authority.made(folder, "other")
    authority.issue("server", "server", address="127.0.0.1")
    authority.issue("client", CLIENT)
    authority.issue("client-expired", CLIENT, lasts=timedelta(days=-1))
    other.issue("stranger", CLIENT)
    own.mkdir(mode=0o755)
    try:
        _given(authority.file, own / "ca.pem")
        for name in ("server.crt", "server.key"):
            _given(folder / name, own / name)
        files = {"ca": own / "ca.pem", "cert": own / "server.crt", "key": own / "server.key"}
        if request.param.family == "postgresql":
            options = [w for k, v in files.items() for w in ("-c", f"ssl_{k}_file={v}")] + ["-c", "ssl=on"]
        else:
            options = [f"--ssl-{k}={v}" for k, v in files.items()] + ["--require-secure-transport=ON"]
        with lone_server(request.param, options) as one:
            _demand(one.server)
            yield Secured(one.server, folder, own, authority)
    finally:
        shutil.rmtree(own)


def _demand(server: RunningServer) -> None:
    """Only who shows a certificate may log in over the network."""
    if server.family == "postgresql":
        ((hba,),) = databases.rows(server, None, "SHOW hba_file")
        Path(hba).write_text(
            "local all all trust\nhostssl all all all scram-sha-256 clientcert=verify-full\n"
        )
        databases.execute(server, None, "SELECT pg_reload_conf()")
        return
    password = server.password.replace("\\", "\\\\").replace("'", "''")
    databases.execute(
        server, None, f"CREATE USER certified@'%' IDENTIFIED BY '{password}' REQUIRE X509",
        "GRANT ALL ON *.* TO certified@'%' WITH GRANT OPTION",
    )  # fmt: skip


@pytest.mark.parametrize("mode", [TlsMode.REQUIRE, TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL])
def test_a_backup_and_a_restore_go_through_with_a_client_certificate(
    secured: Secured, new_database: Callable[..., str], tmp_path: Path, mode: TlsMode
) -> None:
    source = new_database(secured.server, "source")
    databases.execute(
        secured.server, source, "CREATE TABLE t (id INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)"
    )
    target = new_database(secured.server, "target", create=False)
    copied(secured.instance(mode), source, target, tmp_path)
    assert databases.scalar(secured.server, target, "SELECT count(*) FROM t") == 2


def test_a_backup_in_parts_goes_over_connections_that_are_all_encrypted(
    secured: Secured, new_database: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of PostgreSQL are read off the socket where they come in clear; here libpq alone can read, in psql."""
    source = new_database(secured.server, "source")
    many = {
        "postgresql": ["INSERT INTO t SELECT i, repeat(md5(i::text), 9) FROM generate_series(1, 4096) i"],
        "mysql": ["INSERT INTO t VALUES (1, REPEAT('a', 300))", *[DOUBLE.format(1 << n) for n in range(12)]],
    }[secured.server.family]
    databases.execute(secured.server, source, "CREATE TABLE t (id INT PRIMARY KEY, v TEXT)", *many)
    read: list[str] = []
    monkeypatch.setattr(copying, "copied", lambda *_: read.append("by this process"))
    rows = psql.Psql.rows
    monkeypatch.setattr(psql.Psql, "rows", lambda *given: (read.append("by psql"), rows(*given))[1])
    path, manifest = good(in_parts(secured.instance(), source, tmp_path))
    assert [(table.name.split(".")[-1], table.rows) for table in manifest.facts.tables] == [("t", 4096)]
    single = facts(backed_up(secured.instance(), source, tmp_path))
    assert [t.digest for t in manifest.facts.tables] == [t.digest for t in single.tables]
    assert read == (["by psql"] if secured.server.family == "postgresql" else [])
    target = new_database(secured.server, "target", create=False)
    request = RestoreRequest(path, secured.instance(), target, jobs=2)
    assert restore(request, lambda _: False, Silence(), lambda: datetime.now(UTC)).equal


FAULTS = {
    "no authority's file": ({"ca": "none.pem"}, r"tls\.ca: .*none\.pem' cannot be read: No such file"),
    "no certificate's file": ({"cert": "none.crt"}, r"tls\.cert: .*none\.crt' cannot be read"),
    "no certificate in a file": ({"ca": "client.key"}, r"tls\.ca: .*holds no certificate"),
    "a key of another certificate": ({"key": "stranger.key"}, r"tls\.key: .* is not the key of tls\.cert"),
    "a certificate for a key": ({"key": "client.crt"}, r"tls\.key: .*client\.crt"),
}


def _named(secured: Secured, changed: dict[str, str]) -> dict[str, Path]:
    return {key: secured.folder / name for key, name in changed.items()}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_our_files_is_named_before_anything_is_sent(secured: Secured, fault: str) -> None:
    changed, message = FAULTS[fault]
    with pytest.raises(ConfigError, match=message) as caught:
        connect(secured.instance(**_named(secured, changed)))
    assert caught.value.exit_code == 3


def test_a_server_of_another_authority_is_refused_and_named(secured: Secured) -> None:
    for mode in (TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL):
        with pytest.raises(ConnectionFailed, match="self-signed certificate") as caught:
            connect(secured.instance(mode, ca=secured.folder / "other.pem"))
        assert caught.value.exit_code == 4
        assert_match("Name in tls.ca", caught.value.hint or "")


@pytest.mark.parametrize("name", ["stranger", "client-expired"])
def test_a_client_certificate_that_the_server_does_not_take_is_named(secured: Secured, name: str) -> None:
    wrong = _named(secured, {"cert": f"{name}.crt", "key": f"{name}.key"})
    with pytest.raises(ServerError) as caught:
        connect(secured.instance(**wrong))
    assert caught.value.exit_code == 4
    assert_match("tls.cert", caught.value.hint or "")


def test_the_name_of_another_host_is_refused_and_named(secured: Secured) -> None:
    elsewhere = replace(secured.instance(), host="localhost")
    with pytest.raises(ConnectionFailed, match="localhost") as caught:
        connect(elsewhere)
    assert_match("verify-ca", caught.value.hint or "")
    connect(replace(elsewhere, tls=replace(elsewhere.tls, mode=TlsMode.VERIFY_CA)))


def test_an_expired_certificate_of_the_server_is_refused_and_named(secured: Secured) -> None:
    secured.expire()
    try:
        with pytest.raises(ConnectionFailed, match="expired") as caught:
            connect(secured.instance())
        assert_match("renew", (caught.value.hint or "").lower())
        with pytest.raises(ConnectionFailed, match="expired"):
            connect(secured.instance(TlsMode.VERIFY_CA))
    finally:
        secured.use("server")
    connect(secured.instance())


def test_the_way_to_the_server_tells_the_last_day_of_its_certificate(secured: Secured) -> None:
    def tls(instance: Instance) -> Check:
        reached = ENGINES[instance.dbms].reach(instance)
        if reached.server is not None:
            reached.server.close()
        return next(step for step in reached.steps if step.name == "tls")

    soon = tls(secured.instance())
    assert_match(
        r"TLSv1\.[23], mode verify-full; the server's certificate ends 20.*, in \d+ days", soon.found
    )
    assert soon.verdict is Verdict.WARNING
    stranger = tls(secured.instance(ca=secured.folder / "other.pem"))
    assert stranger.verdict is Verdict.FAILURE
    secured.expire()
    try:
        assert tls(secured.instance(TlsMode.REQUIRE, ca=None)).verdict is Verdict.WARNING
        assert tls(secured.instance()).verdict is Verdict.FAILURE
    finally:
        secured.use("server")


def test_without_a_client_certificate_nobody_is_let_in(secured: Secured) -> None:
    with pytest.raises(ServerError) as caught:
        connect(secured.instance(cert=None, key=None))
    assert caught.value.exit_code == 4
    assert_match(r"tls\.cert", caught.value.hint or "")


def test_without_tls_nobody_is_let_in(secured: Secured) -> None:
    with pytest.raises(ServerError) as caught:
        connect(secured.instance(TlsMode.DISABLE, ca=None, cert=None, key=None))
    assert caught.value.exit_code == 4
    assert_match(r"tls", caught.value.hint or "")


@pytest.mark.parametrize("fault", ["another authority", "another name", "expired"])
def test_the_dump_tool_refuses_what_the_driver_refuses(
    secured: Secured, new_database: Callable[..., str], fault: str
) -> None:
    """The driver connects with the right settings, and the tool is given the wrong ones."""
    database = new_database(secured.server, "shop")
    wrong = {
        "another authority": secured.instance(ca=secured.folder / "other.pem"),
        "another name": replace(secured.instance(), host="localhost"),
        "expired": secured.instance(),
    }[fault]
    engine = ENGINES[wrong.dbms]
    server: Any = engine.connect(secured.instance())
    try:
        setattr(server, "_instance" if hasattr(server, "_instance") else "instance", wrong)
        plan = server.plan_dump(database, wrong.limits)
        if fault == "expired":
            secured.expire()
        with pytest.raises(ToolFailed) as caught, plan.start() as dump:
            list(dump.blocks)
        assert_match(r"(?i)tls|renew", caught.value.hint or "")
    finally:
        server.close()
        secured.use("server")


def connect(instance: Instance) -> None:
    ENGINES[instance.dbms].connect(instance).close()


def assert_match(pattern: str, text: str) -> None:
    assert re.search(pattern, text), text
