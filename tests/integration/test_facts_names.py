"""Names, quoting, secrets: any name, any password, and no settings of the user's that change a dump."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from python_backup.errors import BackupError
from python_backup.instance import Secret
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.verify import verify_artifact
from python_backup.model import Format
from support import databases
from support.jobs import backed_up, copied, facts, restored
from support.recipes import PASSWORD
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]

NAMES = (
    "a b", "a`b", "a'b", 'a"b', "-x", "a\\b", "a/b", "a.b", "..", "a;touch p", "$(touch p)", "a%b", "a\nb",
    "ünï日本", "NULL", "select",
)  # fmt: skip
OF_POSTGRESQL = ("a=b", "postgresql://x", "dbname=x host=y")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The backup folder; a program that a name could start would leave its file beside it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "backups"


def test_a_database_of_any_name_is_backed_up_verified_and_restored_under_any_other(
    any_server: RunningServer, new_database: Name, folder: Path
) -> None:
    further = OF_POSTGRESQL if any_server.family == "postgresql" else ()
    names = [new_database(any_server, name) for name in (*NAMES, *further)]
    for name in names:
        with closing(databases.connection(any_server, name)) as link, link.cursor() as cursor:
            cursor.execute("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(100))")
            cursor.execute("INSERT INTO t VALUES (1, %s)", (name,))
    instance = instance_for(any_server)
    request = BackupRequest((instance,), tuple(names), folder, Format.NONE)
    results = back_up(request, Silence(), lambda: datetime.now(UTC))
    assert [(r.database, r.error) for r in results] == [(name, None) for name in names]
    for result, other in zip(results, (*names[1:], names[0]), strict=True):
        assert result.path is not None
        assert verify_artifact(result.path, Silence()).good
        restored(instance, result.path, other, force=True)
    found = [databases.rows(any_server, name, "SELECT v FROM t") for name in names]
    assert found == [[(name,)] for name in (names[-1], *names[:-1])]
    assert [path.name for path in folder.parent.iterdir()] == ["backups"]


SECRETS = (
    '#"',
    "a b",
    "\\",
    "\\n",
    "'",
    '"quoted"',
    "it's # \\ \"",
    "ü€😀",
    "%s",
    "$(id)`id`",
    " begins and ends ",
)


@pytest.mark.parametrize("secret", SECRETS)
def test_any_password_reaches_driver_and_tool_and_is_told_nowhere(
    any_server: RunningServer, new_database: Name, folder: Path, secret: str
) -> None:
    database = new_database(any_server)
    databases.execute(any_server, database, "CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1)")
    with _account(any_server, secret) as name:
        instance = replace(instance_for(any_server), username=name, password=Secret(lambda: secret))
        result = backed_up(instance, database, folder)
        assert facts(result).rows == 1
        if len(secret) > 5:
            told = [repr(instance), repr(result), *(path.read_text("latin-1") for path in folder.iterdir())]
            assert [text for text in told if secret in text] == []


@contextmanager
def _account(server: RunningServer, secret: str) -> Iterator[str]:
    name = f"any_{abs(hash(secret)) % 10**8}"
    literal = secret.replace("'", "''")
    if server.family == "postgresql":
        made = f"CREATE ROLE {name} LOGIN SUPERUSER PASSWORD '{literal}'"
        gone = f"DROP ROLE IF EXISTS {name}"
    else:
        made = f"CREATE USER {name}@'%' IDENTIFIED BY '{literal.replace(chr(92), chr(92) * 2)}'"
        gone = f"DROP USER IF EXISTS {name}@'%'"
    databases.execute(server, None, gone, made)
    try:
        if server.family == "mysql":
            databases.execute(server, None, f"GRANT ALL ON *.* TO {name}@'%'")
        yield name
    finally:
        databases.execute(server, None, gone)


def test_files_and_variables_of_the_user_change_neither_dump_nor_restore(
    any_server: RunningServer, new_database: Name, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = new_database(any_server), new_database(any_server, create=False)
    databases.execute(any_server, source, "CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1), (2)")
    home = folder.parent / "home"
    home.mkdir()
    files = {
        ".my.cnf": "[client]\nhost=192.0.2.1\npassword=x\n[mysqldump]\nno-data\n[mariadb-dump]\nno-data\n[mysql]\nforce\n",
        ".psqlrc": "\\set AUTOCOMMIT off\n",
        ".pgpass": "*:*:*:*:wrong\n",
        ".pg_service.conf": "[else]\nhost=192.0.2.1\n",
        "pg_service.conf": "[else]\nhost=192.0.2.1\n",
        "my.cnf": "[client]\nhost=192.0.2.1\n[mysqldump]\nno-data\n[mariadb-dump]\nno-data\n",
        "my_else.cnf": "[client_else]\nhost=192.0.2.1\n[mysqldump_else]\nno-data\n",
    }
    for name, text in files.items():
        (home / name).write_text(text)
        (home / name).chmod(0o600)
    # mysqldump reads this one whatever --defaults-file says
    (home / ".mylogin.cnf").write_bytes(login_file("[client]", "host=192.0.2.1", "[mysqldump]", "no-data"))
    (home / ".mylogin.cnf").chmod(0o600)
    variables = {
        "HOME": str(home), "PGHOST": "192.0.2.1", "PGPORT": "1", "PGUSER": "nobody", "PGPASSWORD": "wrong",
        "PGDATABASE": "nowhere", "PGOPTIONS": "-c search_path=nowhere", "PGSERVICE": "else", "PGSSLMODE": "verify-full",
        "PGCLIENTENCODING": "LATIN1", "PGTZ": "Asia/Tokyo", "MYSQL_HOST": "192.0.2.1", "MYSQL_PWD": "wrong",
        "MYSQL_TCP_PORT": "1", "MYSQL_HOME": str(home), "MYSQL_UNIX_PORT": "/nowhere", "MARIADB_HOME": str(home),
        "MYSQL_TEST_LOGIN_FILE": str(home / ".mylogin.cnf"), "MYSQL_GROUP_SUFFIX": "_else", "MYSQL_PS1": "x",
        "PGSERVICEFILE": str(home / ".pg_service.conf"), "PGSYSCONFDIR": str(home), "PGPASSFILE": str(home / ".pgpass"),
        "PGHOSTADDR": "192.0.2.1", "PGTARGETSESSIONATTRS": "standby", "PGREQUIREAUTH": "none", "PGSSLROOTCERT": "/none",
        "PGCONNECT_TIMEOUT": "1", "PGDATESTYLE": "German", "PGGSSENCMODE": "require", "PGAPPNAME": "else",
        "PGSSLCERT": "/none", "PGSSLKEY": "/none", "PGCHANNELBINDING": "require", "PGLOCALEDIR": "/nowhere",
    }  # fmt: skip
    with monkeypatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        copied(instance_for(any_server), source, target, folder)
    assert databases.rows(any_server, target, "SELECT COUNT(*) FROM t") == [(2,)]


def login_file(*lines: str) -> bytes:
    """What mysql_config_editor writes: a key, then each line with its length, AES-128-ECB, PKCS 7."""
    given = bytes(range(1, 21))
    key = bytearray(16)
    for index, byte in enumerate(given):
        key[index % 16] ^= byte
    content = bytes(4) + given
    for line in lines:
        text = line.encode() + b"\n"
        gap = 16 - len(text) % 16
        encryptor = Cipher(AES(bytes(key)), ECB()).encryptor()
        sealed = encryptor.update(text + bytes([gap]) * gap) + encryptor.finalize()
        content += len(sealed).to_bytes(4, "little") + sealed
    return content


def test_a_login_file_of_the_home_folder_would_change_a_dump(
    mysql_server: RunningServer, new_database: Name, folder: Path
) -> None:
    """Else the test above would show nothing: MySQL's own program takes this file, unless it is kept from it."""
    if mysql_server.dbms != "mysql":
        return  # MariaDB's programs know no such file
    home = folder.parent / "home"
    home.mkdir()
    (home / ".mylogin.cnf").write_bytes(login_file("[client]", "user=of_the_login_file"))
    (home / ".mylogin.cnf").chmod(0o600)
    program = f"{mysql_server.bin}/mysqldump"
    said = subprocess.run(
        [program, "--defaults-file=/dev/null", "--print-defaults"],
        env={"HOME": str(home), "PATH": os.defpath}, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert "of_the_login_file" in said.stdout + said.stderr


def test_a_failing_statement_is_named_and_no_row_of_it_is_told(
    any_server: RunningServer, new_database: Name, folder: Path
) -> None:
    source, target = new_database(any_server), new_database(any_server, create=False)
    databases.execute(
        any_server, source, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(50))",
        "INSERT INTO t VALUES (1, 'very secret'), (2, 'as secret')",
    )  # fmt: skip
    result = backed_up(instance_for(any_server), source, folder, Format.NONE)
    assert result.path is not None
    dump = folder / "foreign.sql"
    twice = {"mysql": (b"(2,'as", b"(1,'as"), "postgresql": (b"\n2\tas", b"\n1\tas")}[any_server.family]
    text = result.path.read_bytes()
    assert twice[0] in text
    if any_server.family == "postgresql":  # there the key comes after the data
        text = text.replace(b"id integer NOT NULL", b"id integer NOT NULL PRIMARY KEY")
    dump.write_bytes(text.replace(*twice))
    with pytest.raises(BackupError, match=r"line \d+: ") as caught:
        restored(instance_for(any_server), dump, target)
    assert "secret" not in f"{caught.value} {caught.value.hint}"
    assert target not in [name for (name,) in _all_databases(any_server)]


def _all_databases(server: RunningServer) -> list[tuple[str]]:
    question = "SELECT datname FROM pg_database" if server.family == "postgresql" else "SHOW DATABASES"
    return databases.rows(server, None, question)  # type: ignore[return-value]


def test_a_dump_that_holds_a_password_is_readable_by_its_owner_alone(
    postgresql_server: RunningServer, new_database: Name, folder: Path
) -> None:
    database = new_database(postgresql_server)
    databases.execute(
        postgresql_server, database, "CREATE FOREIGN DATA WRAPPER wrapper",
        "CREATE SERVER away FOREIGN DATA WRAPPER wrapper",
        "CREATE USER MAPPING FOR postgres SERVER away OPTIONS (password 'in clear')",
    )  # fmt: skip
    result = backed_up(instance_for(postgresql_server), database, folder, Format.NONE)
    assert result.path is not None
    assert b"in clear" in result.path.read_bytes()
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_test_servers_own_password_is_as_bad_as_any() -> None:
    assert {"'", '"', "\\", "#", " ", "%", "$", "`"} - set(PASSWORD) == set()
