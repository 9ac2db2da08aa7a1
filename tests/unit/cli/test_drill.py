"""The drill command: what it refuses, its reports, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from python_backup.cli.app import run
from python_backup.cli.drilled import exit_code
from python_backup.cli.junit import junit
from python_backup.cli.page import page
from python_backup.engines.scratch import Kept
from python_backup.jobs import drill as drilling
from python_backup.jobs.checks import CheckAnswered, Rows
from python_backup.jobs.compare import ObjectsCompared
from python_backup.jobs.drill import DrillReport, DrillRequest
from python_backup.jobs.limits import Limits
from python_backup.jobs.proving import TableProof
from python_backup.manifest import dump_manifest, load_manifest
from python_backup.model import MANIFEST
from python_backup.policy.anomalies import Rule
from python_backup.storage.proofs import Equality, Proof, Verdict, keep
from support.results import manifest

NOW = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)
FILE = Path("20260113_155440_mysql_shop.sql.zst")
PROVEN = DrillReport(
    FILE,
    NOW,
    Verdict.PROVEN,
    database="shop",
    server="mysql 9.7.4",
    tables=(TableProof("orders", 3, 3, 120, Equality.IDENTICAL),),
    objects=(ObjectsCompared("views", 1, 1, (), ()),),
    seconds={"start": 2.0, "load": 0.5},
)
BAD = DrillReport(
    FILE,
    NOW,
    Verdict.FAILED,
    "table <orders>: differs",
    tables=(TableProof("<orders>\x01", 3, 2, 120, Equality.DIFFERS),),
    checks=(CheckAnswered("select 1", "= 2", "1", ok=False),),
    bad_tables=frozenset({"<orders>\x01"}),
)
ERROR = DrillReport(FILE, NOW, Verdict.ERROR, "no server program for mysql 9.8", "Install it.")


@pytest.mark.parametrize(
    ("reports", "code"),
    [([PROVEN], 0), ([BAD], 6), ([ERROR], 1), ([PROVEN, ERROR], 1), ([ERROR, BAD, PROVEN], 6)],
)
def test_a_bad_backup_weighs_more_than_a_drill_that_could_not_be_done(
    reports: list[DrillReport], code: int
) -> None:
    assert exit_code(reports) == code


@pytest.mark.parametrize(
    "arguments",
    [[], ["--all", "--instance", "1"], ["--file", "x", "--all"], ["--all", "--latest", "--at", "2026-01-01"]],
)
def test_what_contradicts_itself_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["drill", *arguments]) == 2
    assert "error: " in capsys.readouterr().err


def test_junit_names_each_thing_that_was_shown() -> None:
    suite = ET.fromstring(junit([PROVEN]))[0]
    names = [
        (case.attrib["classname"].rpartition(".")[2], case.attrib["name"]) for case in suite.iter("testcase")
    ]
    assert names == [("drill", "verdict"), ("tables", "orders"), ("objects", "views")]
    assert (suite.attrib["failures"], suite.attrib["errors"], suite.attrib["time"]) == ("0", "0", "2.500")


TIMED = replace(
    PROVEN,
    tables=(TableProof("orders", 3, 3, 120, Equality.IDENTICAL, 1.25),),
    seconds={"start": 2.0, "examine": 0.2, "load": 3.5, "dump": 0.5},
    indexing=1.0,
)


def test_junit_has_the_time_of_each_table_and_the_time_to_recover_in_parts() -> None:
    suite = ET.fromstring(junit([TIMED]))[0]
    times = {case.attrib["name"]: case.attrib.get("time") for case in suite.iter("testcase")}
    assert times == {"verdict": None, "orders": "1.250", "views": None}
    assert {one.attrib["name"]: one.attrib["value"] for one in suite.iter("property")} == {
        "recovery.get": "0.200",
        "recovery.restore": "2.500",
        "recovery.index": "1.000",
        "recovery.verify": "0.500",
        "recovery.start": "2.000",
    }


def test_the_page_has_the_time_of_each_table_and_the_time_to_recover_in_parts() -> None:
    text = page([TIMED])
    assert "get 0.20 s, restore 2.50 s, index 1.00 s, verify 0.50 s, start 2.00 s" in text
    assert '<td class="n">1.25 s</td>' in text


def test_junit_tells_a_bad_backup_from_a_drill_that_could_not_be_done() -> None:
    bad, error = ET.fromstring(junit([BAD, ERROR]))
    assert (bad.attrib["failures"], bad.attrib["errors"]) == ("2", "0")
    assert [case.attrib["name"] for case in bad if case.find("failure") is not None] == [
        "<orders>\ufffd",
        "select 1",
    ]
    assert (error.attrib["failures"], error.attrib["errors"]) == ("0", "1")


def test_the_page_escapes_what_it_shows_and_needs_nothing_else() -> None:
    text = page([PROVEN, BAD, ERROR])
    assert "1 of 3 drills proven" in text
    assert "&lt;orders&gt;" in text
    assert "<orders>" not in text
    assert "http" not in text
    assert text.count("<section>") == 3


def test_a_file_is_drilled_without_a_config_and_the_reports_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("VYA_BACKUPDB_CONFIG", raising=False)
    monkeypatch.setattr(drilling, "drill", lambda request, *_: PROVEN if request.file == FILE else ERROR)
    arguments = ["--file", str(FILE), "--json", "d.json", "--junit", "d.xml", "--html", "d.html"]
    assert run(["drill", *arguments]) == 0
    assert json.loads((tmp_path / "d.json").read_text())["drills"][0]["verdict"] == "proven"
    assert (tmp_path / "d.xml").read_text().startswith("<?xml")
    assert (tmp_path / "d.html").read_text().startswith("<!doctype html>")
    assert "proven: " in capsys.readouterr().out


def test_a_dash_writes_the_json_to_stdout_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(drilling, "drill", lambda *_: BAD)
    assert run(["drill", "--file", str(FILE), "--json", "-"]) == 6
    assert json.loads(capsys.readouterr().out)["drills"][0]["tables"][0]["equality"] == "differs"


def test_a_choice_among_backups_needs_a_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("VYA_BACKUPDB_CONFIG", raising=False)
    assert run(["drill", "--all"]) == 3


def _backed_up(folder: Path, *databases: str) -> list[Path]:
    """Backups as files of no use, each with a manifest of its own."""
    folder.mkdir()
    paths = []
    for number, database in enumerate(databases):
        path = folder / f"20260113_15544{number}_mysql_{database}.sql"
        path.write_bytes(b"x")
        made = manifest(database)
        sha = f"{number:064x}"
        made = replace(
            made, artifact=replace(made.artifact, file=path.name, sha256=sha, raw_size=100_000_000)
        )
        path.with_name(path.name + MANIFEST).write_bytes(dump_manifest(made))
        paths.append(path)
    return paths


def test_a_budget_takes_what_has_gone_longest_without_proof_and_tells_what_is_stale(
    vya: Callable[..., Any], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = _backed_up(config.parent / "backups", "a", "b", "c")
    config.write_text(config.read_text() + "drill: {max_proof_age: 1w}\n")
    for path, days in ((a, 1), (b, 9)):
        made = load_manifest(path.with_name(path.name + MANIFEST).read_bytes())
        at = datetime.now(UTC) - timedelta(days=days)
        proof = Proof(
            path.name, made.artifact.sha256, made.instance, made.dbms, made.database, made.started, at,
            Verdict.PROVEN, seconds={"restore": 100.0}, raw_size=100_000_000,
        )  # fmt: skip
        keep(path.parent, proof)
    drilled: list[Path] = []

    def drill(request: DrillRequest, *_: object) -> DrillReport:
        drilled.append(request.file)
        return replace(PROVEN, file=request.file)

    monkeypatch.setattr(drilling, "drill", drill)
    ran = vya("drill", "--all", "--budget", "1m", "--json", "-")
    assert drilled == [c]
    told = [(Path(one["path"]).name, one["verdict"]) for one in ran.document["drills"]]
    assert told == [(c.name, "proven"), (b.name, "stale")]
    assert ran.code == 6

    drilled.clear()
    ran = vya("drill", "--all", "--budget", "0", "--json", "-")
    assert drilled == []
    assert [one["verdict"] for one in ran.document["drills"]] == ["stale", "stale"]

    assert vya("drill", "--all").code == 0
    assert drilled == [c, b, a]


@pytest.mark.parametrize("budget", ["soon", "-1m", "30"])
def test_a_budget_is_a_time(vya: Callable[..., Any], config: Path, budget: str) -> None:
    assert vya("drill", "--all", "--budget", budget).code == 2


def test_a_budget_goes_with_all(vya: Callable[..., Any]) -> None:
    assert vya("drill", "--file", "x", "--budget", "30m").code == 2


def test_what_was_kept_is_told(vya: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    kept = replace(PROVEN, kept=Kept("psql -d shop", "kill 12"))
    monkeypatch.setattr(drilling, "drill", lambda request, *_: kept if request.keep else PROVEN)
    out = vya("drill", "--file", str(FILE), "--keep").out
    assert "to connect: psql -d shop\n" in out
    assert "to end it:  kill 12\n" in out


def asked(vya: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> DrillRequest:
    """What is asked of the job."""
    requests: list[DrillRequest] = []

    def drill(request: DrillRequest, *_: object) -> DrillReport:
        requests.append(request)
        return PROVEN

    monkeypatch.setattr(drilling, "drill", drill)
    assert vya("drill", *arguments).code == 0
    return requests[0]


def test_the_configs_questions_and_limits_are_asked(
    vya: Callable[..., Any], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file,) = _backed_up(config.parent / "backups", "a")
    (config.parent / "tax.tsv").write_text("1\t0.19\n")
    config.write_text(
        config.read_text() + "expect: {max_shrink: 20%}\n"
        "drill:\n  max_age: 2d\n  checks:\n"
        "    - {database: a, sql: select 1, expect: '> 0'}\n"
        "    - {database: a, sql: select 2, expect: {file: tax.tsv}}\n"
    )
    request = asked(vya, monkeypatch, "--file", str(file))
    assert [check.expect for check in request.checks] == ["> 0", Rows("1\t0.19\n", "tax.tsv")]
    assert request.limits == Limits(timedelta(days=2), (Rule(max_shrink=0.2),))
    late = asked(vya, monkeypatch, "--all", "--at", "2036-01-01")
    assert late.limits == Limits(None, (Rule(max_shrink=0.2),))


def test_a_file_of_rows_that_cannot_be_read_is_a_fault_of_the_config(
    vya: Callable[..., Any], config: Path
) -> None:
    text = config.read_text()
    config.write_text(text + "drill: {checks: [{database: a, sql: select 1, expect: {file: no.tsv}}]}\n")
    ran = vya("drill", "--file", "x")
    assert ran.code == 3
    assert "drill.checks[0].expect.file: " in ran.err
    (config.parent / "no.tsv").write_bytes(b"\xff")
    assert "is no UTF-8" in vya("drill", "--file", "x").err
    config.write_text(text + "drill: {checks: [{database: a, sql: select 1, expect: {path: no.tsv}}]}\n")
    assert vya("drill", "--file", "x").code == 3
