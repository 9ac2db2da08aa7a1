"""vya-backupdb receipt, and the receipts of drill."""

import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from python_backup.jobs import drill as drilling
from python_backup.jobs.drill import DrillReport, DrillRequest
from python_backup.storage.proofs import Verdict
from support.results import TAKEN


@pytest.fixture
def artifact(config: Path) -> Path:
    folder = config.with_name("backups")
    folder.mkdir()
    path = folder / "shop_20260113_155440.sql"
    path.write_bytes(b"the artifact")
    return path


@pytest.fixture
def keyed(config: Path, vya: Callable) -> Path:
    """A config whose key is made; gives the public key's file."""
    config.write_text(config.read_text() + "receipt: {key: receipt.key}\n")
    ran = vya("receipt", "key", "--json")
    assert ran.code == 0
    public = config.with_name("receipt.pub")
    public.write_text(ran.document["public_key"])
    return public


@pytest.fixture
def drilled(monkeypatch: pytest.MonkeyPatch, vya: Callable, artifact: Path) -> Callable:
    """Runs a drill whose outcome is made up."""

    def drilled(verdict: Verdict = Verdict.PROVEN, *more: str):
        report = DrillReport(artifact, TAKEN, verdict, server="mysql 9.7.4")

        def made(request: DrillRequest, *_: object) -> DrillReport:
            return replace(report, file=request.file)

        monkeypatch.setattr(drilling, "drill", made)
        return vya("drill", "--file", str(artifact), *more)

    return drilled


def test_a_key_is_made_once_for_its_owner_alone(keyed: Path, vya: Callable) -> None:
    key = keyed.with_name("receipt.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text().startswith("-----BEGIN PRIVATE KEY-----\n")
    before = key.read_bytes()
    ran = vya("receipt", "key")
    assert ran.code == 8
    assert "is there already" in ran.err
    assert key.read_bytes() == before
    shown = vya("receipt", "key", "--show")
    assert shown.code == 0
    assert shown.out == keyed.read_text()


def test_a_key_is_made_without_a_config(vya: Callable, tmp_path: Path, config: Path) -> None:
    config.unlink()
    ran = vya("receipt", "key", "--file", "k")
    assert ran.code == 0
    assert ran.out.startswith("-----BEGIN PUBLIC KEY-----\n")
    assert "PRIVATE" not in ran.out + ran.err
    assert vya("receipt", "key", "--file", "k", "--show").out == ran.out
    (tmp_path / "k").chmod(0o644)
    refused = vya("receipt", "key", "--file", "k", "--show")
    assert (refused.code, "can be read by others" in refused.err) == (3, True)


def test_without_a_place_for_a_key_none_is_made(vya: Callable, config: Path) -> None:
    assert vya("receipt", "key").code == 3
    config.write_text(config.read_text() + "receipt: {key: {env: RECEIPT_KEY}}\n")
    ran = vya("receipt", "key")
    assert ran.code == 2
    assert "names no file" in ran.err


def test_each_drill_writes_a_receipt_and_verify_takes_them(
    keyed: Path, vya: Callable, drilled: Callable
) -> None:
    assert "receipt 1: " in drilled().out
    ran = drilled(Verdict.PROVEN, "--json", "-")
    assert (ran.code, ran.document["drills"][0]["receipt"]["number"]) == (0, 2)
    assert drilled(Verdict.FAILED).code == 6
    assert drilled(Verdict.ERROR).code == 1
    found = vya("receipt", "verify", "--json")
    assert found.code == 0
    assert [one["verdict"] for one in found.document["receipts"]] == ["proven", "proven", "failed", "error"]
    assert [one["artifact"]["found"] for one in found.document["receipts"]] == ["same"] * 4
    assert found.document["chains"] == [{"instance": None, "database": "shop", "latest": 4, "faults": []}]
    assert "none is missing up to number 4" in vya("receipt", "verify").out


def test_they_are_checked_elsewhere_with_the_public_key_alone(
    keyed: Path, vya: Callable, drilled: Callable, config: Path
) -> None:
    receipt = drilled(Verdict.PROVEN, "--json", "-").document["drills"][0]["receipt"]["path"]
    config.unlink()
    assert vya("receipt", "verify", receipt, "--public-key", str(keyed)).code == 0
    ran = vya("receipt", "verify", receipt)
    assert ran.code == 3
    vya("receipt", "key", "--file", "other.key")
    keyed.write_text(vya("receipt", "key", "--file", "other.key", "--show").out)
    foreign = vya("receipt", "verify", receipt, "--public-key", str(keyed))
    assert foreign.code == 5
    assert "no trusted key signed it" in foreign.err


def test_what_is_wrong_decides_the_exit_code(
    keyed: Path, vya: Callable, drilled: Callable, artifact: Path
) -> None:
    paths = [
        Path(drilled(Verdict.PROVEN, "--json", "-").document["drills"][0]["receipt"]["path"])
        for _ in range(3)
    ]
    artifact.write_bytes(b"another")
    ran = vya("receipt", "verify")
    assert (ran.code, "differs" in ran.out) == (6, True)
    paths[1].unlink()
    ran = vya("receipt", "verify")
    assert ran.code == 5
    assert "shop: receipt 2 is missing" in ran.out
    assert vya("receipt", "verify", str(paths[2]), "--alone").code == 6
    paths[2].write_bytes(paths[2].read_bytes().replace(b"A", b"B", 1))
    ran = vya("receipt", "verify", str(paths[2]))
    assert ran.code == 5
    assert "1 not" in ran.out
    assert str(paths[2]) in ran.err


def test_nothing_to_check_and_nothing_to_check_with_are_told(
    keyed: Path, vya: Callable, config: Path
) -> None:
    config.with_name("backups").mkdir()
    assert vya("receipt", "verify").code == 2
    assert vya("receipt", "verify", "x", "--public-key", "nowhere").code == 3
    keyed.write_text("no key")
    assert vya("receipt", "verify", "x", "--public-key", str(keyed)).code == 3
    config.write_text(config.read_text().replace("receipt:", "#"))
    ran = vya("receipt", "verify", "x")
    assert (ran.code, "--public-key" in ran.err) == (2, True)


def test_a_key_that_is_none_ends_the_drill_before_it_begins(
    keyed: Path, drilled: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed.with_name("receipt.key").write_text("nonsense that is secret")
    ran = drilled()
    assert ran.code == 3
    assert "receipt.key: is no Ed25519 key" in ran.err
    assert "secret" not in ran.err


def test_a_receipt_that_cannot_be_written_fails_a_drill_that_went_well(
    keyed: Path, drilled: Callable, artifact: Path
) -> None:
    (artifact.parent / ".receipts").write_bytes(b"no folder")
    ran = drilled()
    assert ran.code == 1
    assert "no receipt was written" in ran.out
    assert "proven: " in ran.out
    assert drilled(Verdict.FAILED).code == 6
    assert (
        drilled(Verdict.PROVEN, "--json", "-").document["drills"][0]["receipt_error"]["type"]
        == "StorageFailed"
    )


def test_without_a_key_there_are_no_receipts(drilled: Callable, artifact: Path) -> None:
    ran = drilled(Verdict.PROVEN, "--json", "-")
    assert ran.document["drills"][0]["receipt"] is None
    assert not (artifact.parent / ".receipts").exists()
