"""docs/doctor.md beside the checks, the known faults and the servers' last days."""

from __future__ import annotations

import re

from python_backup.instance import Dbms
from python_backup.jobs.health.doctor import MACHINE, STEPS
from python_backup.model import Verdict
from python_backup.policy.lifetimes import ENDS, NAMES
from python_backup.policy.vulnerabilities import KNOWN
from support.markdown import code, read, rows, section

PROGRAMS = {Dbms.POSTGRESQL: "pg_dump", Dbms.MYSQL: "mysqldump", Dbms.MARIADB: "mariadb-dump"}


def _table(heading: str) -> list[list[str]]:
    return rows(section(read("docs/doctor.md"), heading))


def test_the_tables_have_every_check_in_its_order() -> None:
    machine = [code(cells[0])[0] for cells in _table("## Checks of the machine")]
    instance = [code(cells[0])[0] for cells in _table("## Checks of an instance")]
    assert machine == list(MACHINE)
    assert instance == [name for step in STEPS for name in step.names]


def test_the_table_of_verdicts_has_every_verdict() -> None:
    found = rows(read("docs/doctor.md").split("## Checks of the machine")[0])
    assert [code(cells[0])[0] for cells in found] == [verdict.value for verdict in Verdict]


def test_the_table_of_client_programs_has_every_known_fault() -> None:
    documented = [(c[0], code(c[1])[0], c[2]) for c in _table("## Client programs")]
    assert documented == [
        (fault.id, PROGRAMS[family], ", ".join(".".join(map(str, fix)) for fix in fault.fixed))
        for family, faults in KNOWN.items()
        for fault in faults
    ]


def test_the_table_of_servers_has_every_last_day() -> None:
    documented = {cells[0]: re.findall(r"([\d.]+): ([\d-]+)", cells[1]) for cells in _table("## Servers")}
    assert documented == {
        NAMES[dbms]: [(".".join(map(str, series)), str(last)) for series, last in ends.items()]
        for dbms, ends in ENDS.items()
    }
