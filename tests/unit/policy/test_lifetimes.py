"""How long servers are supported, on a day that is given."""

from __future__ import annotations

from datetime import date

import pytest

from python_backup.instance import Dbms
from python_backup.model import Verdict
from python_backup.policy.lifetimes import ENDS, supported

DAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("dbms", "version", "verdict", "found"),
    [
        (Dbms.POSTGRESQL, "18.6", Verdict.OK, "PostgreSQL 18.6: security updates until 2030-11-14"),
        (Dbms.POSTGRESQL, "14.24", Verdict.WARNING, "PostgreSQL 14.24: no security updates since 2026-11-12"),
        (Dbms.POSTGRESQL, "12.22", Verdict.WARNING, "PostgreSQL 12.22: this program is tested with 13 and later"),
        (Dbms.POSTGRESQL, "19beta1", Verdict.OK, "PostgreSQL 19beta1: newer than what this program knows of"),
        (Dbms.MYSQL, "9.7.4", Verdict.OK, "MySQL 9.7.4: security updates until 2034-04-21"),
        (Dbms.MYSQL, "8.0.44", Verdict.WARNING, "MySQL 8.0.44: no security updates since 2026-04-30"),
        (Dbms.MYSQL, "9.2.0", Verdict.WARNING, "MySQL 9.2.0: a short-lived series without security updates"),
        (Dbms.MARIADB, "11.8.6-MariaDB-deb13u1", Verdict.OK, "MariaDB 11.8.6: security updates until 2028-06-04"),
        (Dbms.MARIADB, "10.5.29-MariaDB", Verdict.WARNING, "MariaDB 10.5.29: no security updates since 2025-06-24"),
    ],
)  # fmt: skip
def test_a_version_is_judged_by_its_series_last_day(dbms, version, verdict, found):
    check = supported(dbms, version, DAY)
    assert (check.name, check.verdict, check.found) == ("version", verdict, found)
    assert (check.hint is None) == (verdict is Verdict.OK)


def test_the_last_day_itself_is_well():
    assert supported(Dbms.POSTGRESQL, "15.19", ENDS[Dbms.POSTGRESQL][(15,)]).verdict is Verdict.OK


@pytest.mark.parametrize("dbms", [Dbms.MYSQL, Dbms.MARIADB])
def test_the_server_says_itself_which_of_the_two_it_is(dbms):
    assert supported(dbms, "11.4.9-MariaDB", DAY).found.startswith("MariaDB 11.4.9")
    assert supported(dbms, "8.4.8", DAY).found.startswith("MySQL 8.4.8")
