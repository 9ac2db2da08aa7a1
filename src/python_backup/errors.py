"""The exception tree; each class carries its public exit code, each error may carry a hint.

BackupError                      1  failed
├── UsageError                   2  the command line is wrong
│   └── DatabaseMissing
├── ConfigError                  3  the configuration is wrong
│   ├── ConfigMissing
│   └── VaultError
├── ServerError                  4  a server cannot be reached, or does not permit
│   ├── ConnectionFailed
│   └── NotPermitted
├── ArtifactError                5  an artifact is missing or corrupt
│   ├── ArtifactMissing
│   └── ArtifactCorrupt
├── FactsDiffer                  6  restored, but the facts differ
├── Partial                      7  some databases of several failed
├── Refused                      8  refused before anything was touched
│   ├── UnsafeDump
│   ├── TargetExists
│   └── Locked
├── ToolMissing                  1  a client program is not on this machine
├── ToolFailed                   1  a client program failed
├── StatementFailed              1  a server refused a statement of a dump
├── StorageFailed                1  a file could not be written
└── Interrupted                130  ended by a signal
"""

from __future__ import annotations

from typing import ClassVar


class BackupError(Exception):
    """Something went wrong that the user can understand; anything else is a bug.

    The message is lower case, has no full stop, and names the object and the value.
    The hint is a sentence that names a command, an option or a grant. ``transient``: what failed may go
    well when it is tried again a little later.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, transient: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.transient = transient


class UsageError(BackupError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class DatabaseMissing(UsageError):
    """An instance has no database of that name."""


class ConfigError(BackupError):
    """The configuration cannot be used; the message lists every fault, and ``faults`` has them apart."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str | None = None, faults: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.faults = faults


class ConfigMissing(ConfigError):
    """There is no config file in any of its places."""


class VaultError(ConfigError):
    """The vault cannot be opened, or lacks an entry; the file is as it was."""


class ServerError(BackupError):
    """A database server cannot be used."""

    exit_code = 4


class ConnectionFailed(ServerError):
    """A connection could not be made, or was lost."""


class NotPermitted(ServerError):
    """The account lacks a right."""


class ArtifactError(BackupError):
    """An artifact cannot be used."""

    exit_code = 5


class ArtifactMissing(ArtifactError):
    """There is no such file."""


class ArtifactCorrupt(ArtifactError):
    """The bytes are not those that were written, or are not all of them."""


class FactsDiffer(BackupError):
    """The restored database is not what the dump says; the message names what differs."""

    exit_code = 6


class Partial(BackupError):
    """Some databases of several failed, or a backup lacks something."""

    exit_code = 7


class Refused(BackupError):
    """The program will not do this; nothing was touched."""

    exit_code = 8


class UnsafeDump(Refused):
    """The dump holds a statement that reaches outside the target, or could run a program."""


class TargetExists(Refused):
    """The target database exists and nobody agreed to replace it."""


class Locked(Refused):
    """Another run works on the same database."""


class ToolMissing(BackupError):
    """No fitting client program is on this machine."""


class MachineExhausted(BackupError):
    """The system gives this process no more files, processes or memory."""


class ToolFailed(BackupError):
    """A client program ended with an error, or was ended."""


class StatementFailed(BackupError):
    """The server refused a statement; the message gives its line in the dump and the code."""


class StorageFailed(BackupError):
    """A file could not be written; what stood there before still stands."""


class Interrupted(BackupError):
    """The run was ended by a signal."""

    exit_code = 130
