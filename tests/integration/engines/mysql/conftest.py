"""Databases that change names."""

from __future__ import annotations

import pytest

from integration.engines.mysql.swapping import trio
from support.servers import RunningServer


@pytest.fixture
def names(mysql_server: RunningServer, new_database):
    """Target, fresh and before: the first two made and filled with ``old`` and ``new``."""
    return trio(mysql_server, new_database)
