"""Why a program could not be started, and what to do: missing, no program, or the machine is used up."""

from __future__ import annotations

import errno

from python_backup.errors import BackupError, MachineExhausted, ToolFailed, ToolMissing

_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR})
_NO_PROGRAM = frozenset({errno.EACCES, errno.ENOEXEC})
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})


def not_started(name: str, program: str, exc: OSError) -> BackupError:
    """The error for a ``program`` that the system did not start; ``name`` is what to install."""
    if exc.errno in _MISSING:
        hint = f"Install {name}, or name its folder in the config's tools.path."
        return ToolMissing(f"program {program!r} is not on this machine", hint=hint)
    if exc.errno in _NO_PROGRAM:
        return ToolMissing(f"program {program!r} cannot be run: {exc.strerror}")
    message = f"program {program!r} could not be started: {exc.strerror}"
    if exc.errno in _EXHAUSTED:
        hint = "Raise the limits of this process (ulimit -a), or end what else runs on the machine."
        return MachineExhausted(message, hint=hint, transient=exc.errno != errno.EMFILE)
    return ToolFailed(message)
