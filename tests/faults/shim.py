"""A dump tool that goes wrong as it is told: it passes the real one's output on, up to a point.

Copied under the tool's own name into a folder of the test, beside ``plan.json``. Asked for its version
or help, it is the real tool, or lies about its version.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ENDLESS = 600


def main() -> None:
    plan = json.loads((HERE / "plan.json").read_text())
    real = plan["real"][Path(__file__).name]
    if "--version" in sys.argv and plan["version"] is not None:
        _write(plan["version"].encode() + b"\n")
        return
    if {"--version", "--help"} & set(sys.argv):
        if plan.get("vanishes") and ("--help" in sys.argv or "pg_dump" in real):
            Path(__file__).unlink()
        os.execv(real, [real, *sys.argv[1:]])
    child = subprocess.Popen([real, *sys.argv[1:]], stdout=subprocess.PIPE)
    try:
        _pass_on(child, plan)
        ENDINGS[plan["ending"]](child, plan)
    finally:
        child.kill()


def _pass_on(child, plan) -> None:
    """Writes the output up to ``at`` bytes, before the last ``mark``, or to its end."""
    left = plan["at"]
    if plan["mark"] is not None:
        whole = child.stdout.read()
        place = whole.rfind(plan["mark"].encode())
        assert place >= 0, plan["mark"]
        _write(whole[: place + plan["further"]])
        return
    while left is None or left > 0:
        block = child.stdout.read1(1 << 16 if left is None else min(left, 1 << 16))
        if not block:
            return
        left = None if left is None else left - len(block)
        if plan["ending"] == "drip":
            for i in range(0, len(block), 512):
                _write(block[i : i + 512])
                time.sleep(0.02)
        else:
            _write(block)


def _write(block: bytes) -> None:
    while block:
        block = block[os.write(1, block) :]


def _exit(child, plan) -> None:
    if plan["say"]:
        os.write(2, plan["say"].encode() + b"\n")
    sys.exit(plan["code"])


def _real(child, plan) -> None:
    child.wait()
    sys.exit(child.returncode)


def _signalled(child, plan) -> None:
    child.kill()
    number = getattr(signal, plan["say"] or "SIGKILL")
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    time.sleep(ENDLESS)


def _hang(child, plan) -> None:
    if plan["say"] == "stubborn":
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    (HERE / "reached").touch()
    time.sleep(ENDLESS)


def _wait(child, plan) -> None:
    (HERE / "reached").touch()
    end = time.monotonic() + 60
    while not (HERE / "go").exists() and time.monotonic() < end:
        time.sleep(0.01)
    plan |= {"at": None, "ending": "rest"}
    _pass_on(child, plan)
    _real(child, plan)


def _close(child, plan) -> None:
    os.close(1)
    time.sleep(0.3)
    sys.exit(plan["code"])


def _orphan(child, plan) -> None:
    """Ends, but something that it started does not, and holds stdout and stderr."""
    subprocess.Popen(["sleep", str(ENDLESS)])
    sys.exit(plan["code"])


def _flood(child, plan) -> None:
    for _ in range(256):
        os.write(2, b"a line that means nothing, again and again\n" * 4096)
    sys.exit(plan["code"])


def _garbage(child, plan) -> None:
    _write(os.urandom(200_000))
    sys.exit(plan["code"])


ENDINGS = {
    "exit": _exit, "signal": _signalled, "hang": _hang, "wait": _wait, "close": _close,
    "orphan": _orphan, "flood": _flood, "garbage": _garbage, "drip": _real,
}  # fmt: skip

if __name__ == "__main__":
    main()
