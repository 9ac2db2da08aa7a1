"""`make demo`, as it is run by whoever sees the project for the first time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from support.programs import CHECKOUT


def test_the_demo_finds_both_sides_identical_within_a_minute_and_leaves_no_file(tmp_path: Path) -> None:
    begun = time.monotonic()
    said = subprocess.run(
        [sys.executable, CHECKOUT / "tools" / "demo.py"],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert (said.returncode, said.stderr, list(tmp_path.iterdir())) == (0, "", []), said.stdout
    assert [line.split()[1] for line in said.stdout.splitlines() if "identical" in line][:1] == ["postgresql"]
    others = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # a minute of a machine of one's own
    assert time.monotonic() - begun < 60 * others, said.stdout
