"""Requirements as a package's metadata has them."""

from __future__ import annotations

import tomllib

import pytest

from python_backup.policy.requirements import requirement, within
from support.markdown import CHECKOUT

PYTHON = (3, 11, 7)


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("3.2.10", ">=3.2,<4", True),
        ("3.2", ">=3.2,<4", True),
        ("4.0", ">=3.2,<4", False),
        ("3.1.99", "<4,>=3.2", False),
        ("50.0.2", ">=43", True),
        ("2.9.0rc1", ">=2.9", True),
        ("1.10", ">=1.9", True),
        ("1.2.0", "==1.2", True),
        ("1.3", "!=1.3", False),
        ("9", "", True),
    ],
)
def test_a_version_is_within_a_range_when_every_bound_holds(version, wanted, fits):
    assert within(version, wanted) is fits


def test_a_marker_leaves_a_requirement_out():
    assert requirement("backports.zstd<2,>=1.0; python_version < '3.14'", PYTHON).range == "<2,>=1.0"
    assert requirement("backports.zstd<2,>=1.0; python_version < '3.14'", (3, 14, 0)) is None
    assert requirement('keyring>=25.2; extra == "keyring"', PYTHON) is None


def test_every_requirement_of_this_project_is_understood():
    lines = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["dependencies"]
    read = [requirement(line, PYTHON) for line in lines]
    assert [r.name for r in read if r] == [line.split(">")[0].split("[")[0] for line in lines]
    assert all(r.range.count(">=") == 1 for r in read if r)
