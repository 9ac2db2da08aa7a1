"""The engines' programs: what dumps, what serves, and how a throw-away server is made of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from python_backup.instance import Dbms, Instance


@dataclass(frozen=True, slots=True)
class Client:
    """One dump program: its own name, its family, its version in words and numbers, and what starts it."""

    name: str
    family: Dbms
    version: str
    number: tuple[int, ...]
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServerProgram:
    """A server program on this machine; ``number`` is what of its version matters: (17,), (10, 11).

    ``clients`` is the folder where its own client programs stand; ``embedded``: a Python package has it.
    """

    dbms: Dbms
    version: str
    number: tuple[int, ...]
    path: Path
    clients: Path
    embedded: bool = False

    def __str__(self) -> str:
        return f"{self.dbms} {self.version}"


@dataclass(frozen=True, slots=True)
class Image:
    """A container image of a server: ``postgres:17``, and what of its version matters."""

    dbms: Dbms
    name: str

    def __str__(self) -> str:
        return f"{self.dbms} in {self.name}"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a throw-away server is made and served, and how it is reached then.

    ``files`` are written into its folder first; ``make`` runs to its end before ``serve`` is run;
    ``ending`` is the signal that ends it at once, ``after`` what is run then. ``client`` connects a person
    to a database, whose name goes last. ``container``: the server is in one of this name.
    """

    files: Mapping[str, str]
    make: tuple[str, ...]
    serve: tuple[str, ...]
    ending: Signals
    instance: Instance
    client: tuple[str, ...]
    after: tuple[str, ...] = ()
    container: str | None = None
