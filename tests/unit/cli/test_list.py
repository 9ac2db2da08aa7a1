"""vya-backupdb list, with a made-up job."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from python_backup.cli.list import Proofs, document, state
from python_backup.instance import Dbms
from python_backup.jobs import backups as job
from python_backup.model import Backup
from python_backup.storage.proofs import Equality, Proof, Verdict, keep
from support.results import TAKEN, manifest

FOUND = (
    Backup(Path("/b/a.sql.zst"), Dbms.MYSQL, "dns_db", TAKEN, 1000, manifest()),
    Backup(Path("/b/b.sql.zst"), Dbms.MYSQL, "b", TAKEN, 1000, manifest("b", errors=("no view",))),
    Backup(Path("/b/c.sql.gz"), None, "old", TAKEN, 12, None),
    Backup(Path("/b/d.sql"), None, "torn", TAKEN, 12, None, "the manifest is no JSON"),
)


@pytest.mark.parametrize(("errors", "expected"), [((), "suspect"), (("no view",), "partial")])
def test_a_suspect_backup_is_told_to_be_one_unless_it_is_partial(
    errors: tuple[str, ...], expected: str
) -> None:
    suspect = replace(manifest(errors=errors), suspect={"users": "gone"})
    assert state(replace(FOUND[0], manifest=suspect)) == expected
    assert document(replace(FOUND[0], manifest=suspect), Proofs({}, None, TAKEN))["suspect"] == {
        "users": "gone"
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    calls: list[tuple[object, ...]] = []

    def list_backups(folder: Path, *, instance: object, database: str | None) -> tuple[Backup, ...]:
        calls.append((folder, instance, database))
        return () if database == "none" else FOUND

    monkeypatch.setattr(job, "list_backups", list_backups)
    return calls


def test_the_backups_are_a_table(vya: Callable, asked: list[tuple[object, ...]], config: Path) -> None:
    ran = vya("list")
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[0] == ["taken", "database", "instance", "dbms", "rows", "size", "format", "state"]
    assert rows[2][2:] == ["dns_db", "1", "mysql", "1,200", "1.00", "kB", "zstd", "complete"]
    assert rows[3][-1] == "partial"
    assert rows[4][2:] == ["old", "-", "-", "-", "12", "B", "gzip", "no", "manifest"]
    assert rows[5][-2:] == ["bad", "manifest"]
    assert ran.err == "warning: d.sql: the manifest is no JSON\n"
    assert asked == [(config.parent / "backups", None, None)]


def test_what_drills_showed_stands_beside_the_backups(
    vya: Callable, asked: list[tuple[object, ...]], config: Path
) -> None:
    good = FOUND[0].manifest
    assert good is not None
    folder = config.parent / "backups"
    folder.mkdir(exist_ok=True)
    at = datetime.now(UTC)
    proof = Proof(
        "a", good.artifact.sha256, "1", Dbms.MYSQL, "dns_db", TAKEN, at - timedelta(days=3), Verdict.PROVEN,
        equality=Equality.IDENTICAL, server="mysql 9.7.4",
    )  # fmt: skip
    keep(folder, proof)
    keep(folder, replace(proof, at=at, verdict=Verdict.ERROR))
    rows = vya("list").out.splitlines()
    assert rows[0].split()[-1] == "proof"
    assert rows[2].endswith("proven 3 days ago")
    found = vya("list", "--json").document["backups"]
    assert (found[0]["proof"]["verdict"], found[0]["proof"]["equality"]) == ("proven", "identical")
    assert found[2]["proof"] is None
    config.write_text(config.read_text() + "\ndrill: {max_proof_age: 2d}\n")
    assert vya("list").out.splitlines()[2].endswith("proven 3 days ago, stale")
    keep(folder, replace(proof, at=at, verdict=Verdict.FAILED))
    assert vya("list").out.splitlines()[2].endswith("failed just now")


def test_eighty_columns_are_enough(
    vya: Callable, asked: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = vya("list").out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "bad manifest" in out


def test_it_is_narrowed_by_instance_and_database(vya: Callable, asked: list[tuple[object, ...]]) -> None:
    vya("list", "-i", "main", "-d", "x")
    ((_, instance, database),) = asked
    assert (getattr(instance, "id", None), database) == ("main", "x")


def test_json_has_every_backup(vya: Callable, asked: list[tuple[object, ...]]) -> None:
    found = vya("list", "--json").document["backups"]
    assert [b["state"] for b in found] == ["complete", "partial", "no manifest", "bad manifest"]
    assert (found[0]["rows"], found[0]["raw_size"], found[0]["taken"]) == (
        1200,
        3000,
        "2026-01-13T15:54:40+00:00",
    )


def test_an_empty_folder_is_said(vya: Callable, asked: list[tuple[object, ...]], config: Path) -> None:
    ran = vya("list", "-d", "none")
    assert (ran.code, ran.out) == (0, f"no backups in {config.parent / 'backups'}\n")
