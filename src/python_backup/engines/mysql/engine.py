"""MySQL and MariaDB as one engine: which of the two a server is, it says itself."""

from __future__ import annotations

from dataclasses import dataclass

from python_backup.dump.dialect import Dialect
from python_backup.dump.mysql.dialect import DIALECT
from python_backup.engines.engine import Engine, Server
from python_backup.engines.mysql.connection import DEFAULT_PORT
from python_backup.engines.mysql.movable import LONGEST_NAME
from python_backup.engines.mysql.server import connect
from python_backup.model import Instance


@dataclass(frozen=True, slots=True)
class _Engine:
    dialect: Dialect
    default_port: int

    def fits(self, name: str) -> bool:
        return len(name) <= LONGEST_NAME

    def connect(self, instance: Instance) -> Server:
        return connect(instance)


ENGINE: Engine = _Engine(DIALECT, DEFAULT_PORT)
"""The engine for the dbms ``mysql`` and ``mariadb``."""
