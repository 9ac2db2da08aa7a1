"""Places: where an artifact lies in a store, as its URL tells.

``s3://`` is written as S3's own tools write it: the key stands as it is. The others are URLs: what a URL
cannot hold is written ``%XX``, and a ``%`` of an artifact's name therefore ``%25``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, unquote, urlsplit

from python_backup.errors import UsageError

_ANY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://", re.ASCII)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_LOGIN = re.compile(r"(?P<user>[A-Za-z0-9_][^:@/]*)@", re.ASCII)
_OF_SHELLS = re.compile(r"""["'`;&<>|(){}]""")
"""What ssh refuses in hosts and users from 9.6 on: a ``ProxyCommand`` may hand them to a shell."""

_NO_NAMES = frozenset({"", ".", ".."})
_PLAIN = "/-._~+@=!$&'()*,;:"
"""What stands as it is in the path of a URL (RFC 3986, pchar), beside letters and digits."""


@dataclass(frozen=True, slots=True)
class Place:
    """One file of a store: the URL of its folder, without a slash at the end, and its own name, decoded.

    ``name`` may have slashes: it is then below the folder.
    """

    scheme: str
    folder: str
    name: str

    def __str__(self) -> str:
        return f"{self.folder}/{_SCHEMES[self.scheme].written(self.name)}"

    @property
    def decoding_hint(self) -> str | None:
        """What to look at where it is missing, and decoding may have given it another name."""
        decoded = _SCHEMES[self.scheme].written(self.name) != self.name
        return "In a URL a % of the name is written %25." if decoded else None


Named = Path | Place
"""What a command is told of an artifact: a path of this machine, or a place in a store."""


@dataclass(frozen=True, slots=True)
class _Scheme:
    """How the URLs of one scheme are written; ``check`` raises UsageError for what stands behind ``://``."""

    example: str
    check: Callable[[str, str], None]
    written: Callable[[str], str]
    read: Callable[[str], str]


def is_place(text: str) -> bool:
    """Whether this is a URL, and no path; `parse_place` says whether it is one of a store."""
    return _ANY.match(text) is not None


def named(text: str) -> Named:
    """What this names; raises as `parse_place`."""
    return parse_place(text) if is_place(text) else Path(text)


def parse_place(text: str) -> Place:
    """The place that a URL tells; a slash at its end is passed over.

    Raises:
        UsageError: no store is read by such URLs, or the URL lacks something, or holds a password.
    """
    found = _ANY.match(text)
    written = found[1].lower() if found else ""
    scheme = _SCHEMES.get(written)
    if found is None or scheme is None:
        known = ", ".join(f"{name}://" for name in _SCHEMES)
        raise UsageError(
            f"no store is read by {written}:// (known: {known})", hint="Name a path, or such a URL."
        )
    rest = text[found.end() :]
    scheme.check(written, rest)
    folder, slash, name = rest.rstrip("/").rpartition("/")
    name = scheme.read(name)
    if not slash or _NO_NAMES & set(name.split("/")):
        raise UsageError(
            f"the URL {_without_login(written, rest)} names no file", hint=f"Write it as {scheme.example}."
        )
    if not f"{folder}{name}".isprintable():
        raise UsageError(f"the URL of {name!r} holds characters that cannot be shown")
    return Place(written, f"{written}://{folder}", name)


def _check_bucket(scheme: str, rest: str) -> None:
    bucket = rest.partition("/")[0]
    if "@" in bucket:
        hint = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment."
        raise UsageError(f"a URL of {scheme}:// cannot hold keys: everyone on the machine sees it", hint=hint)
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(
            f"the URL {_without_login(scheme, rest)} names no bucket", hint=f"Write it as {_S3_EXAMPLE}."
        )
    if _NO_NAMES & set(rest.rstrip("/").split("/")[1:]):
        raise UsageError(
            f"the URL {scheme}://{rest} has a folder without a name, or `.` or `..`: such keys are not read",
            hint=f"Write it as {_S3_EXAMPLE}.",
        )


def _without_login(scheme: str, rest: str) -> str:
    """The URL as errors repeat it: a password with a slash in it is not seen to be one."""
    _, at, shown = rest.rpartition("@")
    return f"{scheme}://{'…@' if at else ''}{shown}"


def _check_web(scheme: str, rest: str) -> None:
    if "@" in rest.partition("/")[0]:
        hint = "Put them into ~/.netrc, which is read as curl reads it."
        raise UsageError(f"a URL of {scheme}:// cannot hold a password: everyone sees it", hint=hint)
    if mark := re.search(r"[?#]", rest):
        hint = (
            "A `?` or `#` of a name is written %3F or %23. A signed URL opens one file, a backup has several."
        )
        raise UsageError(f"a URL of {scheme}:// cannot have a {mark[0]!r} here", hint=hint)
    _check_host(scheme, rest, "")


def _check_login(scheme: str, rest: str) -> None:
    host = rest.partition("/")[0]
    login = _LOGIN.match(host)
    if login and (_OF_SHELLS.search(user := unquote(login["user"])) or not user.isprintable()):
        raise UsageError(f"a URL of {scheme}:// cannot have such a user: {user!r}")
    if "@" in host and login is None:
        hint = "Let ssh know the key: in its agent (ssh-add), or in ~/.ssh/config."
        raise UsageError(f"a URL of {scheme}:// holds a user, and no password: everyone sees it", hint=hint)
    _check_host(scheme, rest, login[0] if login else "")


def _check_host(scheme: str, rest: str, login: str) -> None:
    host = rest.partition("/")[0].removeprefix(login)
    try:
        split = urlsplit(f"//{host}")
        named, _port = split.hostname, split.port
    except ValueError:
        named = None
    if not named or named.startswith("-") or re.search(r"[\s%\\]", host) or _OF_SHELLS.search(host):
        example = _SCHEMES[scheme].example
        raise UsageError(
            f"the URL {_without_login(scheme, rest)} names no host", hint=f"Write it as {example}."
        )


def _same(name: str) -> str:
    return name


def _encoded(name: str) -> str:
    return quote(name, safe=_PLAIN)


_S3_EXAMPLE = "s3://BUCKET/FOLDER/NAME"
_SCHEMES: Mapping[str, _Scheme] = MappingProxyType(
    {
        "s3": _Scheme(_S3_EXAMPLE, _check_bucket, _same, _same),
        "https": _Scheme("https://HOST/FOLDER/NAME", _check_web, _encoded, unquote),
        "http": _Scheme("http://HOST/FOLDER/NAME", _check_web, _encoded, unquote),
        "sftp": _Scheme("sftp://USER@HOST/FOLDER/NAME", _check_login, _encoded, unquote),
    }
)
