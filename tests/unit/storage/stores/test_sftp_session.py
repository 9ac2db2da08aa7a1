"""SFTP with servers that do what a real one cannot be made to do: answers that are short, late, cut or none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from python_backup.errors import ArtifactError, ToolFailed
from python_backup.storage.stores import sftp
from python_backup.storage.stores.place import Place
from python_backup.storage.stores.sftp import opened_folder
from python_backup.storage.stores.sftp_session import PIECE, Session
from python_backup.stream.child import Command, conversing
from python_backup.stream.environment import clean_environment

FILE = bytes(range(256)) * 1500

SERVER = f"""#!{sys.executable}
import os, struct, sys, time

FILE = bytes(range(256)) * 1500
how = HOW

def packet():
    size = sys.stdin.buffer.read(4)
    return sys.stdin.buffer.read(int.from_bytes(size, "big")) if size else sys.exit(0)

def say(kind, body):
    sys.stdout.buffer.write(struct.pack(">IB", len(body) + 1, kind) + body)
    sys.stdout.buffer.flush()

def text(value):
    return struct.pack(">I", len(value)) + value

packet()
if how == "chatty":
    print("Welcome to this host, and mind the step", flush=True)
say(2, struct.pack(">I", 3))
held = None
while True:
    asked = packet()
    kind, number, rest = asked[0], asked[1:5], asked[5:]
    if kind in (8, 17):
        changed = 2 if how == "replaced" and kind == 8 else 1
        say(105, number + struct.pack(">IQIII", 1 | 4 | 8, len(FILE), 0o100644, 1, changed))
    elif kind == 3:
        say(102, number + text(b"handle"))
    elif kind == 4:
        say(101, number + struct.pack(">I", 0) + text(b"") + text(b""))
    elif kind == 5:
        while how == "flooding":
            say(103, struct.pack(">I", 7_000_000) + text(b"x" * 1000))
        begin, size = struct.unpack(">QI", rest[-12:])
        data = FILE[begin : begin + (min(size, 1000) if how == "short" else size)]
        if how == "dying" and begin > 100000:
            sys.exit("the disk is on fire")
        if how in ("stuck", "gone") and begin > 100000 and not os.path.exists(__file__ + ".was"):
            open(__file__ + ".was", "w").close()
            sys.stdout.buffer.write(struct.pack(">IB", len(data) + 9, 103) + number + text(data)[:500])
            sys.stdout.buffer.flush()
            time.sleep(60 if how == "stuck" else 0)
            sys.exit("the cable was pulled")
        if how == "more":
            data += b"x"
        if how == "none":
            data = b""
        answer = (103, number + text(data)) if data else (101, number + struct.pack(">I", 1) + text(b"") + text(b""))
        if how == "swapped" and held is None and begin + size < len(FILE):
            held = answer
            continue
        say(*answer)
        if held:
            say(*held)
            held = None
"""


@pytest.fixture
def how(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Puts an ``ssh`` into PATH that is such a server."""
    program = tmp_path / "ssh"
    program.write_text(SERVER.replace("HOW", repr(request.param)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return str(request.param)


@pytest.mark.parametrize("how", ["plain", "short", "swapped"], indirect=True)
def test_bytes_come_whole_and_in_order_however_they_are_answered(how: str) -> None:
    with opened_folder(Place("sftp", "sftp://host", "x")) as store:
        assert store.read("x", 70_000, 4 * PIECE) == FILE[70_000:][: 4 * PIECE]
        assert b"".join(store.blocks("x")) == FILE


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("none", "was replaced"),
        ("more", "was replaced"),
        ("flooding", "the server answers what it was not asked"),
        ("dying", "cannot be read: the disk is on fire"),
        ("chatty", "the server writes something before SFTP begins"),
    ],
    indirect=["how"],
)
def test_a_server_that_gives_other_bytes_is_an_error(how: str, message: str) -> None:
    with (
        pytest.raises(ArtifactError, match=message),
        opened_folder(Place("sftp", "sftp://host", "x")) as store,
    ):
        list(store.blocks("x"))


@pytest.mark.parametrize(
    ("how", "message"),
    [("stuck", r"ssh said nothing for 0\.5 s"), ("gone", "the cable was pulled")],
    indirect=["how"],
)
def test_after_an_answer_that_is_cut_a_new_connection_is_made(
    how: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp, "_SILENCE", 0.5)
    with opened_folder(Place("sftp", "sftp://host", "x")) as store:
        got = store.read("x", 0, 1000)
        with pytest.raises(ArtifactError, match=message) as caught:
            list(store.blocks("x"))

        assert caught.value.transient
        assert got == FILE[:1000]
        assert b"".join(store.blocks("x")) == FILE


@pytest.mark.parametrize("how", ["replaced"], indirect=True)
def test_an_open_file_that_is_another_is_not_read_the_next_time_either(how: str) -> None:
    with opened_folder(Place("sftp", "sftp://host", "x")) as store:
        for _ in range(2):
            with pytest.raises(ArtifactError, match="was replaced"):
                store.read("x", 0, 10)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("cat >/dev/null; sleep 60", "sh said nothing for 0.3 s"),
        ("echo first >&2; echo 'the last word.' >&2; exit 3", r"the last word\Z"),
        ("exit 0", "sh ended without a word"),
        ("printf '\\0\\0\\0\\5\\145\\0\\0\\0\\3'; sleep 60", "does not speak SFTP"),
    ],
)
def test_a_program_that_is_no_server_is_an_error(script: str, message: str) -> None:
    command = Command(("/bin/sh", "-c", script), clean_environment(os.environ))

    with conversing(command, silence=0.3) as talk, pytest.raises(ToolFailed, match=message):
        Session(talk).greet()
