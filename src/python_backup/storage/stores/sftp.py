"""Files of another machine, read by SFTP through this machine's own ``ssh``.

Host keys, agents, jumps and names of hosts are therefore those of the user's own ``~/.ssh/config``; ssh is
never let ask. A file is pinned as it is first asked for, and its path compared with that after each read.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from python_backup.errors import ArtifactError, ArtifactMissing, ToolFailed
from python_backup.storage.stores.place import Place
from python_backup.storage.stores.sftp_session import PIECE, Attributes, Code, Denied, Session
from python_backup.storage.stores.store import Store
from python_backup.stream.child import BLOCK, Command, conversing
from python_backup.stream.environment import clean_environment

_AHEAD = 128
"""Reads that are under way at once: 4 MiB, which a line of 1 Gbit/s and 30 ms carries without a pause."""

_OPEN = 32
"""Files that stay open, those that were asked for last: a server may open no more than 1,024 for one user."""

_SILENCE = 20.0
"""Seconds after which a server that says nothing is given up."""

_OPTIONS = (
    *("-oBatchMode=yes", "-oConnectTimeout=10", "-oPermitLocalCommand=no"),
    *("-oForwardAgent=no", "-oForwardX11=no", "-oClearAllForwardings=yes"),
)
_OWN = ("HOME", "USER", "LOGNAME")
"""What ssh and the programs of its config are given beside the environment of all client programs."""

_CHECK = "Check the host and the port; `ssh HOST` must reach it from here."
_HINTS = (
    ("ost key verification failed", "Connect once by `ssh HOST`, and compare the key that it shows."),
    (
        "ermission denied",
        "`ssh -o BatchMode=yes HOST` must work: load the key (ssh-add), or name it in ~/.ssh/config.",
    ),
    ("Too many authentication", "Name the one key for this host in ~/.ssh/config, with IdentitiesOnly yes."),
    (
        "subsystem request failed",
        "The server must offer SFTP: `Subsystem sftp internal-sftp` in its sshd_config.",
    ),
)
_PASSING = (
    "Connection refused",
    "timed out",
    "Could not resolve",
    "No route",
    "unreachable",
    "closed",
    "reset",
)


@contextmanager
def opened_folder(place: Place) -> Iterator[Store]:
    """A folder of another machine; a path that begins with ``/~/`` is below the user's home there."""
    url = urlsplit(place.folder.replace("#", "%23").replace("?", "%3F"))
    where = (
        *(("-l", unquote(url.username)) if url.username else ()),
        *(("-p", str(url.port)) if url.port else ()),
    )
    argv = ("ssh", *_OPTIONS, *where, "-s", "--", _host(url.netloc), "sftp")
    own = {name: os.environ[name] for name in _OWN if name in os.environ}
    command = Command(argv, {**clean_environment(os.environ), **own})
    with ExitStack() as opened:
        yield _Folder(place, unquote(url.path), command, opened)


def _host(netloc: str) -> str:
    """The host as it is written: ``~/.ssh/config`` knows ``Host NAS`` by this name alone."""
    host = netloc.rpartition("@")[2]
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


@dataclass(frozen=True, slots=True)
class _File:
    session: Session
    handle: bytes
    size: int


@dataclass(slots=True)
class _Folder:
    """The files of one folder; ``_pinned`` has what each was when it was first asked for.

    ``_files`` are those that are open, the one that was asked for last at the end.

    A conversation that is lost is begun anew, by ``_command``, when something is asked for again.
    """

    _place: Place
    _path: str
    _command: Command
    _opened: ExitStack
    _session: Session | None = None
    _pinned: dict[str, Attributes] = field(default_factory=dict)
    _files: dict[str, _File] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def size(self, name: str) -> int | None:
        try:
            with _converted(replace(self._place, name=name)):
                return self._pin(name).size
        except ArtifactMissing:
            return None

    def read(self, name: str, begin: int, size: int) -> bytes:
        with _converted(replace(self._place, name=name)):
            file = self._file(name)
            block = b"".join(self._pieces(name, file, begin, min(begin + size, file.size)))
            self._check(name, file.session.attributes(self._full(name)))
        return block

    def blocks(self, name: str) -> Iterator[bytes]:
        with _converted(replace(self._place, name=name)):
            file = self._file(name)
            gathered = bytearray()
            with closing(self._pieces(name, file, 0, file.size)) as pieces:
                for piece in pieces:
                    gathered += piece
                    if len(gathered) >= BLOCK:
                        yield bytes(gathered)
                        gathered.clear()
            self._check(name, file.session.attributes(self._full(name)))
            if gathered:
                yield bytes(gathered)

    def _pieces(self, name: str, file: _File, begin: int, end: int) -> Generator[bytes, None, None]:
        """These bytes in order, with many reads under way; what a server gives short is asked for again."""
        begins = iter(range(begin, end, PIECE))
        asked: deque[tuple[int, int, int]] = deque()
        try:
            while True:
                while len(asked) < _AHEAD and (at := next(begins, None)) is not None:
                    asked.append(self._asked(file, at, min(PIECE, end - at)))
                if not asked:
                    return
                request, at, size = asked.popleft()
                piece = file.session.bytes_of(request)
                if not 0 < len(piece) <= size:
                    raise self._replaced(name)
                if len(piece) < size:
                    asked.appendleft(self._asked(file, at + len(piece), size - len(piece)))
                yield piece
        finally:
            for request, _, _ in asked:
                file.session.forget(request)

    def _asked(self, file: _File, begin: int, size: int) -> tuple[int, int, int]:
        return file.session.ask_bytes(file.handle, begin, size), begin, size

    def _file(self, name: str) -> _File:
        pinned, session = self._pin(name), self._connected()
        file = self._files.pop(name, None)
        if file is None or file.session is not session:
            file = _File(session, session.open(self._full(name)), pinned.size)
            self._check(name, session.attributes_of(file.handle))
        self._files[name] = file
        if len(self._files) > _OPEN:
            self._give_back(self._files.pop(next(iter(self._files))))
        return file

    def _give_back(self, file: _File) -> None:
        """Closes a file; those of a conversation that was lost are closed."""
        if file.session is self._session:
            file.session.close(file.handle)

    def _connected(self) -> Session:
        """The conversation, begun where there is none."""
        with self._lock:
            if self._session is None or self._session.lost:
                self._opened.close()
                talk = self._opened.enter_context(conversing(self._command, silence=_SILENCE))
                session = Session(talk)
                with _converted(self._place, begun=False):
                    session.greet()
                self._session = session
            return self._session

    def _pin(self, name: str) -> Attributes:
        if name not in self._pinned:
            found = self._connected().attributes(self._full(name))
            if not found.plain:
                raise ArtifactMissing(f"{replace(self._place, name=name)} is no file")
            self._pinned[name] = found
        return self._pinned[name]

    def _check(self, name: str, now: Attributes) -> None:
        if now != self._pinned[name]:
            raise self._replaced(name)

    def _replaced(self, name: str) -> ArtifactError:
        return ArtifactError(
            f"{replace(self._place, name=name)} was replaced while it was read", transient=True
        )

    def _full(self, name: str) -> bytes:
        path = f"{self._path}/{name}"
        return (path.removeprefix("/~/") or ".").encode("utf-8", "surrogateescape")


@contextmanager
def _converted(place: Place, *, begun: bool = True) -> Iterator[None]:
    """Makes errors of what fails; a conversation that had ``begun`` and is lost may go well another time."""
    try:
        yield
    except Denied as exc:
        if exc.code == Code.MISSING:
            raise ArtifactMissing(f"{place} does not exist", hint=place.decoding_hint) from exc
        raise ArtifactError(f"{place} cannot be read: the server says: {exc}") from exc
    except ToolFailed as exc:
        hint = next((hint for word, hint in _HINTS if word in exc.message), None)
        passing = begun or any(word in exc.message for word in _PASSING)
        raise ArtifactError(
            f"{place} cannot be read: {exc.message}",
            hint=hint or (_CHECK if passing else None),
            transient=passing or exc.transient,
        ) from exc
