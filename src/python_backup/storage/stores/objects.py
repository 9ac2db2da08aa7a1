"""Files of S3 and of web servers, read by ranges through obstore.

A file is pinned when it is first asked for: its size, time and ETag. Every answer is compared with them, so
that a file that is replaced meanwhile is an error, and never bytes of two files.
"""

from __future__ import annotations

import base64
import netrc
import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import HTTPStore, S3Store

from python_backup.errors import ArtifactError, ArtifactMissing
from python_backup.storage.stores.ahead import begun, read_ahead
from python_backup.storage.stores.place import Place
from python_backup.storage.stores.refusals import refusal
from python_backup.storage.stores.store import Store

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig, S3Config

_CLIENT: ClientConfig = {"connect_timeout": "5s", "read_timeout": "15s", "timeout": "5min"}
"""An endpoint that is not there, or says nothing, is found out; a slow one may take its time for a range."""

_RETRY: RetryConfig = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=2), "base": 2},
}

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


def _is_url(value: str) -> bool:
    try:
        port = urlsplit(value).port
    except ValueError:
        return False
    return port != 0 and re.fullmatch(r"https?://[\w\[][\w.~:/@%+\[\]-]*", value, re.ASCII) is not None


_FORMS: tuple[tuple[tuple[str, ...], Callable[[str], object], str], ...] = (
    (_ENDPOINTS, _is_url, "Write it as https://HOST or http://HOST:PORT."),
    (
        ("AWS_REGION", "AWS_DEFAULT_REGION"),
        re.compile(r"[\w-]+", re.ASCII).fullmatch,
        "Write it as us-east-1.",
    ),
    (
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        re.compile(r"[!-~]+").fullmatch,
        "It has a blank, a line break or the like: look at its end.",
    ),
)
"""What variables must look like: at others obstore panics, with a trace of Rust."""


@contextmanager
def opened_bucket(place: Place) -> Iterator[Store]:
    """A folder of S3; keys, region and endpoint are the environment's, named as AWS's own tools do."""
    _check_environment(place)
    bucket, _, prefix = place.folder.removeprefix("s3://").partition("/")
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), None)
    config: S3Config = {"endpoint": endpoint} if endpoint else {}
    client: ClientConfig = {**_CLIENT, "allow_http": (endpoint or "").startswith("http://")}
    with _converted(place):
        store = S3Store(
            bucket, prefix=prefix or None, config=config, client_options=client, retry_config=_RETRY
        )
    yield _Objects(place, store)


def _check_environment(place: Place) -> None:
    for names, is_right, hint in _FORMS:
        for name in names:
            if (value := os.environ.get(name)) and not is_right(value):
                raise ArtifactError(f"{place} cannot be read: {name} is not understood", hint=hint)


@contextmanager
def opened_site(place: Place) -> Iterator[Store]:
    """A folder of a web server; a user and a password come from ``~/.netrc``."""
    client: ClientConfig = {
        **_CLIENT,
        "allow_http": place.scheme == "http",
        "default_headers": _authorization(place),
    }
    with _converted(place):
        store = HTTPStore(place.folder, client_options=client, retry_config=_RETRY)
    yield _Objects(place, store)


@dataclass(slots=True)
class _Objects:
    """The files of one folder; ``_pinned`` has what each was when it was first asked for."""

    _place: Place
    _store: S3Store | HTTPStore
    _pinned: dict[str, ObjectMeta] = field(default_factory=dict)

    def size(self, name: str) -> int | None:
        try:
            return self._meta(name)["size"]
        except ArtifactMissing:
            return None

    def read(self, name: str, begin: int, size: int) -> bytes:
        return begun(partial(self._read, name, begin, size)).result()

    def _read(self, name: str, begin: int, size: int) -> bytes:
        meta = self._meta(name)
        wanted = (begin, min(begin + size, meta["size"]))
        if wanted[0] >= wanted[1]:
            return b""
        place = replace(self._place, name=name)
        with _converted(place):
            answer = obstore.get(self._store, name, options={"range": wanted})
            if _version(answer.meta, meta) != _version(meta, answer.meta):
                raise ArtifactError(f"{place} was replaced while it was read", transient=True)
            # what a server gives beyond the range is not waited for
            block = next(iter(answer.stream(min_chunk_size=wanted[1] - wanted[0] + 1)), b"")
        if answer.range != wanted or len(block) != wanted[1] - wanted[0]:
            raise ArtifactError(f"{place}: the store gave other bytes than it was asked for")
        return block

    def blocks(self, name: str) -> Iterator[bytes]:
        size = self._meta(name)["size"]
        with closing(read_ahead(partial(self._read, name), size)) as blocks:
            yield from blocks

    def _meta(self, name: str) -> ObjectMeta:
        if name not in self._pinned:
            with _converted(replace(self._place, name=name)):
                self._pinned[name] = begun(partial(obstore.head, self._store, name)).result()
        return self._pinned[name]


def _version(meta: ObjectMeta, other: ObjectMeta) -> tuple[object, ...]:
    """What tells a file from the one that replaces it; an ETag counts where both answers have one."""
    tag = meta["e_tag"] if other["e_tag"] else None
    return meta["size"], meta["last_modified"], tag


@contextmanager
def _converted(place: Place) -> Iterator[None]:
    try:
        yield
    except (BaseError, FileNotFoundError, ValueError) as exc:
        raise refusal(place, exc) from exc
    except BaseException as exc:
        if type(exc).__name__ != "PanicException":  # pyo3's, which no module has
            raise
        raise ArtifactError(f"{place} cannot be read: obstore ended in a panic: {exc}") from exc


def _authorization(place: Place) -> dict[str, str]:
    """The header for what ``~/.netrc`` has for a host."""
    try:
        found = netrc.netrc().authenticators(urlsplit(place.folder).hostname or "")
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise ArtifactError(f"{place} cannot be read: ~/.netrc: {exc.strerror}") from exc
    except UnicodeDecodeError:  # it holds the file, and so the passwords
        raise ArtifactError(f"{place} cannot be read: ~/.netrc is not in UTF-8") from None
    except netrc.NetrcParseError as exc:
        # its own words for a line repeat what stands there, which may be the password
        why = (
            exc.msg.removeprefix("~/.netrc ")
            if exc.lineno is None
            else f"not understood near line {exc.lineno}"
        )
        raise ArtifactError(f"{place} cannot be read: ~/.netrc: {why}") from None
    if found is None:
        return {}
    login = base64.b64encode(f"{found[0]}:{found[2]}".encode()).decode("ascii")
    return {"authorization": f"Basic {login}"}
