"""vya-backupdb vault."""

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


class Pipe:
    """Standard input that brings these bytes."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)

    def isatty(self) -> bool:
        return False


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    return lambda content: monkeypatch.setattr("sys.stdin", Pipe(content))


@pytest.fixture
def vault(config: Path, vya: Callable) -> Path:
    """A vault with its key file, named by the config."""
    config.write_text(config.read_text() + "vault: {path: v, key_file: v.key}\n")
    ran = vya("vault", "init", "--json")
    assert ran.code == 0
    assert ran.document["key_file_made"] is True
    return config.with_name("v")


def test_what_is_piped_in_is_added_and_listed_without_it(vault: Path, vya: Callable, piped: Callable) -> None:
    piped(b"hun ter#2\n")
    ran = vya("vault", "add", "web", "--username", "u")
    assert (ran.code, ran.out) == (0, "added web\n")
    listed = vya("vault", "list")
    assert [line.split() for line in listed.out.splitlines() if "web" in line] == [["web", "u"]]
    document = vya("vault", "list", "--json")
    assert document.document["entries"] == [{"id": "web", "username": "u"}]
    assert "hun" not in ran.out + ran.err + listed.out + document.out


def test_a_list_is_imported_whole_and_told_to_be_removed(vault: Path, vya: Callable, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(
        json.dumps([{"id": 1, "username": "u", "password": "hunter2"}, {"id": 2, "password": "x"}])
    )
    ran = vya("vault", "import", str(file))
    assert (ran.code, ran.out) == (0, "added 2 passwords\n")
    assert "still holds the passwords" in ran.err
    assert vya("vault", "import", str(file)).code == 8
    assert vya("vault", "import", str(file), "--replace").code == 0
    assert vya("vault", "remove", "1", "2").code == 0
    assert vya("vault", "list").out == f"no entries in {vault}\n"


def test_an_import_reads_stdin_too(vault: Path, vya: Callable, piped: Callable) -> None:
    piped(b'[{"id": 1, "password": "x"}]')
    assert vya("vault", "import", "-").out == "added 1 password\n"


def test_a_vault_is_used_without_a_config(config: Path, vya: Callable, piped: Callable) -> None:
    config.unlink()
    named = ("--vault", "w", "--key-file", "w.key")
    assert vya("vault", "init", *named).code == 0
    piped(b"pw")
    assert vya("vault", "add", "web", *named).code == 0
    assert vya("vault", "list", "--json", *named).document["entries"] == [{"id": "web", "username": None}]


def test_exit_codes_tell_the_faults_apart(vault: Path, vya: Callable, piped: Callable) -> None:
    content = vault.read_bytes()
    piped(b"")
    assert vya("vault", "add", "web").code == 2
    assert vya("vault", "add").code == 2
    assert vya("vault", "add", "web", "password").code == 2
    assert vya("vault", "remove", "none").code == 2
    assert vya("vault", "import", "none.json").code == 2
    assert vya("vault", "init").code == 8
    assert vault.read_bytes() == content
    for broken in (
        b"",
        content[:-1],
        content[:-1] + bytes([content[-1] ^ 1]),
        content.replace(b"\x01", b"\x02", 1),
    ):
        vault.write_bytes(broken)
        assert vya("vault", "list").code == 3
    vault.unlink()
    ran = vya("vault", "list")
    assert (ran.code, "vault init" in ran.err) == (3, True)


def test_a_config_without_a_vault_is_told(vya: Callable) -> None:
    ran = vya("vault", "list")
    assert (ran.code, "has no section vault" in ran.err) == (3, True)


def test_a_passphrase_that_nobody_can_type_is_told(config: Path, vya: Callable, piped: Callable) -> None:
    config.write_text(config.read_text() + "vault: {path: v}\n")
    piped(b"pw")
    ran = vya("vault", "init")
    assert (ran.code, "there is no terminal to ask at" in ran.err) == (3, True)


def at_a_terminal(folder: Path, typed: list[str], *arguments: str) -> tuple[int, str]:
    """The program at a terminal of its own, whoever runs the tests; what the terminal showed."""
    master, slave = pty.openpty()
    code = """
import fcntl, sys, termios
from python_backup.cli.app import main
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
main(sys.argv[1:])
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=folder, stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    shown = b""
    while True:
        try:
            block = os.read(master, 4096)
        except OSError:  # the program has ended: Linux says EIO
            break
        shown += block
        if block.endswith(b": ") and typed:
            os.write(master, typed.pop(0).encode() + b"\n")
    os.close(master)
    return process.wait(timeout=60), shown.decode()


def test_passphrase_and_password_are_typed_twice_and_never_shown(tmp_path: Path) -> None:
    code, shown = at_a_terminal(tmp_path, ["pass 1", "pass 1"], "vault", "init", "--vault", "v")
    assert (code, "made vault" in shown) == (0, True)
    arguments = ("vault", "add", "web", "--vault", "v")
    code, more = at_a_terminal(tmp_path, ["hunter2", "hunter3"], *arguments)
    assert (code, "the two are not the same" in more) == (2, True)
    code, again = at_a_terminal(tmp_path, ["hunter2", "hunter2", "pass 1"], *arguments)
    assert (code, "added web" in again) == (0, True)
    code, wrong = at_a_terminal(tmp_path, ["pass 2"], "vault", "list", "--vault", "v")
    assert (code, "is not opened by this passphrase" in wrong) == (3, True)
    code, listed = at_a_terminal(tmp_path, ["pass 1"], "vault", "list", "--vault", "v")
    assert (code, "web" in listed) == (0, True)
    assert [
        word for word in ("hunter", "pass 1", "pass 2") if word in shown + more + again + wrong + listed
    ] == []
