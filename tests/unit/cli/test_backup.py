"""vya-backupdb backup, with a made-up job."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from python_backup.cli.backup import exit_code
from python_backup.errors import BackupError, ConnectionFailed, ToolFailed
from python_backup.instance import Throttle
from python_backup.jobs import backup as job
from python_backup.jobs.backup import BackupRequest
from python_backup.jobs.results import DatabaseResult
from python_backup.model import Format, Parts, Scope
from python_backup.policy.anomalies import Expectation
from support.results import WEB, result

FAILURE = ToolFailed("mysqldump ended with 2", hint="Grant SELECT.")
UNREACHED = ConnectionFailed("cannot connect to 127.0.0.1:3306")


class Job:
    """Stands for back_up: keeps the request, gives the results."""

    def __init__(self) -> None:
        self.results: tuple[DatabaseResult, ...] = (result(),)
        self.request: BackupRequest | None = None

    def __call__(self, request: BackupRequest, *_: object) -> tuple[DatabaseResult, ...]:
        self.request = request
        return self.results

    @property
    def asked(self) -> BackupRequest:
        assert self.request is not None
        return self.request


@pytest.fixture
def back_up(monkeypatch: pytest.MonkeyPatch) -> Job:
    made = Job()
    monkeypatch.setattr(job, "back_up", made)
    return made


@pytest.mark.parametrize("arguments", [(), ("--instance", "1", "--all"), ("-a", "-i", "1"), ("-d", "x")])
def test_just_one_of_instance_and_all_is_needed(
    vya: Callable, back_up: Job, arguments: tuple[str, ...]
) -> None:
    ran = vya("backup", *arguments)
    assert (ran.code, ran.out, back_up.request) == (2, "", None)
    assert "error: give either --instance ID or --all\n" in ran.err


def test_all_takes_every_enabled_instance(vya: Callable, back_up: Job) -> None:
    assert vya("backup", "--all").code == 0
    assert [i.id for i in back_up.asked.instances] == ["1", "main"]


def test_a_disabled_instance_can_be_named(vya: Callable, back_up: Job) -> None:
    assert vya("backup", "-i", "off").code == 0
    assert [i.id for i in back_up.asked.instances] == ["off"]


def test_all_with_nothing_enabled_is_an_error(vya: Callable, back_up: Job, config: Path) -> None:
    config.write_text(
        "backup: {directory: b}\ninstances: [{id: 1, dbms: mysql, username: u, enabled: false}]\n"
    )
    assert (vya("backup", "-a").code, back_up.request) == (3, None)


def test_databases_may_be_repeated_and_are_asked_for_once(vya: Callable, back_up: Job, config: Path) -> None:
    vya("backup", "-i", "1", "-d", "b", "--database", "a", "-d", "b", "--dry-run")
    assert back_up.asked.databases == ("b", "a")
    assert (back_up.asked.folder, back_up.asked.dry_run) == (config.parent / "backups", True)
    assert [instance.limits.timeout for instance in back_up.asked.instances] == [60]


@pytest.mark.parametrize(
    ("configured", "arguments", "expected"),
    [
        ("", (), (Format.NONE, None)),
        ("", ("-c",), (Format.ZIP, None)),
        ("{format: none}", ("--compression",), (Format.ZIP, None)),
        ("{format: zstd, level: 7}", (), (Format.ZSTD, 7)),
        ("{format: zstd, level: 7}", ("-c",), (Format.ZSTD, 7)),
        ("{format: zstd, level: 7}", ("--format", "gzip"), (Format.GZIP, None)),
        ("{format: zstd, level: 7}", ("--format", "gzip", "--level", "9"), (Format.GZIP, 9)),
        ("{format: zstd, level: 7}", ("--format", "none"), (Format.NONE, None)),
        ("{format: zstd, level: 7}", ("--level", "22"), (Format.ZSTD, 22)),
        ("", ("-c", "--format", "zstd"), (Format.ZSTD, None)),
    ],
)
def test_the_format_is_the_options_then_the_configs_and_c_makes_zip_of_none(
    vya: Callable, back_up: Job, config: Path, configured: str, arguments: tuple[str, ...], expected: object
) -> None:
    if configured:
        config.write_text(config.read_text().replace("timeout: 60", f"compression: {configured}"))
    assert vya("backup", "-i", "1", *arguments).code == 0
    assert (back_up.asked.format, back_up.asked.level) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-c", "--format", "none"), "--compression and --format none contradict each other"),
        (("--level", "3"), "--level 3 means nothing without compression"),
        (("--format", "gzip", "--level", "10"), "--level must be 1 to 9 for gzip, not 10"),
        (("--format", "zstd", "--level", "0"), "--level must be 1 to 22 for zstd, not 0"),
        (("--format", "rar"), "invalid value for '--format'"),
        (("--level", "x"), "invalid value for '--level'"),
        (("extra",), "unexpected extra argument"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(
    vya: Callable, back_up: Job, arguments: tuple[str, ...], message: str
) -> None:
    ran = vya("backup", "-i", "1", *arguments)
    assert (ran.code, back_up.request) == (2, None)
    assert message in ran.err


@pytest.mark.parametrize(
    ("option", "value"), [("--max-lag", "two"), ("--max-lag", "2.5"), ("--max-load", "0"), ("--wait", "-1")]
)
def test_a_number_that_an_option_cannot_take_is_named(
    vya: Callable, back_up: Job, option: str, value: str
) -> None:
    ran = vya("backup", "-i", "1", option, value)
    assert ran.code == 2
    assert re.match(rf"error: invalid value for '{option}': '?{re.escape(value)}\S* is ", ran.err), ran.err


def test_what_is_backed_up_stands_before_how_fast_in_the_help(vya: Callable) -> None:
    told = vya("backup", "--help").out
    options = re.findall(r"(?m)^  (?:-\w, )?(--[a-z-]+)", told)
    assert options.index("--instance") < options.index("--jobs") < options.index("--bwlimit")


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ((result(),), 0),
        ((result(), result(database="b")), 0),
        ((result("planned"),), 0),
        ((result("partial"),), 7),
        ((result(), result("suspect")), 7),
        ((result(), result("failed", "b", FAILURE)), 7),
        ((result("partial"), result("failed", "b", FAILURE)), 7),
        ((result("failed", "a", FAILURE),), 1),
        ((result("failed", None, UNREACHED),), 4),
        ((result("failed", "a", FAILURE), result("failed", "b", UNREACHED)), 1),
    ],
)
def test_the_exit_code_tells_some_from_all(results: tuple[DatabaseResult, ...], expected: int) -> None:
    assert exit_code(results) == expected


def test_a_run_ends_with_a_table_and_counts_and_the_errors(vya: Callable, back_up: Job) -> None:
    back_up.results = (result(), result("partial", "b"), result("failed", "c", FAILURE))
    ran = vya("backup", "-i", "1")
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[0] == ["database", "rows", "size", "ratio", "time", "rate", "result"]
    assert rows[2] == ["dns_db", "1,200", "1.00", "kB", "3.0x", "0.50", "s", "6.00", "kB/s", "done"]
    assert rows[4] == ["c", "-", "-", "-", "0.50", "s", "-", "failed"]
    assert "1 database backed up, 1 partial, 1 failed; 2.00 kB in 1.50 s" in ran.out
    assert ran.err.splitlines() == [
        "warning: 1 (web), b: the backup is partial: no view v",
        "error: 1 (web), c: mysqldump ended with 2",
        "hint: Grant SELECT.",
    ]
    assert ran.code == 7


def test_a_suspect_backup_is_counted_and_told_table_by_table(vya: Callable, back_up: Job) -> None:
    kept = result("suspect")
    assert kept.manifest is not None
    manifest = replace(kept.manifest, suspect={"users": "0 rows; min_rows is 1"})
    back_up.results = (result(), replace(kept, manifest=manifest))
    ran = vya("backup", "-i", "1")
    assert (ran.code, "1 database backed up, 1 suspect; " in ran.out) == (7, True)
    assert ran.err == (
        "warning: 1 (web), dns_db: the backup is suspect: table users: 0 rows; min_rows is 1\n"
    )
    document = vya("backup", "-i", "1", "--json").document
    assert (document["suspect"], document["databases"][1]["suspect"]) == (1, manifest.suspect)


def test_what_is_expected_is_the_configs_unless_shrinking_is_accepted(
    vya: Callable, back_up: Job, config: Path
) -> None:
    config.write_text(config.read_text() + "expect: {max_shrink: 30%, min_rows: {users: 1}}\n")
    found = []
    for arguments in ((), ("--accept-shrink",)):
        assert vya("backup", "-i", "1", *arguments).code == 0
        found.append(back_up.asked.expect(back_up.asked.instances[0], "shop"))
    assert found == [Expectation(0.3, {"users": 1}), Expectation(None, {"users": 1}, accepted=True)]


def test_one_backup_ends_with_its_path(vya: Callable, back_up: Job) -> None:
    ran = vya("backup", "-i", "1")
    assert ran.out.splitlines()[-1] == "/b/20260113_155440_mysql_dns_db.sql.zst"
    assert (ran.code, ran.err) == (0, "")


def test_json_holds_every_database_and_nothing_else_is_on_stdout(vya: Callable, back_up: Job) -> None:
    back_up.results = (result(), result("failed", None, UNREACHED))
    ran = vya("backup", "-a", "--json")
    assert (ran.code, ran.document["exit_code"]) == (7, 7)
    assert [ran.document[k] for k in ("succeeded", "partial", "failed")] == [1, 0, 1]
    done, failed = ran.document["databases"]
    assert (done["database"], done["rows"], done["size"], done["format"]) == ("dns_db", 1200, 1000, "zstd")
    assert (failed["database"], failed["error"]["type"], failed["error"]["exit_code"]) == (
        None,
        "ConnectionFailed",
        4,
    )


def test_a_dry_run_prints_what_would_be_run(vya: Callable, back_up: Job) -> None:
    back_up.results = (
        DatabaseResult(WEB, "a b", "planned", path=Path("/b/x.sql"), command=("mysqldump", "--", "a b")),
    )
    ran = vya("backup", "-i", "1", "--dry-run")
    assert ran.out.splitlines() == [
        "1 (web), a b",
        "  would run    mysqldump -- 'a b'",
        "  would write  /b/x.sql",
        "dry run: nothing was written",
    ]


def test_nothing_to_back_up_is_a_failure(vya: Callable, back_up: Job) -> None:
    back_up.results = ()
    ran = vya("backup", "-i", "1")
    assert (ran.code, ran.err.splitlines()[0]) == (1, "error: there is no database to back up")


def test_an_unknown_instance_lists_those_that_there_are(vya: Callable, back_up: Job) -> None:
    ran = vya("backup", "-i", "9")
    assert (ran.code, "hint: The config has: 1 (web), main, off." in ran.err) == (2, True)


def test_a_warning_about_the_config_is_talk(vya: Callable, back_up: Job, config: Path) -> None:
    config.write_text(config.read_text().replace("username: u}", "username: u, password: p}", 1))
    config.chmod(0o644)
    ran = vya("backup", "-i", "1", "--json")
    assert (ran.code, "chmod 600" in ran.err, ran.document["failed"]) == (0, True, 0)


def test_an_error_of_the_job_ends_the_command_with_its_code(
    vya: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise BackupError("it broke", hint="Mend it.")

    monkeypatch.setattr(job, "back_up", failing)
    ran = vya("backup", "-i", "1")
    assert (ran.code, ran.out, ran.err) == (1, "", "error: it broke\nhint: Mend it.\n")


def test_a_bug_says_where_its_traceback_is(vya: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(job, "back_up", buggy)
    ran = vya("backup", "-i", "1", "--json")
    error = ran.document["error"]
    assert (ran.code, ran.err, error["type"]) == (1, "", "Bug")
    assert error["message"].endswith("ZeroDivisionError: oops")
    place = re.search(r"in (\S+);", error["hint"])
    assert place is not None
    assert "buggy" in Path(place[1]).read_text()


def test_of_a_tool_that_says_much_the_first_lines_are_shown(vya: Callable, back_up: Job) -> None:
    said = tuple(f"line {n}" for n in range(1, 400))
    back_up.results = (replace(result(), warnings=said),)
    lines = vya("backup", "-i", "1").err.splitlines()
    assert len(lines) == 11
    assert lines[9].endswith("line 10")
    assert "and 389 more of its lines" in lines[10]
    assert len(vya("backup", "-i", "1", "--json").document["databases"][0]["warnings"]) == 399


def test_the_command_line_says_how_the_run_holds_itself_back(vya: Callable, back_up: Job) -> None:
    assert vya("backup", "-i", "1", "--bwlimit", "20MB", "--max-lag", "30", "--max-load", "9").code == 0
    assert back_up.asked.instances[0].throttle == Throttle(20_000_000, 30, 9)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--bwlimit", "fast"), "--bwlimit must be bytes a second, at least 100k, not 'fast'"),
        (("--bwlimit", "1k"), "--bwlimit must be bytes a second, at least 100k, not '1k'"),
        (("--max-lag", "0"), "--max-lag"),
        (("--max-load", "many"), "--max-load"),
    ],
)
def test_what_makes_no_sense_holds_nothing_back(
    vya: Callable, back_up: Job, given: tuple[str, str], told: str
) -> None:
    ran = vya("backup", "-i", "1", *given)
    assert (ran.code, back_up.request, told in ran.err) == (2, None, True)


def test_no_backup_is_resumed(vya: Callable, back_up: Job) -> None:
    ran = vya("backup", "-i", "1", "--resume")
    assert (ran.code, back_up.request) == (2, None)
    assert "snapshot that its parts were read under is gone" in ran.err


@pytest.mark.parametrize(
    ("written", "arguments", "expected"),
    [
        ("", (), (1, Parts.AUTO, False)),
        ("", ("--jobs", "3"), (3, Parts.AUTO, True)),
        ("", ("--jobs", "1"), (1, Parts.AUTO, False)),
        (", jobs: 4, parts: always", (), (4, Parts.ALWAYS, False)),
        (", jobs: 4, parts: never", ("--jobs", "2"), (2, Parts.NEVER, True)),
    ],
)
def test_jobs_and_parts_are_the_options_then_the_configs(
    vya: Callable, back_up: Job, config: Path, written: str, arguments: tuple[str, ...], expected: tuple
) -> None:
    config.write_text(config.read_text().replace("timeout: 60", f"timeout: 60{written}", 1))
    assert vya("backup", "-i", "1", *arguments).code == 0
    asked = back_up.asked.parts
    assert (asked.jobs, asked.parts, asked.wanted) == expected


@pytest.mark.parametrize(
    ("written", "arguments", "expected"),
    [
        (", jobs: 4", (), Scope.INSTANCE),
        (", jobs: 4, lock: database", (), Scope.DATABASE),
        (", jobs: 4, lock: database", ("--lock", "none"), Scope.NONE),
        (", lock: none", ("--jobs", "2", "--lock", "instance"), Scope.INSTANCE),
        (", parts: always", ("--lock", "none"), Scope.NONE),
        (", lock: none", (), Scope.NONE),
    ],
)
def test_the_lock_of_parts_is_the_options_then_the_configs(
    vya: Callable, back_up: Job, config: Path, written: str, arguments: tuple[str, ...], expected: Scope
) -> None:
    config.write_text(config.read_text().replace("timeout: 60", f"timeout: 60{written}", 1))
    assert vya("backup", "-i", "1", *arguments).code == 0
    assert back_up.asked.parts.lock is expected


@pytest.mark.parametrize(
    ("written", "arguments", "told"),
    [
        ("", ("-i", "main", "--jobs", "2", "--lock", "none"), "--lock none is for MySQL and MariaDB"),
        ("", ("-i", "1", "--lock", "none"), "each database becomes a single file"),
        ("", ("-i", "1", "--jobs", "1", "--lock", "database"), "each database becomes a single file"),
        (
            ", parts: never",
            ("-i", "1", "--jobs", "2", "--lock", "none"),
            "each database becomes a single file",
        ),
        ("", ("-i", "1", "--jobs", "2", "--lock", "tables"), "--lock"),
        (", lock: tables", ("-i", "1"), "backup.lock"),
    ],
)
def test_a_lock_that_could_be_for_nothing_is_refused(
    vya: Callable, back_up: Job, config: Path, written: str, arguments: tuple[str, ...], told: str
) -> None:
    config.write_text(config.read_text().replace("timeout: 60", f"timeout: 60{written}", 1))
    ran = vya("backup", *arguments)
    assert (ran.code, back_up.request, told in ran.err) == (2 if "--lock" in arguments else 3, None, True)
