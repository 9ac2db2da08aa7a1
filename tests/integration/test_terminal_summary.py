"""The end of a test run: which servers it ran against, and what it left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.programs import found_programs, one_of_each

TESTS = """
import pytest
from support.programs import found_programs, one_of_each

def test_one_server(servers):
    servers.wait(one_of_each(found_programs())[0])

@pytest.mark.parametrize("number", [1, 2])
def test_nothing(number):
    pytest.skip("there is nothing to test")
"""


def test_a_run_ends_with_its_servers_and_with_each_test_that_was_skipped(tmp_path: Path) -> None:
    file = tmp_path / "test_a_few.py"
    file.write_text(TESTS)
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "1", "-p", "conftest", "--rootdir", tmp_path, file],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place)},
        cwd=tmp_path, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    _, found, end = said.stdout.partition(" servers ===")
    assert found, said.stdout
    [server] = one_of_each(found_programs())[:1]
    lines = [line.split() for line in end.splitlines()[1:]]
    assert lines[0] == [server.id, server.version, server.clients]
    assert " ".join(lines[1]) == "skipped 2: there is nothing to test"
    assert sorted(line[0].rpartition("::")[2] for line in lines[2:4]) == [
        "test_nothing[1]",
        "test_nothing[2]",
    ]
