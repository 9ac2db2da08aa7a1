"""Keys whose bytes are known, and a statement."""

from datetime import UTC, datetime

import pytest

from python_backup.receipt.keys import SigningKey, signing_key
from python_backup.receipt.statement import Chained, Statement


@pytest.fixture
def key() -> SigningKey:
    return signing_key("01" * 32)


@pytest.fixture
def other() -> SigningKey:
    return signing_key("02" * 32)


@pytest.fixture
def statement() -> Statement:
    return Statement(
        "20260113_155440_mysql_it's.sql.zst",
        "ab" * 32,
        "1",
        "it's",
        "proven",
        datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC),
        Chained(2, "cd" * 32),
        {"equality": "identical", "tables": [{"table": "caf\udce9", "rows": 3}]},
    )
