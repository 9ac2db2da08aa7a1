"""All engines in one table. MariaDB is a flavour of MySQL's engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import cast

from python_backup.engines.engine import Engine
from python_backup.instance import Dbms

_FOLDERS = MappingProxyType({Dbms.MYSQL: "mysql", Dbms.MARIADB: "mysql", Dbms.POSTGRESQL: "postgresql"})


class _Engines(Mapping[Dbms, Engine]):
    """Imports an engine when it is first asked for: the other one's driver would delay every start."""

    def __getitem__(self, dbms: Dbms) -> Engine:
        return cast("Engine", import_module(f"python_backup.engines.{_FOLDERS[dbms]}.engine").ENGINE)

    def __iter__(self) -> Iterator[Dbms]:
        return iter(_FOLDERS)

    def __len__(self) -> int:
        return len(_FOLDERS)


ENGINES: Mapping[Dbms, Engine] = _Engines()


def make_ready(dbms: Dbms) -> None:
    """Imports the engine, its driver and readers now: what is timed next does not have that in its time."""
    from python_backup.stream import codecs  # noqa: F401, PLC0415 - so does whoever opens an artifact

    dialect = ENGINES[dbms].dialect
    dialect.selector(None)
    dialect.guard(None)
    dialect.bridge(None)
    dialect.builds()
