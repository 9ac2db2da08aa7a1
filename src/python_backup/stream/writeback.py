"""Has the disk begin with what was written while more is being made: at the end there is less to wait for.

Nothing is promised by it, and no error is told here: `os.fsync` at the end waits for all and tells of all.
"""

from __future__ import annotations

import ctypes

STEP = 8 << 20
"""Bytes that are worth beginning with: few calls, and writes as long as disks like them."""

_WRITE = 2  # SYNC_FILE_RANGE_WRITE: begins writing what is not under way, and does not wait for it

_sync_file_range = getattr(ctypes.CDLL(None), "sync_file_range", None)
if _sync_file_range is not None:  # sync_file_range(2); Linux alone has it
    _sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


def begin_writing(descriptor: int, begin: int, end: int) -> None:
    """Has the disk begin with these bytes of a file, where the system and the file system can."""
    if _sync_file_range is not None:
        _sync_file_range(descriptor, begin, end - begin, _WRITE)
