"""Real stores for tests: rclone serves a folder as S3 and on the web, sshd by SFTP.

rclone is in PATH, or where ``tools/provide_servers.py`` puts it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from support.programs import CHECKOUT

KEY_ID, KEY = "AKIDTESTS", "geheim-schluessel"
NAME = "20260113_155440_mysql_a%20b +ü#?.sql.zst"
"""What an artifact's name may hold, and more: S3 and SFTP know no other names than a disk."""
RCLONE = Path(sys.prefix, "rclone", "rclone")
_SSHD = "/usr/sbin/sshd"
_STARTS = 15.0


def found_rclone() -> str | None:
    """The program rclone."""
    places = (shutil.which("rclone"), RCLONE, CHECKOUT / ".venv" / "rclone" / "rclone")
    return next((str(place) for place in places if place and Path(place).is_file()), None)


def found_sshd() -> str | None:
    """The program sshd, which must be called by its whole path."""
    found = shutil.which("sshd") or (_SSHD if Path(_SSHD).is_file() else None)
    return found if shutil.which("ssh") else None


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def s3_served(folder: Path, *, parts: bool = True) -> Iterator[dict[str, str]]:
    """Serves each folder in ``folder`` as a bucket; gives the environment that reads it.

    rclone 1.75 answers a range with 200 and Content-Range, where S3 and RFC 9110 say 206. The door before it sets
    that right; without ``parts`` it stays as it is.
    """
    port = free_port()
    with (
        _rclone("s3", folder, port, "--auth-key", f"{KEY_ID},{KEY}"),
        _listening(partial(_Door, behind=port)) as door,
    ):
        yield {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{door if parts else port}",
            "AWS_REGION": "us-east-1",
        }


@contextmanager
def web_served(folder: Path, *options: str) -> Iterator[str]:
    """Serves a folder on the web; gives its URL."""
    port = free_port()
    with _rclone("http", folder, port, "--dir-cache-time", "0", *options):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def served_whole(folder: Path) -> Iterator[str]:
    """Serves a folder by Python's own server, which knows no ranges."""
    with _listening(partial(_Quiet, directory=str(folder))) as port:
        yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True, slots=True)
class Sshd:
    """A server of SFTP, for whoever runs the tests; ``programs`` is a folder with an ``ssh`` that knows it.

    ``known_hosts`` has the server's key, ``identity`` is the user's.
    """

    url: str
    programs: Path
    known_hosts: Path
    identity: Path
    pid: int


@contextmanager
def sftp_served(home: Path, *options: str) -> Iterator[Sshd]:
    """Runs an sshd of its own, with keys and settings in ``home``, which serves the whole file system."""
    program, port = found_sshd(), free_port()
    assert program is not None, "the fixture skips where there is none"
    home.mkdir(mode=0o700)
    for name in ("host", "identity"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / name], check=True)
    shutil.copy(home / "identity.pub", home / "authorized_keys")
    (home / "known_hosts").write_text(f"[127.0.0.1]:{port} {(home / 'host.pub').read_text()}")
    (home / "sshd_config").write_text(
        f"HostKey {home}/host\nAuthorizedKeysFile {home}/authorized_keys\nPidFile none\nStrictModes no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nPermitRootLogin yes\n"
        f"Subsystem sftp internal-sftp {' '.join(options)}\n"
    )
    (home / "ssh_config").write_text(
        f"IdentityFile {home}/identity\nIdentitiesOnly yes\nIdentityAgent none\n"
        f"UserKnownHostsFile {home}/known_hosts\nGlobalKnownHostsFile none\nStrictHostKeyChecking yes\n"
    )
    own = home / "programs" / "ssh"
    own.parent.mkdir()
    own.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {home}/ssh_config "$@"\n')
    own.chmod(0o755)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd wants it as it drops its rights
    argv = [
        program,
        "-D",
        "-e",
        "-p",
        str(port),
        "-o",
        "ListenAddress=127.0.0.1",
        "-f",
        f"{home}/sshd_config",
    ]
    with _running(argv, port) as pid:
        yield Sshd(f"sftp://127.0.0.1:{port}", own.parent, home / "known_hosts", home / "identity", pid)


@contextmanager
def cut_answers() -> Iterator[str]:
    """A URL whose host has files of a hundred bytes, and gives half of what it is asked for."""
    with _listening(_Cutting) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def bad_requests() -> Iterator[str]:
    """A URL whose host has files of a hundred bytes, and calls each request for their bytes a bad one, as S3 does."""
    with _listening(_Refusing) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def long_answers(sent: list[int]) -> Iterator[str]:
    """A URL whose host gives 64 MiB where it says that it gives ten bytes; ``sent`` are those that were taken."""
    with _listening(partial(_Lengthy, sent=sent)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def mute_endpoint() -> Iterator[str]:
    """A URL whose host takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as mute:
        yield f"http://127.0.0.1:{mute.getsockname()[1]}"


@contextmanager
def full_endpoint() -> Iterator[str]:
    """A URL whose host takes no connection, and refuses none."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        yield f"http://127.0.0.1:{full.getsockname()[1]}"
        for one in waiting:
            one.close()


@contextmanager
def _rclone(kind: str, folder: Path, port: int, *options: str) -> Iterator[None]:
    program = found_rclone()
    assert program is not None, "the fixture skips where there is none"
    argv = [
        program, "serve", kind, "--addr", f"127.0.0.1:{port}", "--config", "/dev/null", *options, str(folder),
    ]  # fmt: skip
    with _running(argv, port):
        yield


@contextmanager
def _running(argv: list[str], port: int) -> Iterator[int]:
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    said: list[bytes] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
    reader.start()
    try:
        _wait_for(port, process, said)
        yield process.pid
    finally:
        process.kill()  # rclone waits for connections that are kept open
        process.wait()
        reader.join()
        process.stderr.close()


def _wait_for(port: int, process: subprocess.Popen[bytes], said: list[bytes]) -> None:
    deadline = time.monotonic() + _STARTS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"{process.args!r} does not listen: {b''.join(said).decode(errors='replace')}")


@contextmanager
def _listening(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *said: object) -> None:
        pass


class _Cutting(BaseHTTPRequestHandler):
    def log_message(self, *said: object) -> None:
        pass

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        begin, end = (int(number) for number in asked.removeprefix("bytes=").split("-")) if asked else (0, 99)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{end}/100")
        self.send_header("Content-Length", str(end + 1 - begin))
        self.send_header("Last-Modified", "Tue, 13 Jan 2026 15:54:40 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(bytes((end + 1 - begin) // 2))

    do_HEAD = do_GET  # noqa: N815 - the name is http.server's


class _Lengthy(_Cutting):
    def __init__(self, *args: object, sent: list[int]) -> None:
        self._sent = sent
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.send_response(206)
        self.send_header("Content-Range", "bytes 0-9/100")
        self.send_header("Content-Length", str(64 << 20))
        self.send_header("Last-Modified", "Tue, 13 Jan 2026 15:54:40 GMT")
        self.end_headers()
        with suppress(OSError):
            for _ in range(64):
                self._sent.append(self.wfile.write(bytes(1 << 20)))


class _Refusing(_Cutting):
    def do_GET(self) -> None:
        said = b"<Error><Code>ExpiredToken</Code><Message>The token\nhas expired.</Message></Error>"
        self.send_response(400)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


class _Door(BaseHTTPRequestHandler):
    """Passes requests on as they are, and gives answers with Content-Range their right status."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *args: object, behind: int) -> None:
        self._behind = behind
        super().__init__(*args)  # type: ignore[arg-type]

    def log_message(self, *said: object) -> None:
        pass

    def do_GET(self) -> None:
        server = HTTPConnection("127.0.0.1", self._behind)
        server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            server.putheader(name, value)
        server.endheaders()
        answer = server.getresponse()
        partial_content = answer.status == 200 and answer.headers["Content-Range"]
        self.send_response_only(206 if partial_content else answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in {"connection", "transfer-encoding"}:
                self.send_header(name, value)
        body = b"" if self.command == "HEAD" else answer.read()
        if answer.headers["Content-Length"] is None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        server.close()

    do_HEAD = do_GET  # noqa: N815 - the name is http.server's
