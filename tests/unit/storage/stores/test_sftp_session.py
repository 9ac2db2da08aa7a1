"""SFTP with servers that do what a real one cannot be made to do: answers that are short, late, cut or none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from python_backup.errors import ArtifactError, ToolFailed
from python_backup.storage.stores.place import Place
from python_backup.storage.stores.sftp import opened_folder
from python_backup.storage.stores.sftp_session import PIECE, Session
from python_backup.stream.child import Command, conversing
from python_backup.stream.environment import clean_environment

FILE = bytes(range(256)) * 1500

SERVER = f"""#!{sys.executable}
import struct, sys

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
        say(105, number + struct.pack(">IQIII", 1 | 4 | 8, len(FILE), 0o100644, 1, 1))
    elif kind == 3:
        say(102, number + text(b"handle"))
    elif kind == 4:
        say(101, number + struct.pack(">I", 0) + text(b"") + text(b""))
    elif kind == 5:
        begin, size = struct.unpack(">QI", rest[-12:])
        data = FILE[begin : begin + (min(size, 1000) if how == "short" else size)]
        if how == "dying" and begin > 100000:
            sys.exit("the disk is on fire")
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
