"""Faults of the dump tool, played by a shim around the real one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from faults.fault import Fault
from faults.stage import Outcome, Stage

AMID = 200_000
SLOW = {"backup": {"timeout": 2}}


def _shimmed(ending: str, *, config: dict | None = None, **told) -> Callable[[Stage], Outcome]:
    def play(stage: Stage) -> Outcome:
        stage.configure(instance=stage.shim(ending, **told), **(config or {}))
        return stage.backup()

    return play


def _custom(ending: str, **told) -> Callable[[Stage], Outcome]:
    def play(stage: Stage) -> Outcome:
        stage.configure(instance={**stage.shim(ending, **told), "format": "custom"})
        return stage.backup()

    return play


def _missing(stage: Stage) -> Outcome:
    stage.configure(instance={"tools": {"command": [str(stage.root / "nowhere")]}})
    return stage.backup()


def _not_executable(stage: Stage) -> Outcome:
    needs = stage.shim("exit")
    for path in stage.tools.glob("*dump*"):
        path.write_text("#!/nowhere/python\n")
    needs["tools"] = {"command": [str(next(iter(stage.tools.glob("*dump*"))))]}
    stage.configure(instance=needs)
    return stage.backup()


def _vanishing(stage: Stage) -> Outcome:
    """The tool is there when it is asked who it is, and gone when it is to dump."""
    stage.shim("exit", vanishes=True)
    command = [
        "/usr/bin/env",
        f"PATH={stage.tools}",
    ]  # where the folder is named, another program is looked for
    stage.configure(instance={"tools": {"command": command, "host": "127.0.0.1", "port": stage.server.port}})
    return stage.backup()


def _old(stage: Stage) -> Outcome:
    said = {
        "postgresql": "pg_dump (PostgreSQL) 9.6.24",
        "mysql": "mysqldump  Ver 10.13 Distrib 5.1.73, for Linux",
    }
    stage.shim("exit", version=said[stage.family])
    command = [
        "/usr/bin/env",
        f"PATH={stage.tools}",
    ]  # found nowhere else: of several the fitting one is taken
    stage.configure(instance={"tools": {"command": command, "host": "127.0.0.1", "port": stage.server.port}})
    return stage.backup()


def _signal(number: int, *, at: int, times: int = 1) -> Callable[[Stage], Outcome]:
    """The program itself is sent a signal while its tool hangs."""

    def play(stage: Stage) -> Outcome:
        stage.configure(instance=stage.shim("hang", at=at))
        begun = time.monotonic()
        child = stage.begin("backup", "--database", "shop")
        stage.reached(child)
        for _ in range(times):
            child.send_signal(number)
            time.sleep(0.05)
        outcome = stage.ended(child, begun)
        assert outcome.seconds < 10 + 5, outcome
        return outcome

    return play


def _killed(stage: Stage) -> Outcome:
    """SIGKILL amid a dump; then the next run, which clears up and is well."""
    stage.configure(instance=stage.shim("wait", at=AMID))
    begun = time.monotonic()
    child = stage.begin("backup", "--database", "shop")
    stage.reached(child)
    os.kill(child.pid, signal.SIGKILL)
    outcome = stage.ended(child, begun)
    (stage.tools / "go").touch()
    return outcome


ENDED = r"signal 9"
END_MARK = r"end mark|Dump completed|left off|truncated"

FAULTS = (
    Fault("the tool is killed before its output", _shimmed("signal", at=0), 1, ENDED),
    Fault("the tool is killed amid its output", _shimmed("signal", at=AMID), 1, ENDED),
    Fault("the tool is killed after its whole output", _shimmed("signal"), 1, ENDED),
    Fault("the tool is ended by SIGTERM amid its output", _shimmed("signal", at=AMID, say="SIGTERM"), 1, "signal 15"),
    Fault("the tool crashes (SIGSEGV) amid its output", _shimmed("signal", at=AMID, say="SIGSEGV"), 1, "signal 11"),
    Fault("the tool runs into SIGPIPE", _shimmed("signal", at=AMID, say="SIGPIPE"), 1, "signal 13"),
    Fault("the tool exits 1 before its output", _shimmed("exit", at=0, code=1), 1, "exit status 1"),
    Fault("the tool exits 1 amid its output", _shimmed("exit", at=AMID, code=1), 1, "exit status 1"),
    Fault("the tool exits 1 after its whole output", _shimmed("exit", code=1), 1, "exit status 1"),
    Fault("the tool exits 3 and says why", _shimmed("exit", at=AMID, code=3, say="out of cheese"), 1, "cheese"),
    Fault("the output is empty, exit 0", _shimmed("exit", at=0), 1, END_MARK),
    Fault("the output ends within the header, exit 0", _shimmed("exit", at=60), 1, END_MARK),
    Fault("the output ends amid the rows, exit 0", _shimmed("exit", at=AMID), 1, END_MARK),
    Fault("the output ends behind a whole row, exit 0", _shimmed("exit", mark="last of all", further=0), 1, END_MARK),
    Fault(
        "the output ends before the first row of a table, exit 0",
        _shimmed("exit", mark="COPY public.zebra"), 1, END_MARK, families=("postgresql",),
    ),
    Fault(
        "the output ends before the first row of a table, exit 0",
        _shimmed("exit", mark="INSERT INTO `zebra`"), 1, END_MARK, families=("mysql",),
    ),
    Fault(
        "the output ends before the end mark, exit 0",
        _shimmed("exit", mark="-- PostgreSQL database dump complete"), 1, END_MARK, families=("postgresql",),
    ),
    Fault(
        "the output ends before the end mark, exit 0",
        _shimmed("exit", mark="-- Dump completed"), 1, END_MARK, families=("mysql",),
    ),
    Fault("the output ends within the end mark, exit 0", _shimmed("exit", mark="omplete"), 1, END_MARK),
    Fault("garbage amid the output, exit 0", _shimmed("garbage", at=AMID), 1, END_MARK),
    Fault("nothing but garbage, exit 0", _shimmed("garbage", at=0), 1, END_MARK),
    Fault("stdout is closed early, exit 0", _shimmed("close", at=AMID), 1, END_MARK),
    Fault("stdout is closed early, exit 1", _shimmed("close", at=AMID, code=1), 1, "exit status 1"),
    Fault(
        "an error on stderr, exit 0", _shimmed("exit", say="pg_dump: error: no luck"), 1, "no luck",
        families=("postgresql",),
    ),
    Fault(
        "an error on stderr amid a whole dump, exit 0 (--force)",
        _shimmed("exit", say="mysqldump: Couldn't execute 'SHOW CREATE TABLE `t`': no luck (1146)"), 7, "no luck",
        families=("mysql",),
    ),
    Fault(
        "the connection is lost under --force, trailer written, exit 0",
        _shimmed("exit", say="mysqldump: Error 2013: Lost connection to server during query when dumping table `t`"), 1,
        "Lost connection", families=("mysql",),
    ),
    Fault(
        "killed under --force, after an error", _shimmed("signal", at=AMID, say="SIGKILL"), 1, ENDED,
        families=("mysql",),
    ),
    Fault(
        "rows that cannot be read under --force, trailer written, exit 2",
        _shimmed("exit", code=2, say="mysqldump: Error: 'Got errno 5 on read' when dumping"), 1, "errno 5",
        families=("mysql",),
    ),
    Fault(
        "an archive that is cut, exit 0", _custom("exit", at=AMID), 1, "pg_restore|archive|end|read",
        families=("postgresql",),
    ),
    Fault(
        "an archive that is cut in its header, exit 0", _custom("exit", at=9), 1, "pg_restore|archive|end|read",
        families=("postgresql",),
    ),
    Fault(
        "garbage in place of an archive, exit 0", _custom("garbage", at=0), 1, "pg_restore|archive",
        families=("postgresql",),
    ),
    Fault(
        "forty megabytes of stderr, exit 1", _shimmed("flood", at=AMID, code=1), 1, "exit status 1|left out"
    ),
    Fault("the tool hangs before its output", _shimmed("hang", at=0, config=SLOW), 1, "within 2 s"),
    Fault("the tool hangs amid its output", _shimmed("hang", at=AMID, config=SLOW), 1, "within 2 s"),
    Fault("the tool hangs after its whole output", _shimmed("hang", config=SLOW), 1, "within 2 s"),
    Fault("the tool hangs and ignores SIGTERM", _shimmed("hang", at=AMID, say="stubborn", config=SLOW), 1, "within 2 s"),
    Fault("the tool is slower than the time-out", _shimmed("drip", config=SLOW), 1, "within 2 s"),
    Fault(
        "the tool ends and leaves a child that holds its output", _shimmed("orphan", at=AMID, config=SLOW), 1,
        f"within 2 s|{END_MARK}",
    ),
    Fault("the tool is not there", _missing, 1, "cannot be run|not on this machine|no .*dump"),
    Fault("the tool's interpreter is not there", _not_executable, 1, "cannot be run|not on this machine|no .*dump"),
    Fault("the tool vanishes before it is to dump", _vanishing, 1, "not on this machine|cannot be run|No such file"),
    Fault("the tool is older than the server", _old, 1, "older|no .*dump"),
    Fault("SIGTERM amid the dump", _signal(signal.SIGTERM, at=AMID), 143, "SIGTERM"),
    Fault("SIGINT amid the dump", _signal(signal.SIGINT, at=AMID), 130, "SIGINT"),
    Fault("SIGHUP amid the dump", _signal(signal.SIGHUP, at=AMID), 129, "SIGHUP"),
    Fault("SIGTERM before the first byte", _signal(signal.SIGTERM, at=0), 143, "SIGTERM"),
    Fault("SIGINT twice amid the dump", _signal(signal.SIGINT, at=AMID, times=2), 130, ""),
    Fault("SIGKILL amid the dump", _killed, -9, "", killed=True),
)  # fmt: skip
