"""A signal at one line of the code, as its exception: whatever line it is, nothing half done may be left."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any


def interrupted_at(line: int, modules: tuple[ModuleType, ...], act: Callable[[], object]) -> bool:
    """Acts, with a signal's exception at the so-manieth line that the modules run; whether it came."""
    count, files = 0, {module.__file__ for module in modules}

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if frame.f_code.co_filename not in files:
            return None
        count += event == "line"
        if count == line:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False
