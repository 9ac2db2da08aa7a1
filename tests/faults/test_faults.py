"""Every fault of the table, played on the real program: no false success, nothing lost, nothing left.

``make faults`` plays all of them (``VYA_FAULTS=1``); ``make test`` those of `SAMPLE`.
"""

from __future__ import annotations

import os
import re

import pytest

from faults.fault import Fault
from faults.stage import Outcome, Stage
from faults.table import FAMILIES, FAULTS, SAMPLE, of_family

LEAST = 60
PARTIAL = 7


def _checked(fault: Fault, stage: Stage, outcome: Outcome) -> str:
    """What became of the program's promises, in a word."""
    assert outcome.code in fault.codes, outcome
    assert "Traceback" not in outcome.out + outcome.err, outcome
    assert re.search(fault.says, outcome.err + outcome.out), outcome
    assert stage.changed() == [], outcome
    assert stage.processes() == [], outcome
    if fault.killed:
        stage.configure()
        after = stage.backup()
        assert after.code == 0, after
        added = [name for name in stage.added() if ".partial-" in name]
        assert (added, stage.left_in_temporary()) == ([], []), after
        return "cleared by the next run"
    assert stage.left_in_temporary() == [], outcome
    new = stage.published()
    for backup in new:
        assert backup.manifest is not None, outcome
        assert backup.manifest.partial == (outcome.code == PARTIAL), outcome
        verified = stage.run("verify", str(backup.path))
        assert verified.code == 0, verified
    if fault.ends == "done":
        assert fault.why, "an exit 0 wants a reason"
        return fault.why
    assert outcome.code != 0
    if outcome.code == PARTIAL:
        assert new, outcome
        return "partial, told"
    assert stage.added() == [], outcome
    return "refused, nothing left"


def test_a_fault_ends_as_the_table_says(fault: Fault, stage: Stage, record_property) -> None:
    if fault.root and os.geteuid() != 0:
        pytest.skip("only root may mount a small file system: no full, read-only or vanishing disk was seen")
    stage.configure()
    outcome = fault.play(stage)
    record_property("fault", (fault.name, stage.server.id, outcome.code, "not met"))
    verdict = _checked(fault, stage, outcome)
    record_property("fault", (fault.name, stage.server.id, outcome.code, verdict))


@pytest.mark.parametrize("family", FAMILIES)
def test_each_engine_is_put_through_sixty_faults_that_must_not_end_well(family: str) -> None:
    assert len([fault for fault in of_family(family) if fault.ends != "done"]) >= LEAST


def test_every_fault_has_a_name_of_its_own() -> None:
    for family in FAMILIES:
        names = [fault.name for fault in of_family(family)]
        assert sorted(names) == sorted(set(names))


def test_every_fault_of_the_sample_is_in_the_table() -> None:
    assert SAMPLE - {fault.name for fault in FAULTS} == set()


def test_only_a_fault_that_does_not_matter_may_end_with_0() -> None:
    assert [
        fault.name for fault in FAULTS if 0 in fault.codes and not (fault.ends == "done" and fault.why)
    ] == []
