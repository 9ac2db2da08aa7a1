"""PostgreSQL as an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from python_backup.engines.engine import Engine, Reached, Server
from python_backup.engines.postgresql import health
from python_backup.engines.postgresql.names import fits
from python_backup.engines.postgresql.server import PostgresServer
from python_backup.instance import Busy, Dbms, Instance, Tools
from python_backup.late import late

if TYPE_CHECKING:
    from python_backup.dump.dialect import Dialect
    from python_backup.dump.postgresql import dialect as dialects
    from python_backup.engines.postgresql import busy, reach, scratch
    from python_backup.engines.program import Client, Image, Recipe, ServerProgram
else:
    (dialects,) = late("python_backup.dump.postgresql", "dialect")  # a dump is begun meanwhile
    busy, reach, scratch = late(__package__, "busy reach scratch")

DEFAULT_PORT = 5432


@dataclass(frozen=True, slots=True)
class _Engine:
    default_port: int

    @property
    def dialect(self) -> Dialect:
        return dialects.DIALECT

    @property
    def checks(self) -> tuple[str, ...]:
        return health.CHECKS

    def fits(self, name: str) -> bool:
        return fits(name)

    def owns(self, name: str) -> bool:
        return name in {"template0", "template1"}

    def programs(self, places: Iterable[Path]) -> tuple[ServerProgram, ...]:
        return scratch.programs(places)

    def recipe(self, program: ServerProgram, folder: Path, password: str) -> Recipe:
        return scratch.recipe(program, folder, password)

    def contained(self, image: Image, folder: Path, password: str) -> Recipe:
        return scratch.contained(image, folder, password)

    def connect(self, instance: Instance) -> Server:
        return PostgresServer(instance)

    def gauge(self, instance: Instance) -> AbstractContextManager[Callable[[], Busy]]:
        return busy.gauge(instance)

    def reach(self, instance: Instance) -> Reached:
        return reach.reach(instance)

    def clients(self, tools: Tools, family: Dbms) -> tuple[Client, ...]:
        del family  # there is but one
        return reach.clients(tools)


ENGINE: Engine = _Engine(DEFAULT_PORT)
"""The engine for the dbms ``postgresql``."""
