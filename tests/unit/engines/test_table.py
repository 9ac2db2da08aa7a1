import subprocess
import sys
from importlib.util import find_spec

import pytest

from python_backup.engines.table import ENGINES
from python_backup.instance import Dbms

ONLY_A_RESTORES = ("guard", "load", "merge", "outlook", "picking", "rewriter", "scratch", "takeover")
NOT_BEFORE_THE_DUMP = (
    "blake3",
    "isal",
    "statistics",
    "zlib_ng",
    "python_backup.cli.choosing",
    "python_backup.cli.order",
    "python_backup.config.vault",
    "python_backup.dump.dialect",
    "python_backup.dump.facts",
    "python_backup.dump.mysql.lexer",
    "python_backup.dump.piece",
    "python_backup.dump.postgresql.lexer",
    "python_backup.jobs.parts.writing",
    "python_backup.jobs.reading",
    "python_backup.policy.forecast",
    "python_backup.storage.parts",
    "python_backup.stream.codecs",
    "python_backup.stream.decoders",
    "python_backup.stream.frames",
)


@pytest.mark.parametrize("dbms", [Dbms.MYSQL, Dbms.POSTGRESQL])
def test_an_engine_comes_without_what_only_a_restore_needs(dbms: Dbms) -> None:
    code = f"""
import sys
from python_backup.engines.table import ENGINES
from python_backup.instance import Dbms
ENGINES[Dbms({dbms.value!r})].dialect.lexer()
print(*sorted(name for name in sys.modules if name.rpartition(".")[2] in {ONLY_A_RESTORES!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize("dbms", [Dbms.MYSQL, Dbms.POSTGRESQL])
def test_a_backup_is_begun_without_what_is_imported_beside_the_dump_or_never_used(dbms: Dbms) -> None:
    code = f"""
import sys
import python_backup.cli.backup, python_backup.config.load
import python_backup.jobs.backup, python_backup.jobs.health.quick
import python_backup.storage.leftovers, python_backup.storage.runs
from python_backup.engines.table import ENGINES
from python_backup.instance import Dbms
ENGINES[Dbms({dbms.value!r})].checks
print(*(name for name in {NOT_BEFORE_THE_DUMP!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_the_names_of_what_comes_late_are_those_of_modules() -> None:
    assert [name for name in NOT_BEFORE_THE_DUMP if find_spec(name) is None] == []


def test_mariadb_is_a_flavour_of_mysqls_engine() -> None:
    assert set(ENGINES) == set(Dbms)
    assert ENGINES[Dbms.MARIADB] is ENGINES[Dbms.MYSQL]


@pytest.mark.parametrize(("dbms", "driver"), [(Dbms.MARIADB, "pymysql"), (Dbms.POSTGRESQL, "psycopg")])
def test_an_engine_that_is_made_ready_has_its_driver_and_readers(dbms: Dbms, driver: str) -> None:
    code = f"""
import sys
from python_backup.engines.table import make_ready
from python_backup.instance import Dbms
guard = "python_backup.dump.{"postgresql" if driver == "psycopg" else "mysql"}.guard"
wanted = {{{driver!r}, guard, "python_backup.stream.decoders"}}
before = wanted & set(sys.modules)
make_ready(Dbms({dbms.value!r}))
print(before, wanted <= set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set() True\n"
