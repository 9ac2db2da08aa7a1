"""The dump's option file and options, and what stderr, exit status and trailer mean together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from python_backup.engines.mysql.dump import Job, Said, option_file, options, passing, plan
from python_backup.engines.mysql.tools import Tool
from python_backup.errors import ToolFailed
from python_backup.instance import Dbms, Instance, Limits, Secret, Tls, TlsMode, Tools
from python_backup.stream.ending import Ending

BOTH = frozenset(
    [
        *("single-transaction", "routines", "triggers", "events", "add-drop-database", "force", "quick"),
        *("default-character-set", "max-allowed-packet", "protocol", "no-tablespaces"),
    ]
)
MYSQL = Tool(("/bin/mysqldump",), Dbms.MYSQL, (9, 7, 4), BOTH | {"set-gtid-purged"})
MARIADB = Tool(("/bin/mariadb-dump",), Dbms.MARIADB, (11, 8, 6), BOTH | {"dump-history"})

BROKEN_VIEW = (
    "mariadb-dump: Couldn't execute 'SHOW FIELDS FROM `v`': View 'a.v' references invalid table(s) (1356)"
)
NO_DATABASE = "mysqldump: Got error: 1049: Unknown database 'nodb' when selecting the database"


def job(tool: Tool = MYSQL, **changes) -> Job:
    fields = {"id": "1", "name": "1", "dbms": Dbms.MYSQL, "host": "h", "port": 3307, "username": "u"}
    instance = Instance(**fields | changes)
    return Job(instance, "a b", tool, {"PATH": "/bin:/usr/bin"}, encrypted=True, limits=Limits(timeout=20))


def test_each_option_is_given_where_the_client_has_it():
    mysql, mariadb = options(job(MYSQL)), options(job(MARIADB))
    assert set(mysql) - set(mariadb) == {"--set-gtid-purged=OFF"}
    assert mysql[-3:] == ("--databases", "--", "a b")
    assert "--force" in mariadb
    assert "--protocol=TCP" in mariadb


def test_what_a_database_needs_further_goes_before_the_configured_options():
    given = options(replace(job(MARIADB, options=("--hex-blob",)), further=("--dump-history",)))
    assert given[-5:-3] == ("--dump-history", "--hex-blob")


def test_the_protocol_follows_the_socket_and_the_tools_own_place():
    assert "--protocol=SOCKET" in options(job(socket="/run/s"))
    assert "--protocol=TCP" in options(job(socket="/run/s", tools=Tools(host="db")))
    assert "--protocol=SOCKET" in options(job(tools=Tools(socket="/inside")))


def test_the_configured_options_come_before_the_database():
    given = options(job(options=("--hex-blob",)))
    assert given[-4:] == ("--hex-blob", "--databases", "--", "a b")


def test_values_are_quoted_as_option_files_want_it():
    text = option_file(job(password=Secret(lambda: "a\"b\\#c'd é\n")))
    assert b'password="a\\"b\\\\#c\'d \xc3\xa9\\n"\n' in text
    assert b'user="u"\n' in text
    assert b'host="h"\nport="3307"\n' in text


def test_without_a_password_none_is_written():
    assert b"password" not in option_file(job())


@pytest.mark.parametrize(
    ("tool", "mode", "encrypted", "lines"),
    [
        (MYSQL, TlsMode.PREFER, True, {'ssl-mode="PREFERRED"'}),
        (MYSQL, TlsMode.DISABLE, False, {'ssl-mode="DISABLED"', 'loose-get-server-public-key="1"'}),
        (MYSQL, TlsMode.VERIFY_FULL, True, {'ssl-mode="VERIFY_IDENTITY"', 'ssl-ca="/ca.pem"'}),
        (MARIADB, TlsMode.PREFER, True, {'ssl="1"', 'ssl-verify-server-cert="0"'}),
        (MARIADB, TlsMode.PREFER, False, {'ssl="0"'}),
        (MARIADB, TlsMode.DISABLE, False, {'ssl="0"'}),
        (MARIADB, TlsMode.VERIFY_CA, True, {'ssl="1"', 'ssl-verify-server-cert="1"', 'ssl-ca="/ca.pem"'}),
    ],
)
def test_tls_is_said_in_the_familys_words(tool, mode, encrypted, lines):
    ca = Path("/ca.pem") if mode in {TlsMode.VERIFY_CA, TlsMode.VERIFY_FULL} else None
    text = option_file(replace(job(tool, tls=Tls(mode, ca)), encrypted=encrypted)).decode()
    assert {line for line in text.splitlines() if "ssl" in line or "public-key" in line} == lines


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("mysqldump: [Warning] Using a password on the command line interface can be insecure.\n", Said((), (), ())),
        ("WARNING: option --ssl-verify-server-cert is disabled, because of x.\n", Said((), (), ())),
        (BROKEN_VIEW + "\n", Said((), (BROKEN_VIEW,), ())),
        (NO_DATABASE, Said((NO_DATABASE,), (NO_DATABASE,), ())),
        ("/opt/x/mariadb-dump: unknown option '--bogus'", Said(*2 * [("/opt/x/mariadb-dump: unknown option '--bogus'",)], ())),
        ("ERROR 1234 (HY000): x\n", Said((), ("ERROR 1234 (HY000): x",), ())),
        ("a\n[42 bytes left out]\nb", Said((), ("[42 bytes left out]",), ("a", "b"))),
        ("Warning: Skipping the data of table mysql.event.", Said((), (), ("Warning: Skipping the data of table mysql.event.",))),
    ],
)  # fmt: skip
def test_stderr_is_sorted_into_what_ends_a_dump_what_is_missing_and_talk(stderr, said):
    assert Said.of(Ending(0, stderr).lines) == said


@pytest.fixture
def fake(tmp_path):
    def make(body: str) -> Job:
        program = tmp_path / "mysqldump"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        return job(replace(MYSQL, argv=(str(program),)), password=Secret(lambda: "s3cret"))

    return make


def run(job: Job) -> tuple[bytes, list[str], list[str]]:
    with plan(job).start() as stream:
        return b"".join(stream.blocks), stream.errors, stream.warnings


DONE = "echo '-- Dump completed on x'"


def test_a_dump_that_ends_well_has_no_errors(fake):
    assert run(fake(DONE)) == (b"-- Dump completed on x\n", [], [])


def test_errors_that_the_tool_survived_are_kept(fake):
    assert run(fake(f'{DONE}; echo "{BROKEN_VIEW.replace("`", "")}" >&2; exit 2'))[1] == [
        BROKEN_VIEW.replace("`", "")
    ]


def test_events_that_mariadb_dump_cannot_reach_by_an_escaped_name_make_the_dump_partial(fake):
    line = r"""mariadb-dump: Got error: 1049: "Unknown database 'a\'b'" when selecting the database"""
    wanted = replace(fake(f"{DONE}; cat >&2 <<'X'\n{line}\nX\nexit 2"), database="a'b")
    assert run(wanted)[1] == [line]
    with pytest.raises(ToolFailed, match="Unknown database"):
        run(replace(wanted, database="ab"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (f'{DONE}; echo "{NO_DATABASE}" >&2; exit 2', "Unknown database"),
        (f"{DONE}; exit 3", "exit status 3"),
        ("echo INSERT", "wrote no '-- Dump completed'"),
        (f"{DONE}; kill -9 $$", "signal 9"),
        ("true", "wrote no"),
    ],
)
def test_a_dump_that_is_not_whole_fails(fake, body, message):
    with pytest.raises(ToolFailed, match=message):
        run(fake(body))


def test_the_password_is_in_the_private_file_alone(fake):
    wanted = fake(f'cat "${{1#--defaults-file=}}"; stat -c %a "${{1#*=}}"; echo "$@"; env; {DONE}')
    output = run(wanted)[0].decode()
    head, _, rest = output.partition("600\n")
    assert 'password="s3cret"' in head
    assert "s3cret" not in rest
    assert "s3cret" not in repr(plan(wanted))
    assert plan(wanted).command[1] == "--defaults-file=client.cnf"


def test_a_container_gets_the_option_file_on_its_stdin(fake):
    wanted = fake(f'cat; echo "$1"; {DONE}')
    inside = replace(wanted, instance=replace(wanted.instance, tools=Tools(command=("docker",))))
    output = run(inside)[0].decode()
    assert 'password="s3cret"' in output
    assert "--defaults-file=/dev/stdin" in output


@pytest.mark.parametrize(
    ("line", "passes"),
    [
        (
            "mysqldump: Error 1412: Table definition has changed, please retry transaction when dumping table `t`",
            True,
        ),
        ("mariadb-dump: Couldn't execute 'SHOW CREATE TABLE `t`': Lock wait timeout exceeded (1205)", True),
        ('mariadb-dump: Got error: 2002: "Can\'t connect to server" when trying to connect', True),
        (
            "mysqldump: Error 2013: Lost connection to server during query when dumping table `t` at row: 3",
            True,
        ),
        ("mysqldump: Got error: 1040: Too many connections when trying to connect", True),
        ('mysqldump: Couldn\'t find table: "passing"', True),
        ("mysqldump: Error in field count for table: `z` !  Aborting.", True),
        ("mysqldump: Got error: 1045: Access denied for user 'u'@'h' when trying to connect", False),
        (NO_DATABASE, False),
        (BROKEN_VIEW, False),
        ("mysqldump: unknown option '--x1412'", False),
    ],
)
def test_what_may_pass_is_told_from_what_does_not(line: str, passes: bool):
    assert passing(line) is passes
