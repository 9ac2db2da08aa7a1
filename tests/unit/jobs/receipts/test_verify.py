"""Receipts checked: changed, forged, lost, renamed, copied ones, and artifacts beside them."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from python_backup.errors import ArtifactMissing
from python_backup.jobs.drill import DrillReport
from python_backup.jobs.receipts.verify import Beside, ReceiptsChecked, verify_receipts
from python_backup.receipt.keys import SigningKey, signing_key


@pytest.fixture
def chain(signed: Callable, report: DrillReport) -> list[Path]:
    """Four receipts of one database."""
    return [signed(replace(report, started=report.started + timedelta(days=n))).path for n in range(4)]


@pytest.fixture
def checked(key: SigningKey) -> Callable[..., ReceiptsChecked]:
    def checked(
        *paths: Path, alone: bool = False, trusted: tuple[SigningKey, ...] = (key,)
    ) -> ReceiptsChecked:
        return verify_receipts(paths, [one.public for one in trusted], alone=alone)

    return checked


def faults(found: ReceiptsChecked) -> list[str]:
    return [fault for chain in found.chains for fault in chain.faults]


def test_a_whole_chain_is_genuine(chain: list[Path], checked: Callable) -> None:
    found = checked(chain[0].parent)
    assert found.genuine
    assert found.same
    assert [one.statement.chain.number for one in found.receipts] == [1, 2, 3, 4]
    assert {one.beside for one in found.receipts} == {Beside.SAME}
    assert [(c.instance, c.database, c.latest) for c in found.chains] == [("1", "shop", 4)]


def test_the_others_in_its_folder_complete_the_chain_of_one(chain: list[Path], checked: Callable) -> None:
    assert checked(chain[2]).genuine
    assert len(checked(chain[2]).receipts) == 1
    chain[0].unlink()
    (missing,) = faults(checked(chain[2]))
    assert missing.startswith("receipt 1 is missing (")
    chain[3].write_bytes(b"later than what was asked about")
    assert len(faults(checked(chain[2]))) == 1


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_receipt_that_was_removed_is_named(chain: list[Path], checked: Callable, lost: int) -> None:
    chain[lost].unlink()
    (missing,) = faults(checked(chain[0].parent))
    assert missing.startswith(f"receipt {lost + 1} is missing")


def test_a_copied_receipt_is_genuine_alone(chain: list[Path], checked: Callable, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    copy = Path(shutil.copy(chain[2], tmp_path / "elsewhere"))
    assert not checked(copy).genuine
    found = checked(copy, alone=True)
    assert found.genuine
    assert found.chains == ()
    assert found.receipts[0].beside is Beside.ABSENT
    assert checked(copy, chain[0].parent).genuine


def test_one_that_was_kept_shows_that_the_latest_are_gone(
    chain: list[Path], checked: Callable, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    kept = Path(shutil.copy(chain[3], tmp_path / "elsewhere"))
    chain[2].unlink()
    chain[3].unlink()
    assert checked(chain[0].parent).genuine  # by themselves they cannot show it
    (missing,) = faults(checked(chain[0].parent, kept))
    assert missing.startswith("receipt 3 is missing")


def test_every_byte_counts(chain: list[Path], checked: Callable) -> None:
    content = chain[3].read_bytes()
    for position in range(0, len(content), 7):
        changed = bytearray(content)
        changed[position] ^= 1
        chain[3].write_bytes(changed)
        found = checked(chain[3], alone=True)
        assert not found.genuine
        assert found.receipts[0].statement is None


def test_a_receipt_put_in_anothers_place_is_told(chain: list[Path], checked: Callable) -> None:
    shutil.copy(chain[0], chain[1])
    found = checked(chain[0].parent)
    assert "renamed" in found.receipts[1].error.message
    assert [fault.split(" (")[0] for fault in faults(found)] == ["receipt 2 is missing"]


def test_two_receipts_that_changed_names_are_told(chain: list[Path], checked: Callable) -> None:
    one, two = chain[1].read_bytes(), chain[2].read_bytes()
    chain[1].write_bytes(two)
    chain[2].write_bytes(one)
    found = checked(chain[0].parent)
    assert [one.error is not None for one in found.receipts] == [False, True, True, False]


def test_a_copy_beside_the_receipt_is_told(chain: list[Path], checked: Callable) -> None:
    copy = chain[1].with_name("copy.receipt.json")
    shutil.copy(chain[1], copy)
    (fault,) = faults(checked(chain[0].parent, copy))
    assert "are the same receipt, number 2" in fault


def test_another_key_is_not_trusted_and_an_old_one_is_vouched_for(
    chain: list[Path], checked: Callable, signed: Callable, report: DrillReport
) -> None:
    new = signing_key("02" * 32)
    latest = signed(replace(report, started=report.started + timedelta(days=9)), new)
    assert not checked(latest.path).genuine
    assert checked(latest.path, trusted=(new,)).genuine  # the older ones are named by the sum in it
    found = checked(chain[0].parent, trusted=(new,))
    assert [one.error is None for one in found.receipts] == [False] * 4 + [True]
    assert checked(chain[0].parent, trusted=(new, signing_key("01" * 32))).genuine


def test_an_artifact_with_other_bytes_is_told_from_one_that_is_not_here(
    chain: list[Path], checked: Callable, artifact: Path
) -> None:
    artifact.write_bytes(b"another artifact")
    found = checked(chain[0])
    assert (found.genuine, found.same, found.receipts[0].beside) == (True, False, Beside.DIFFERS)
    shutil.copy(artifact, chain[0].parent)  # beside the receipt itself goes before
    artifact.write_bytes(b"the artifact")
    assert checked(chain[0]).receipts[0].beside is Beside.DIFFERS
    (chain[0].parent / artifact.name).unlink()
    artifact.unlink()
    assert checked(chain[0]).receipts[0].beside is Beside.ABSENT


def test_a_file_that_is_not_there_is_a_finding(chain: list[Path], checked: Callable, tmp_path: Path) -> None:
    found = checked(chain[0], tmp_path / "none")
    assert isinstance(found.receipts[1].error, ArtifactMissing)
    assert not found.genuine


def test_databases_have_chains_of_their_own(
    chain: list[Path], checked: Callable, tmp_path: Path, signed: Callable, report: DrillReport
) -> None:
    other = tmp_path / "blog_20260113_155440.sql"
    other.write_bytes(b"x")
    receipt = signed(replace(report, file=other))
    found = checked(chain[0].parent, receipt.path)
    assert found.genuine
    assert [(c.instance, c.database, c.latest) for c in found.chains] == [(None, "blog", 1), ("1", "shop", 4)]
