"""A backup folder with an artifact, and drills of it that are made up."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from python_backup.jobs.compare import ObjectsCompared
from python_backup.jobs.drill import DrillReport, DrillRequest
from python_backup.jobs.proving import TableProof
from python_backup.jobs.receipts.write import Receipt, Signing, state_of, write_receipt
from python_backup.manifest import dump_manifest
from python_backup.receipt.keys import SigningKey, signing_key
from python_backup.storage.proofs import Equality, Verdict
from support.results import TAKEN, manifest


@pytest.fixture
def key() -> SigningKey:
    return signing_key("01" * 32)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    made = manifest("shop")
    path = tmp_path / made.artifact.file
    path.write_bytes(b"the artifact")
    path.with_name(path.name + ".manifest.json").write_bytes(dump_manifest(made))
    return path


@pytest.fixture
def report(artifact: Path) -> DrillReport:
    return DrillReport(
        artifact,
        TAKEN + timedelta(hours=1),
        Verdict.PROVEN,
        server="mysql 9.7.4",
        tables=(
            TableProof("orders", 3, 3, 120, Equality.SAME_ROWS),
            TableProof("users", 2, 2, 50, Equality.IDENTICAL),
        ),
        objects=(ObjectsCompared("views", 1, 1, (), ()),),
        seconds={"start": 2.00049},
    )


@pytest.fixture
def signed(tmp_path: Path, report: DrillReport, key: SigningKey) -> Callable[..., Receipt]:
    """Writes the receipt of the report, or of this one."""

    def signed(given: DrillReport = report, signer: SigningKey = key, at: datetime = TAKEN) -> Receipt:
        request = DrillRequest(given.file)
        return write_receipt(request, given, state_of(given.file), Signing(tmp_path, signer, lambda: at))

    return signed
