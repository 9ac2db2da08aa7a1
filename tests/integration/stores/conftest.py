"""The stores that tests read: served by real programs, which a test that lacks one names as it skips."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from python_backup.storage.stores.place import Place, parse_place
from python_backup.storage.stores.store import Store
from python_backup.storage.stores.table import opened_store
from support.stores import NAME, Sshd, found_rclone, found_sshd, s3_served, sftp_served, web_served


@pytest.fixture(scope="session")
def rclone() -> str:
    """The program that serves folders."""
    program = found_rclone()
    if program is None:
        pytest.skip("needs rclone: in PATH, or by `make test`")
    return program


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that is served, in the bucket or site ``bucket``; it has a file of a hundred bytes, `NAME`."""
    made = tmp_path / "served" / "bucket" / "my folder"
    made.mkdir(parents=True)
    (made / NAME).write_bytes(bytes(range(100)))
    return made


@pytest.fixture
def s3(rclone: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of the folder in S3, with the keys for it in the environment."""
    with s3_served(folder.parents[1]) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield "s3://bucket/my folder"


@pytest.fixture
def web(rclone: str, folder: Path) -> Iterator[str]:
    """The URL of the folder on a web server."""
    with web_served(folder.parents[1]) as url:
        yield f"{url}/bucket/my%20folder"


@pytest.fixture
def sshd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """A server of SFTP, which ``ssh`` reaches and trusts; its parameters are those of sftp-server."""
    if found_sshd() is None:
        pytest.skip("needs sshd and ssh: Debian's openssh-server and openssh-client")
    with sftp_served(tmp_path / "ssh", *getattr(request, "param", ())) as server:
        monkeypatch.setenv("PATH", f"{server.programs}{os.pathsep}{os.environ['PATH']}")
        yield server


@pytest.fixture
def sftp(sshd: Sshd, folder: Path) -> str:
    """The URL of the folder by SFTP."""
    return f"{sshd.url}{quote(str(folder))}"


@pytest.fixture(params=["s3", "web", "sftp"])
def place(request: pytest.FixtureRequest) -> Place:
    """The file `NAME` of the folder, in each store in turn."""
    url: str = request.getfixturevalue(request.param)
    scheme, _, _ = url.partition(":")
    return parse_place(str(Place(scheme, url, NAME)))


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    """The folder, opened in each store in turn."""
    with opened_store(place) as opened:
        yield opened
