from __future__ import annotations

import stat
from pathlib import Path

import pytest

from python_backup.engines.engine import DumpStream
from python_backup.engines.postgresql.dump import Request, judge, plan
from python_backup.engines.postgresql.tools import Toolbox
from python_backup.errors import ConfigError, ToolFailed
from python_backup.instance import Dbms, Instance, Limits, Secret, Tls, TlsMode, Tools
from python_backup.stream.ending import Ending

PASSWORD = "se:cr\\et#'\" ü"

FAKE = r"""#!/bin/sh
if [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) 18.1"; exit 0; fi
out={folder}/seen
printf '%s\n' "$@" > $out.argv
env > $out.env
cat > $out.input
[ -n "$PGPASSFILE" ] && cp -p "$PGPASSFILE" $out.passfile
echo "$PGPASSFILE" > $out.place
echo dump
"""


def instance(**fields) -> Instance:
    known = {"id": "1", "name": "web", "dbms": Dbms.POSTGRESQL, "port": 5432, "username": "backup"}
    return Instance(**(known | fields))


@pytest.fixture
def fake(tmp_path) -> Path:
    path = tmp_path / "pg_dump"
    path.write_text(FAKE.replace("{folder}", str(tmp_path)))
    path.chmod(0o755)
    return path


def planned(of: Instance, database: str = "shop", timeout: float | None = None):
    environ = {"PATH": "/usr/bin:/bin", "PGHOST": "elsewhere", "PGOPTIONS": "-c x=y"}
    return plan(Request(of, database, 18, Limits(timeout)), Toolbox(of.tools, environ, lambda _e: iter(())))


def run(a_plan) -> bytes:
    with a_plan.start() as stream:
        return b"".join(stream.blocks)


def test_the_command_has_the_missions_options_and_the_instances(fake):
    a_plan = planned(instance(tools=Tools(path=fake.parent), options=("--no-comments",)), "a b'c", timeout=30)
    assert a_plan.command == (
        str(fake), "--clean", "--create", "--if-exists", "--no-owner", "--no-privileges", "--format=p",
        "--lock-wait-timeout=30s", "--no-password", "--no-comments",
        "--dbname=host=127.0.0.1 port=5432 user=backup dbname='a b\\'c' connect_timeout=10 gssencmode=disable application_name=vya-backupdb sslmode=prefer",
    )  # fmt: skip
    assert (a_plan.client, a_plan.client_version) == ("pg_dump", "18.1")


def test_a_custom_archive_is_asked_for(fake):
    assert "--format=c" in planned(instance(tools=Tools(path=fake.parent), custom_format=True)).command


def test_a_name_with_a_line_break_is_dumped_without_create_and_told(fake):
    a_plan = planned(instance(tools=Tools(path=fake.parent)), "a\nb")
    assert "--create" not in a_plan.command
    with a_plan.start() as stream:
        assert b"".join(stream.blocks) == b"dump\n"
    assert len(stream.warnings) == 1


def test_tls_reaches_the_tool(fake):
    tls = Tls(TlsMode.VERIFY_CA, Path("/ca file"), Path("/c"), Path("/k"))
    last = planned(instance(tools=Tools(path=fake.parent), tls=tls)).command[-1]
    assert last.endswith("sslmode=verify-ca sslrootcert='/ca file' sslcert=/c sslkey=/k")


def test_the_password_is_in_a_private_file_that_is_gone_afterwards(fake, tmp_path):
    run(planned(instance(tools=Tools(path=fake.parent), password=Secret(lambda: PASSWORD))))
    assert (tmp_path / "seen.passfile").read_text() == "*:*:*:*:se\\:cr\\\\et#'\" ü\n"
    assert stat.S_IMODE((tmp_path / "seen.passfile").stat().st_mode) == 0o600
    assert not Path((tmp_path / "seen.place").read_text().strip()).exists()


@pytest.mark.parametrize("through", [False, True])
def test_the_password_is_in_no_argument_and_no_variable(fake, tmp_path, through):
    command = ("/usr/bin/env", f"PATH={tmp_path}:/usr/bin:/bin") if through else ()
    tools = Tools(command=command) if through else Tools(path=fake.parent)
    a_plan = planned(instance(tools=tools, password=Secret(lambda: PASSWORD)))
    run(a_plan)
    for place in ("argv", "env"):
        assert "se:cr" not in (tmp_path / f"seen.{place}").read_text()
    assert "se:cr" not in repr(a_plan)
    assert (tmp_path / "seen.input").read_text() == (f"{PASSWORD}\n" if through else "")


def test_the_environment_has_nothing_of_the_callers_settings(fake, tmp_path):
    run(planned(instance(tools=Tools(path=fake.parent))))
    names = {line.split("=")[0] for line in (tmp_path / "seen.env").read_text().splitlines()}
    assert {name for name in names if name.startswith("PG")} == {"PGPASSFILE"}


def test_in_a_container_host_port_and_socket_are_those_seen_there(fake, tmp_path):
    command = ("/usr/bin/env", f"PATH={tmp_path}:/usr/bin:/bin")
    tools = Tools(command=command, host="inside", port=7)
    last = planned(instance(tools=tools, socket="/run/outside")).command[-1]
    assert last.startswith("--dbname=host=inside port=7 ")


@pytest.mark.parametrize(
    "option", ["-f/x", "--file=/x", "-Fc", "--format=d", "--enable-row-security", "-j4", "-dx", "--password"]
)
def test_options_that_would_break_the_stream_are_refused(fake, option):
    with pytest.raises(ConfigError, match=r"option .* cannot be given to pg_dump"):
        planned(instance(tools=Tools(path=fake.parent), options=(option,)))


def test_a_password_with_a_line_break_is_refused(fake):
    with pytest.raises(ConfigError, match="line break"):
        run(planned(instance(tools=Tools(path=fake.parent), password=Secret(lambda: "a\nb"))))


def test_a_failed_tool_is_an_error_with_its_first_lines_and_a_hint():
    stderr = 'pg_dump: error: query failed: ERROR:  query would be affected by row-level security policy for table "t"'
    with pytest.raises(ToolFailed) as caught:
        judge("pg_dump of 'x'", None, instance())(Ending(1, stderr))
    assert caught.value.message.startswith(
        "pg_dump of 'x' failed (exit status 1): query failed: ERROR:  query would"
    )
    assert "BYPASSRLS" in (caught.value.hint or "")


@pytest.mark.parametrize("said", ["pg_dump: error: lost\n", "ERROR:  lost\n", "docker: Error lost\n"])
def test_an_error_line_is_an_error_whatever_the_exit_status(said):
    with pytest.raises(ToolFailed, match=r"exit status 0.*lost"):
        judge("x", None, None)(Ending(0, said))


def test_a_signal_is_named():
    with pytest.raises(ToolFailed, match=r"x failed \(signal 9\)"):
        judge("x", None, None)(Ending(-9, ""))


def test_warnings_are_kept_with_their_details_and_the_prompt_is_not_one():
    stream = DumpStream(iter(()), [], [])
    stderr = "Password: pg_dump: warning: there are circles\npg_dump: detail: a\npg_dump: hint: b\npg_dump: warning: two\n"
    judge("x", stream, None)(Ending(0, stderr))
    assert stream.warnings == ["there are circles (detail: a) (hint: b)", "two"]


@pytest.mark.parametrize(
    ("said", "hinted"),
    [
        ("permission denied for table t", "pg_read_all_data"),
        ("user may lack SELECT privilege on table t", "pg_read_all_data"),
        ("aborting because of server version mismatch", "tools.path"),
        ("canceling statement due to lock timeout", "lock_timeout"),
        ("canceling statement due to conflict with recovery", "hot_standby_feedback"),
    ],
)
def test_well_known_causes_have_a_hint(said, hinted):
    with pytest.raises(ToolFailed) as caught:
        judge("x", None, instance())(Ending(1, f"pg_dump: error: {said}"))
    assert hinted in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("said", "passes"),
    [
        ("query failed: ERROR:  canceling statement due to lock timeout", True),
        ('Dumping the contents of table "t" failed: ERROR:  canceling statement due to conflict with recovery', True),
        ("query failed: FATAL:  terminating connection due to administrator command", True),
        ('connection to server at "h" (127.0.0.1), port 1 failed: Connection refused', True),
        ('connection to server on socket "/s" failed: FATAL:  the database system is starting up', True),
        ('query failed: ERROR:  relation "public.passing_1" does not exist', True),
        ("query failed: ERROR:  could not open relation with OID 16388", True),
        ('connection to server at "h", port 5432 failed: FATAL:  password authentication failed for user "u"', False),
        ('connection to server at "h", port 5432 failed: FATAL:  database "x" does not exist', False),
        ("query failed: ERROR:  permission denied for table t", False),
        ("aborting because of server version mismatch", False),
        ('query would be affected by row-level security policy for table "t"', False),
    ],
)  # fmt: skip
def test_what_may_pass_is_told_from_what_does_not(said: str, passes: bool):
    with pytest.raises(ToolFailed) as caught:
        judge("x", None, instance())(Ending(1, f"pg_dump: error: {said}"))
    assert caught.value.transient is passes
