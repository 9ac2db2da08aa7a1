"""The log's records, as they were told."""

import logging
from collections.abc import Iterator

import pytest

from python_backup.log.tell import LOGGER


class Kept(logging.Handler):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    """All that is told, from DEBUG on."""
    kept, before = Kept(), LOGGER.level
    LOGGER.addHandler(kept)
    LOGGER.setLevel(logging.DEBUG)
    yield kept.records
    LOGGER.removeHandler(kept)
    LOGGER.setLevel(before)
