"""Child processes, with real ones: small shell scripts."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from python_backup.errors import ToolFailed, ToolMissing
from python_backup.log.events import Event
from python_backup.stream import child as module
from python_backup.stream.child import Child, Command, output_of, running
from python_backup.stream.ending import Ending
from python_backup.stream.environment import clean_environment
from python_backup.stream.processes import living_in_group, until

ENVIRONMENT = clean_environment(os.environ)


def shell(script: str, *, stdin: bytes = b"") -> Command:
    return Command(("/bin/sh", "-c", script), ENVIRONMENT, stdin)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@contextmanager
def within(seconds: float):
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds


def descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def failing(ending: Ending) -> None:
    if ending.returncode:
        raise ToolFailed(f"exit status {ending.returncode}: {ending.stderr.strip()}")


def test_output_and_ending_of_a_small_program():
    output, ending = output_of(shell("echo out; echo problem >&2; exit 3"))
    assert (output, ending) == (b"out\n", Ending(3, "problem\n"))


def test_the_signal_that_ended_a_child_is_its_negative_returncode():
    assert output_of(shell("kill -9 $$"))[1].returncode == -signal.SIGKILL


def test_a_missing_program_is_named():
    with pytest.raises(ToolMissing, match="program 'no-such-dump' is not on this machine"):
        output_of(Command(("no-such-dump",), ENVIRONMENT))


def test_a_file_that_cannot_be_run_is_named(tmp_path):
    program = tmp_path / "pg_dump"
    program.write_bytes(b"\0\1\2")
    with pytest.raises(ToolMissing, match="cannot be run: Permission denied"):
        output_of(Command((str(program),), ENVIRONMENT))
    program.chmod(0o755)
    with pytest.raises(ToolMissing, match="cannot be run: Exec format error"):
        output_of(Command((str(program),), ENVIRONMENT))


def test_input_larger_than_any_pipe_passes_while_output_comes_back():
    data = os.urandom(1 << 20) * 5
    output, ending = output_of(shell("tee /dev/stderr", stdin=data))
    assert (output == data, ending.returncode) == (True, 0)


def test_a_child_that_reads_no_input_is_judged_by_its_exit_status_alone():
    output, ending = output_of(shell("exec <&-; echo done", stdin=b"x" * (4 << 20)))
    assert (output, ending.returncode) == (b"done\n", 0)


def test_without_input_stdin_is_at_its_end():
    assert output_of(shell("cat"))[0] == b""


def test_stderr_keeps_its_first_and_last_64_kib():
    script = "echo first >&2; head -c 3000000 /dev/zero | tr '\\0' x >&2; echo last >&2; echo out"
    output, ending = output_of(shell(script))
    assert output == b"out\n"
    assert ending.stderr.startswith("first\nxxx")
    assert ending.stderr.endswith("xxxlast\n")
    assert "[2868939 bytes left out]" in ending.stderr
    assert len(ending.stderr) < 140_000


def test_stderr_that_is_no_utf_8_is_replaced():
    assert output_of(shell(r"printf 'caf\351' >&2"))[1].stderr == "caf\N{REPLACEMENT CHARACTER}"


def test_small_writes_are_gathered_into_large_blocks():
    with running(shell("dd if=/dev/zero bs=4k count=8192 status=none")) as child:
        sizes = [len(block) for block in child.blocks(failing)]
    assert sum(sizes) == 32 << 20
    assert max(sizes) <= module.BLOCK
    assert len(sizes) <= 2 * sum(sizes) / module.BLOCK


def test_a_slow_writer_is_passed_on_before_it_ends():
    with running(shell("echo early; sleep 5")) as child, within(3):
        assert next(child.blocks(failing)) == b"early\n"


def test_the_exit_status_is_judged_before_the_iterator_ends():
    with running(shell("echo all; exit 2")) as child:
        blocks = child.blocks(failing)
        assert next(blocks) == b"all\n"
        with pytest.raises(ToolFailed, match="exit status 2"):
            next(blocks)


def test_a_child_that_closes_stdout_and_then_fails_has_failed():
    with (
        running(shell("exec >&-; sleep 0.3; echo late >&2; exit 4")) as child,
        pytest.raises(ToolFailed, match="exit status 4: late"),
    ):
        list(child.blocks(failing))


def test_a_child_killed_midway_has_failed():
    with running(shell("echo some; kill -9 $$")) as child, pytest.raises(ToolFailed, match="exit status -9"):
        list(child.blocks(failing))


@pytest.mark.parametrize("script", ["sleep 60", "while :; do echo x; sleep 0.05; done", "exec >&-; sleep 60"])
def test_a_timeout_bounds_the_whole_run(script):
    timed_out = pytest.raises(ToolFailed, match=r"sh gave no end within 0\.4 s")
    with within(5), timed_out, running(shell(script), timeout=0.4) as child:
        list(child.blocks(failing))


def test_leaving_early_ends_a_grandchild_that_ignores_sigterm(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GRACE", 0.3)
    script = "trap '' TERM; (trap '' TERM; sleep 60) & echo $!; echo $$; wait; sleep 60"
    with within(5), running(shell(script)) as child:
        pids = [int(word) for word in next(child.blocks(failing)).split()]
        assert [alive(pid) for pid in pids] == [True, True]
    assert [alive(pid) for pid in pids] == [False, False]


def test_a_background_process_left_by_a_successful_child_is_ended_too():
    with within(5), running(shell("sleep 60 >&- 2>&- & echo $!")) as child:
        (block,) = child.blocks(failing)
    assert not alive(int(block))


def test_a_daemon_that_keeps_stderr_open_does_not_hold_up_the_ending(tmp_path):
    script = f"{sys.executable} -c 'import os,time; os.setsid(); print(os.getpid(), flush=True); os.close(1); time.sleep(20)' & sleep 0.5"
    with within(5), running(shell(script)) as child:
        (block,) = child.blocks(failing)
    os.kill(int(block), signal.SIGKILL)


def test_a_consumer_that_stops_early_does_not_hang_and_leaves_no_zombie():
    with within(5), running(shell("echo $$; exec cat /dev/zero")) as child:
        blocks = child.blocks(failing)
        pid = int(next(blocks).split(b"\n")[0])
    assert not Path(f"/proc/{pid}").exists()
    with pytest.raises(ToolFailed, match="sh was ended before it was done"):
        list(blocks)


def read_in_thread(child: Child, seen: list[object]) -> threading.Thread:
    def read() -> None:
        try:
            seen.append(sum(len(block) for block in child.blocks(failing)))
        except ToolFailed as exc:
            seen.append(exc.message)

    thread = threading.Thread(target=read)
    thread.start()
    return thread


@pytest.mark.parametrize("script", ["sleep 60", "exec cat /dev/zero", "exec >&-; sleep 60"])
def test_ending_from_another_thread_is_never_success_to_the_reader(script):
    seen: list[object] = []
    with within(5):
        with running(shell(script)) as child:
            thread = read_in_thread(child, seen)
            time.sleep(0.2)
        thread.join()
    assert seen == ["sh was ended before it was done"]


def test_a_child_that_listens_is_given_more_and_what_it_says_at_once_is_not_waited_for():
    command = Command(
        ("/bin/sh", "-c", "while read -r a; do echo $a; done; exit 3"), ENVIRONMENT, listens=True
    )
    with running(command) as child, within(3):
        blocks = child.blocks(failing, lambda block: block[-1:] == b"\n")
        for number in range(100):  # a tenth of a second would be waited for each
            child.give(b"%d\n" % number)
            assert next(blocks) == b"%d\n" % number
        child.give(b"x" * 300_000 + b"\n")
        assert len(next(blocks)) + len(next(blocks)) == 300_001


def test_a_child_that_listens_no_more_is_judged_by_its_end():
    with running(Command(("/bin/sh", "-c", "exit 3"), ENVIRONMENT, b"some", listens=True)) as child:
        blocks = child.blocks(failing)
        child.give(b"x" * 1_000_000)
        with pytest.raises(ToolFailed, match="exit status 3"):
            next(blocks)
    with pytest.raises(ToolFailed, match="was ended"):
        child.give(b"more")


def test_nothing_is_left_open():
    before = descriptors()
    output_of(shell("cat >&2", stdin=b"x"))
    with running(shell("sleep 60")):
        pass
    with pytest.raises(ToolMissing):
        output_of(Command(("no-such-dump",), ENVIRONMENT, b"x"))
    assert descriptors() - before == set()  # what another test left may be closed meanwhile


def test_the_environment_is_the_commands_own():
    command = Command(("/usr/bin/env",), {"A": "1"})
    assert output_of(command)[0] == b"A=1\n"


def test_secrets_in_environment_and_input_are_not_shown():
    assert "hush" not in repr(Command(("x",), {"PASSWORD": "hush"}, b"hush"))


def test_a_clean_environment_has_no_settings_of_clients_and_no_home():
    given = {
        "PATH": "/bin",
        "HOME": "/root",
        "PGOPTIONS": "x",
        "MYSQL_PWD": "y",
        "LANG": "de_DE",
        "TMPDIR": "/t",
    }
    assert clean_environment(given) == {
        "PATH": "/bin",
        "TMPDIR": "/t",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
    }


def test_an_environment_without_path_gets_the_systems():
    assert clean_environment({})["PATH"] == os.defpath


def test_the_log_has_all_that_a_tool_said_and_no_input_of_its(records):
    output_of(shell("cat >/dev/null; seq 5000 >&2; exit 3", stdin=b"hush"))
    (ended,) = [r for r in records if r.__dict__["event"] is Event.TOOL_ENDED]
    given = ended.__dict__["given"]
    assert given["stderr"] == "".join(f"{n}\n" for n in range(1, 5001))
    assert (given["program"], given["exit_status"]) == ("sh", 3)
    assert not [r for r in records if "hush" in str(r.__dict__)]


def test_lines_of_stderr_are_cut_and_empty_ones_left_out():
    assert Ending(0, "a\n \n" + "x" * 501).lines == ["a", "x" * 500 + "…"]


PARENT = """
import sys, threading, time
from python_backup.stream.child import Command, running
def start():
    child = starting.__enter__()
    print(child._process.pid, flush=True)
starting = running(Command(tuple(sys.argv[1:]), {"PATH": "/usr/bin:/bin"}))
threading.Thread(target=start).start()
time.sleep(600)
"""


def test_a_child_that_waits_dies_with_all_it_started_when_its_parent_is_killed():
    script = "sleep 600 & sleep 600"
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, "sh", "-c", script], stdout=subprocess.PIPE, text=True
    ) as parent:
        group = int(parent.stdout.readline())
        until(lambda: len(list(living_in_group(group))) == 3, within=5)
        before = list(living_in_group(group))
        parent.kill()
    until(lambda: not any(living_in_group(group)), within=5)
    assert (before, any(living_in_group(group))) == ([True] * 3, False)
