"""What a receipt says of a drill."""

import hashlib
import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from python_backup.errors import ArtifactError, StorageFailed
from python_backup.jobs.drill import DrillReport, DrillRequest
from python_backup.jobs.receipts.write import Signing, state_of, write_receipt
from python_backup.receipt.keys import SigningKey
from python_backup.storage.proofs import Verdict
from support.results import TAKEN


def stated(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(b64decode(json.loads(path.read_bytes())["payload"]))
    return document


def test_it_names_the_artifact_and_what_was_shown(signed: Callable, artifact: Path) -> None:
    receipt = signed()
    document = stated(receipt.path)
    sha256 = hashlib.sha256(b"the artifact").hexdigest()
    assert document["subject"] == [{"name": artifact.name, "digest": {"sha256": sha256}}]
    predicate = document["predicate"]
    assert (predicate["verdict"], predicate["equality"]) == ("proven", "same rows")
    assert (predicate["instance"], predicate["database"], predicate["server"]) == ("1", "shop", "mysql 9.7.4")
    assert [t["table"] for t in predicate["tables"]] == ["orders", "users"]
    assert predicate["tables"][0]["equality"] == "same rows"
    assert predicate["objects"][0]["kind"] == "views"
    assert predicate["seconds"] == {"start": 2.0}
    assert predicate["dumped"]["server_version"] == "9.7"
    assert predicate["chain"] == {"number": 1, "previous": None}


def test_the_second_names_the_first_by_its_sum(signed: Callable, tmp_path: Path) -> None:
    first, second = signed(), signed()
    assert (first.number, second.number) == (1, 2)
    assert stated(second.path)["predicate"]["chain"] == {"number": 2, "previous": first.sha256}
    assert first.sha256 == hashlib.sha256(first.path.read_bytes()).hexdigest()
    assert first.path.parent == tmp_path / ".receipts/1/shop"


def test_a_drill_that_found_a_bad_backup_and_one_that_failed_have_receipts_too(
    signed: Callable, report: DrillReport, artifact: Path
) -> None:
    artifact.write_bytes(b"damaged")
    bad = signed(replace(report, verdict=Verdict.FAILED, reason="checksum", tables=(), objects=()))
    document = stated(bad.path)
    assert document["subject"][0]["digest"]["sha256"] == hashlib.sha256(b"damaged").hexdigest()
    assert (document["predicate"]["reason"], document["predicate"]["equality"]) == ("checksum", None)
    assert signed(replace(report, verdict=Verdict.ERROR)).number == 2


@pytest.mark.parametrize(
    ("name", "source", "database"),
    [
        ("shop_20260113_155440.sql", None, "shop"),
        ("from elsewhere.sql", None, "from elsewhere.sql"),
        ("from elsewhere.sql", "shop", "shop"),
    ],
)
def test_an_artifact_without_manifest_is_nobodys(
    tmp_path: Path, report: DrillReport, key: SigningKey, name: str, source: str | None, database: str
) -> None:
    file = tmp_path / name
    file.write_bytes(b"x")
    signing = Signing(tmp_path, key, lambda: TAKEN)
    receipt = write_receipt(DrillRequest(file, source), replace(report, file=file), state_of(file), signing)
    predicate = stated(receipt.path)["predicate"]
    assert (predicate["instance"], predicate["database"]) == (None, database)
    assert receipt.path.parent.parent == tmp_path / ".receipts/_"


def test_a_damaged_manifest_says_nothing(signed: Callable, artifact: Path) -> None:
    artifact.with_name(artifact.name + ".manifest.json").write_bytes(b"{")
    assert stated(signed().path)["predicate"]["instance"] is None


def test_an_artifact_that_was_changed_amid_the_drill_gets_no_receipt(
    tmp_path: Path, report: DrillReport, key: SigningKey, artifact: Path
) -> None:
    before = state_of(artifact)
    artifact.with_name("other").write_bytes(b"the artifacT")
    artifact.with_name("other").rename(artifact)
    with pytest.raises(StorageFailed, match="changed while it was drilled"):
        write_receipt(DrillRequest(artifact), report, before, Signing(tmp_path, key, lambda: TAKEN))
    assert not (tmp_path / ".receipts").exists()


def test_an_artifact_that_is_not_there_gets_none(signed: Callable, artifact: Path) -> None:
    artifact.unlink()
    with pytest.raises(ArtifactError):
        signed()


def test_names_that_are_no_utf_8_are_signed_too(signed: Callable, report: DrillReport) -> None:
    table = replace(report.tables[0], table="caf\udce9")
    receipt = signed(replace(report, tables=(table,), started=TAKEN + timedelta(days=1)))
    assert stated(receipt.path)["predicate"]["tables"][0]["table"] == "caf\udce9"
