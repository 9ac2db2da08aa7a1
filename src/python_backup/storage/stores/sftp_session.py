"""The five requests of SFTP that reading takes, as version 3 has them (draft-ietf-secsh-filexfer-02).

All servers speak this version. Requests are numbered, and several may be under way: answers are kept until
whoever asked wants them. Any thread may ask.
"""

from __future__ import annotations

import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from python_backup.errors import ToolFailed
from python_backup.stream.conversation import Conversation

PIECE = 32 << 10
"""Bytes of one read: what every server gives at once (chapter 6.4 asks for it)."""

_LONGEST = 1 << 20
_VERSION = 3
_READ_ONLY = 1
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES = 1, 2, 4, 8


class _Kind(IntEnum):
    INIT, VERSION, OPEN, CLOSE, READ = 1, 2, 3, 4, 5
    FSTAT, STAT = 8, 17
    STATUS, HANDLE, DATA, ATTRS = 101, 102, 103, 105


class Code(IntEnum):
    """Why a request was refused."""

    EOF, MISSING, DENIED = 1, 2, 3


class Denied(Exception):
    """The server's answer to a request, other than what it was asked for."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(" ".join(said.split()) or f"status {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Attributes:
    """What tells a file from one that replaces it; ``changed`` in seconds, ``plain``: no folder or pipe."""

    size: int
    changed: int
    plain: bool


@dataclass(slots=True)
class Session:
    """One conversation with a server, after `greet`.

    Each method raises Denied where the server refuses, and ToolFailed where the conversation ends: then it is
    lost, for what follows may begin amid an answer.
    """

    _talk: Conversation
    _count: int = 0
    _answers: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    _asked: set[int] = field(default_factory=set)
    _unwanted: set[int] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _lost: bool = False

    @property
    def lost(self) -> bool:
        """Whether the conversation has ended; no thread reads or writes it then."""
        with self._lock:
            return self._lost

    def greet(self) -> None:
        """Agrees on the version."""
        with self._talking() as talk:
            talk.send(struct.pack(">IBI", 5, _Kind.INIT, _VERSION))
        kind, _body = self._packet()
        if kind != _Kind.VERSION:
            raise ToolFailed("the server does not speak SFTP")

    def attributes(self, path: bytes) -> Attributes:
        """Those of a file, or of what a link leads to."""
        return _attributes(self._answer(self._ask(_Kind.STAT, _text(path)), _Kind.ATTRS))

    def attributes_of(self, handle: bytes) -> Attributes:
        """Those of an open file."""
        return _attributes(self._answer(self._ask(_Kind.FSTAT, _text(handle)), _Kind.ATTRS))

    def open(self, path: bytes) -> bytes:
        """A handle of a file, for reading."""
        request = self._ask(_Kind.OPEN, _text(path) + struct.pack(">II", _READ_ONLY, 0))
        return _string(self._answer(request, _Kind.HANDLE))

    def close(self, handle: bytes) -> None:
        """Gives a handle back, and waits for no answer."""
        self.forget(self._ask(_Kind.CLOSE, _text(handle)))

    def ask_bytes(self, handle: bytes, begin: int, size: int) -> int:
        """Asks for bytes of a file; gives the request's number."""
        return self._ask(_Kind.READ, _text(handle) + struct.pack(">QI", begin, size))

    def bytes_of(self, request: int) -> bytes:
        """The answer to `ask_bytes`: some bytes, at most those asked for; none at the file's end."""
        try:
            return _string(self._answer(request, _Kind.DATA))
        except Denied as exc:
            if exc.code == Code.EOF:
                return b""
            raise

    def forget(self, request: int) -> None:
        """The answer to a request is not wanted any more."""
        with self._lock:
            if self._answers.pop(request, None) is None:
                self._unwanted.add(request)

    def _ask(self, kind: int, body: bytes) -> int:
        with self._lock:
            self._count = self._count % 0xFFFFFFFF + 1
            with self._talking() as talk:
                talk.send(struct.pack(">IBI", len(body) + 5, kind, self._count) + body)
            self._asked.add(self._count)
            return self._count

    def _answer(self, request: int, wanted: int) -> bytes:
        with self._lock:
            while request not in self._answers:
                self._take()
            kind, body = self._answers.pop(request)
        if kind == _Kind.STATUS:
            code = int.from_bytes(body[:4], "big")
            said = _string(body[4:]) if body[4:] else b""
            raise Denied(code, said.decode("utf-8", "replace"))
        if kind != wanted:
            raise ToolFailed(
                f"the server answers with a message of kind {kind}, which is none of SFTP's here"
            )
        return body

    def _take(self) -> None:
        """Takes the next answer, whoever asked."""
        kind, body = self._packet()
        request = int.from_bytes(body[:4], "big")
        if request not in self._asked:
            raise ToolFailed("the server answers what it was not asked")
        self._asked.remove(request)
        if request in self._unwanted:
            self._unwanted.remove(request)
        else:
            self._answers[request] = (kind, body[4:])

    def _packet(self) -> tuple[int, bytes]:
        with self._talking() as talk:
            length = int.from_bytes(talk.receive(4), "big")
            if not 0 < length <= _LONGEST:
                raise ToolFailed(
                    "the server writes something before SFTP begins: a start-up file of its shell, say"
                )
            packet = talk.receive(length)
        return packet[0], packet[1:]

    @contextmanager
    def _talking(self) -> Iterator[Conversation]:
        """The conversation, which is lost where what is sent or received is cut."""
        with self._lock:
            if self._lost:
                raise ToolFailed("the connection was lost")
            self._lost = True
            yield self._talk
            self._lost = False


def _text(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _string(body: bytes) -> bytes:
    size = int.from_bytes(body[:4], "big")
    if len(body) < 4 + size:
        raise ToolFailed("the server's answer is cut")
    return body[4 : 4 + size]


def _attributes(body: bytes) -> Attributes:
    flags = int.from_bytes(body[:4], "big")
    at = 4
    values = {_HAS_SIZE: 0, _HAS_MODE: stat.S_IFREG, _HAS_TIMES: 0}
    for flag, form in ((_HAS_SIZE, ">Q"), (_HAS_OWNER, ">II"), (_HAS_MODE, ">I"), (_HAS_TIMES, ">II")):
        if flags & flag:
            if len(body) < at + struct.calcsize(form):
                raise ToolFailed("the server's answer is cut")
            values[flag] = struct.unpack_from(form, body, at)[-1]
            at += struct.calcsize(form)
    if not flags & _HAS_SIZE:
        raise ToolFailed("the server does not tell the sizes of files")
    return Attributes(values[_HAS_SIZE], values[_HAS_TIMES], stat.S_ISREG(values[_HAS_MODE]))
