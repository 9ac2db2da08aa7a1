import subprocess
import sys

import pytest

from python_backup.engines.table import ENGINES
from python_backup.instance import Dbms

ONLY_A_RESTORES = ("guard", "load", "merge", "outlook", "picking", "rewriter", "scratch", "takeover")


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
def test_an_engine_comes_without_the_readers_of_dumps_which_are_imported_beside_the_dump(dbms: Dbms) -> None:
    code = f"""
import sys
import python_backup.jobs.backup
from python_backup.engines.table import ENGINES
from python_backup.instance import Dbms
ENGINES[Dbms({dbms.value!r})].checks
print(*sorted(name for name in sys.modules if name.endswith((".lexer", ".parts.writing"))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_mariadb_is_a_flavour_of_mysqls_engine() -> None:
    assert set(ENGINES) == set(Dbms)
    assert ENGINES[Dbms.MARIADB] is ENGINES[Dbms.MYSQL]


@pytest.mark.parametrize(("dbms", "driver"), [(Dbms.MARIADB, "pymysql"), (Dbms.POSTGRESQL, "psycopg")])
def test_an_engine_that_is_made_ready_has_its_driver(dbms: Dbms, driver: str) -> None:
    code = f"""
import sys
from python_backup.engines.table import make_ready
from python_backup.instance import Dbms
before = {driver!r} in sys.modules
make_ready(Dbms({dbms.value!r}))
print(before, {driver!r} in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False True\n"
