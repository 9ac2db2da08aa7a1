"""Fingerprints of artifact and target."""

from dataclasses import replace

import pytest

from python_backup.errors import Refused
from python_backup.jobs.fingerprint import (
    ArtifactState,
    Fingerprint,
    TargetState,
    differences,
    refuse_changed,
)

THERE = TargetState(
    "15.1", exists=True, tables={"a": 1, "b": 2}, objects={"tables": ("a", "b"), "views": ("v",)}
)
PLANNED = Fingerprint(ArtifactState(10, "aa"), THERE)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (THERE, []),
        (replace(THERE, version="15.2"), ["the server's version is 15.2, was 15.1"]),
        (TargetState("15.1", exists=False), ["the target is no longer there"]),
        (replace(THERE, tables={"a": 1, "b": 3}), ["table b: 3 rows, was 2 rows"]),
        (replace(THERE, tables={"a": 1}), ["table b: not there, was 2 rows"]),
        (
            replace(THERE, objects={"views": ("w",)}),
            ["views that are new: w", "views that are gone: v"],
        ),
    ],
)  # fmt: skip
def test_each_thing_that_changed_is_named(target: TargetState, expected: list[str]) -> None:
    assert list(differences(PLANNED, replace(PLANNED, target=target))) == expected


def test_a_target_that_was_not_there_may_not_be_there_now() -> None:
    planned = replace(PLANNED, target=TargetState("15.1", exists=False))
    assert list(differences(planned, PLANNED)) == ["the target exists now"]


def test_a_long_list_is_cut() -> None:
    many = replace(PLANNED, target=replace(THERE, tables={f"t{i}": 1 for i in range(20)}))
    with pytest.raises(Refused, match="and 13 more") as caught:
        refuse_changed(many, replace(PLANNED, artifact=ArtifactState(10, "bb")))
    assert len(caught.value.message.splitlines()) == 12
