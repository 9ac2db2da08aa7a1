"""All engines in one table. MariaDB is a flavour of MySQL's engine."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from python_backup.engines.engine import Engine
from python_backup.engines.mysql.engine import ENGINE as MYSQL
from python_backup.engines.postgresql.engine import ENGINE as POSTGRESQL
from python_backup.model import Dbms

ENGINES: Mapping[Dbms, Engine] = MappingProxyType(
    {Dbms.MYSQL: MYSQL, Dbms.MARIADB: MYSQL, Dbms.POSTGRESQL: POSTGRESQL}
)
