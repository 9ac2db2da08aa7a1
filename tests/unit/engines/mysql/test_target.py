"""The new database's character set is the dump's, or what comes nearest of what the server knows."""

from __future__ import annotations

import pytest

from python_backup.dump.dialect import SourceDatabase
from python_backup.engines.mysql.target import charset_of, quoted_account

KNOWN = frozenset(
    {"utf8mb4_unicode_ci", "utf8mb4_general_ci", "latin1_swedish_ci", "binary", "utf8mb3_general_ci"}
)


@pytest.mark.parametrize(
    ("properties", "charset", "collation", "warned"),
    [
        ({}, "utf8mb4", "utf8mb4_unicode_ci", False),
        ({"charset": "latin1"}, "latin1", None, False),
        ({"charset": "latin1", "collation": "latin1_swedish_ci"}, "latin1", "latin1_swedish_ci", False),
        ({"charset": "utf8mb4", "collation": "utf8mb4_0900_ai_ci"}, "utf8mb4", "utf8mb4_unicode_ci", True),
        ({"collation": "utf8mb4_general_ci"}, "utf8mb4", "utf8mb4_general_ci", False),
        ({"charset": "binary"}, "binary", None, False),
        ({"charset": "utf8"}, "utf8mb3", None, False),
        ({"charset": "gb18030"}, "utf8mb4", "utf8mb4_unicode_ci", True),
    ],
)
def test_the_dumps_words_decide_where_the_server_knows_them(properties, charset, collation, warned):
    choice = charset_of(SourceDatabase("d", properties), KNOWN)
    assert (choice.charset, choice.collation, bool(choice.warnings)) == (charset, collation, warned)


def test_a_dump_that_says_nothing_gets_utf8mb4():
    assert charset_of(None, KNOWN).collation == "utf8mb4_unicode_ci"


def test_accounts_are_quoted_for_a_grant():
    assert quoted_account(("o'r", "%")) == "'o''r'@'%'"
