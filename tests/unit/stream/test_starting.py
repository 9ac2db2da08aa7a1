"""A program that could not be started."""

import errno

import pytest

from python_backup.errors import MachineExhausted, ToolFailed, ToolMissing
from python_backup.stream.starting import not_started


@pytest.mark.parametrize(
    ("number", "kind", "transient"),
    [
        (errno.ENOENT, ToolMissing, False),
        (errno.EACCES, ToolMissing, False),
        (errno.EMFILE, MachineExhausted, False),
        (errno.EAGAIN, MachineExhausted, True),
        (errno.ENOMEM, MachineExhausted, True),
        (errno.E2BIG, ToolFailed, False),
    ],
)
def test_what_keeps_a_program_from_starting_is_told_apart(
    number: int, kind: type[Exception], *, transient: bool
) -> None:
    error = not_started("pg_dump", "/usr/bin/pg_dump", OSError(number, "said the system"))
    assert (type(error), error.transient) == (kind, transient)
    assert "'/usr/bin/pg_dump'" in error.message
