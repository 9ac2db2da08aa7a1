"""A configured database server: where it is, how it is logged in to, and how it is treated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path


class Dbms(StrEnum):
    """A kind of database server, as the config names it."""

    MYSQL = "mysql"
    MARIADB = "mariadb"
    POSTGRESQL = "postgresql"


class TlsMode(StrEnum):
    """How far a connection is secured; the words are libpq's."""

    DISABLE = "disable"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


class Secret:
    """A password that is fetched only when it is used, and never shown.

    ``fetch`` may raise `ConfigError`. Each use fetches anew; ``revealed`` is what the last one gave,
    so that it can be taken out of a log.
    """

    __slots__ = ("_fetch", "revealed")

    def __init__(self, fetch: Callable[[], str]) -> None:
        self._fetch = fetch
        self.revealed: str | None = None

    def reveal(self) -> str:
        """The password in clear; the caller keeps it out of argv, logs and errors."""
        self.revealed = self._fetch()
        return self.revealed

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True, slots=True)
class Tls:
    """How to secure the connection to one server."""

    mode: TlsMode = TlsMode.PREFER
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Tools:
    """Where an instance's client programs are.

    ``path`` is a folder that is searched before any other. ``command`` is put before the
    program's name (``docker exec -i db``); host, port and socket are then as seen from there.
    """

    path: Path | None = None
    command: tuple[str, ...] = ()
    host: str | None = None
    port: int | None = None
    socket: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """How often what failed for a while is tried, and the seconds between: growing, up to ``max_delay``."""

    attempts: int = 3
    delay: float = 5.0
    backoff: float = 2.0
    max_delay: float = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one database's backup may take, in seconds; None: no bound.

    ``timeout`` is for all of it, every try included; ``lock`` for each wait for a lock; ``idle`` for
    the dump tool to write nothing.
    """

    timeout: float | None = None
    lock: float | None = 120.0
    idle: float | None = 1800.0


@dataclass(frozen=True, slots=True)
class Throttle:
    """How a run holds itself back; None: it does not.

    ``bwlimit`` is in bytes of the dump a second. It pauses while a replica is more than ``max_lag`` seconds
    behind, and while more than ``max_load`` sessions are at work: for ``max_pause`` seconds in all at most.
    """

    bwlimit: int | None = None
    max_lag: int | None = None
    max_load: int | None = None
    max_pause: int = 600


@dataclass(frozen=True, slots=True)
class Busy:
    """How busy a server is: how many sessions are at work, the one that asks not counted.

    ``lag`` is how many seconds it is behind its source, or its replicas behind it; None: nobody says.
    """

    sessions: int
    lag: float | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """One configured database server. A ``socket`` (a path) wins over host and port.

    ``held_username`` gives the account's name where the config does not: out of the vault. ``max_age``
    is how old the latest backup of a database may get. ``replicas`` are asked how far behind they are.
    ``rights``: dumps have PostgreSQL's owners and rights.
    """

    id: str
    name: str
    dbms: Dbms
    host: str = "127.0.0.1"
    port: int = 0
    socket: str | None = None
    username: str = ""
    password: Secret | None = None
    held_username: Secret | None = None
    filter: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    enabled: bool = True
    tls: Tls = field(default_factory=Tls)
    options: tuple[str, ...] = ()
    tools: Tools = field(default_factory=Tools)
    custom_format: bool = False
    rights: bool = False
    limits: Limits = field(default_factory=Limits)
    retry: Retry = field(default_factory=lambda: Retry(attempts=1))
    max_age: timedelta | None = None
    throttle: Throttle = field(default_factory=Throttle)
    replicas: tuple[Instance, ...] = ()

    @property
    def account(self) -> str:
        """The account to log in with, empty for the system's own; may raise `ConfigError`."""
        return self.username or (self.held_username.reveal() if self.held_username else "")

    @property
    def label(self) -> str:
        """The instance as it is named to people: ``1 (web)``."""
        return self.id if self.name == self.id else f"{self.id} ({self.name})"
