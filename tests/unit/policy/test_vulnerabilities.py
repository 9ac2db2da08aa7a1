"""Which versions of the client programs have known faults."""

from __future__ import annotations

import pytest

from python_backup.instance import Dbms
from python_backup.policy.vulnerabilities import KNOWN, fixed_in, known_in


@pytest.mark.parametrize(
    ("family", "number", "known", "fixed"),
    [
        (Dbms.POSTGRESQL, (15, 19), [], None),
        (Dbms.POSTGRESQL, (15, 18), ["CVE-2026-18408"], (15, 19)),
        (Dbms.POSTGRESQL, (16, 9), ["CVE-2025-8714", "CVE-2025-8715", "CVE-2026-6477", "CVE-2026-18408"], (16, 15)),
        (Dbms.POSTGRESQL, (13, 23), ["CVE-2026-6477", "CVE-2026-18408"], (14, 24)),
        (Dbms.POSTGRESQL, (18, 6), [], None),
        (Dbms.POSTGRESQL, (19, 0), [], None),
        (Dbms.MYSQL, (8, 0, 36), ["CVE-2024-21096", "CVE-2025-30722"], (8, 0, 42)),
        (Dbms.MYSQL, (8, 3, 0), ["CVE-2024-21096", "CVE-2025-30722"], (8, 4, 5)),
        (Dbms.MYSQL, (5, 7, 44), ["CVE-2024-21096"], (8, 0, 37)),
        (Dbms.MYSQL, (9, 7, 4), [], None),
        (Dbms.MARIADB, (10, 11, 19), [], None),
        (Dbms.MARIADB, (10, 11, 14), ["CVE-2025-13699"], (10, 11, 15)),
        (Dbms.MARIADB, (10, 3, 39), ["CVE-2024-21096", "CVE-2025-30722", "CVE-2025-13699"], (10, 6, 24)),
        (Dbms.MARIADB, (11, 6, 2), ["CVE-2025-30722", "CVE-2025-13699"], (11, 8, 4)),
    ],
)  # fmt: skip
def test_a_version_has_the_faults_that_its_series_had_before_their_fix(family, number, known, fixed):
    assert [fault.id for fault in known_in(family, number)] == known
    assert fixed_in(family, number) == fixed


@pytest.mark.parametrize("family", list(Dbms))
def test_a_version_that_mends_all_has_none(family):
    for fault in KNOWN[family]:
        for fix in fault.fixed:
            assert fault not in known_in(family, fix)
