r"""The end of COPY data: the line ``\.``, and nothing that looks like one."""

from __future__ import annotations

import pytest

from python_backup.dump.postgresql.copydata import CopyData


@pytest.mark.parametrize("slashes", [0, 1, 31, 32, 33, 5000])
@pytest.mark.parametrize("end", [b"\\.\n", b"\\.\r\n"])
def test_the_end_is_found_behind_any_number_of_backslashes(slashes: int, end: bytes) -> None:
    rows = b"\\N\t" * slashes + b"last\n"
    data = CopyData("t", counted=True)
    found = data.read(rows + end + b"SELECT 1;\n", 0)
    assert (found.held + found.rows, found.end, found.next) == (rows, end, len(rows + end))


@pytest.mark.parametrize("slashes", [0, 31, 32, 33])
@pytest.mark.parametrize("row", [b"a\\.\n", b"\\\\.\n", b"\\.a\n", b"\\. \n", b"\t\\.\n"])
def test_a_row_that_holds_what_looks_like_an_end_is_none(slashes: int, row: bytes) -> None:
    rows = b"\\N\t" * slashes + b"x\n" + row + b"y\n"
    found = CopyData("t", counted=True).read(rows, 0)
    assert (found.rows, found.end, found.next) == (rows, b"", len(rows))


def test_reading_on_amid_a_block_looks_at_nothing_before() -> None:
    text = b"x\n\\.\nrow\n\\.\n"
    data = CopyData("t", counted=True, _line_start=False)
    found = data.read(text, 3)
    assert (found.rows, found.end) == (b".\nrow\n", b"\\.\n")
