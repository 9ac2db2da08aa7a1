"""The pg_dump of one database: its command, its private files, and how its end is judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from python_backup.engines.engine import DumpPlan, DumpStream
from python_backup.engines.postgresql import connection, inventory
from python_backup.engines.postgresql.tools import Tool, Toolbox
from python_backup.engines.tls import hint_for
from python_backup.errors import ConfigError, ToolFailed
from python_backup.instance import Instance, Limits
from python_backup.stream.bounds import Silence
from python_backup.stream.child import Command, running
from python_backup.stream.ending import Ending
from python_backup.stream.private import private_files

WITHOUT_RIGHTS = ("--no-owner", "--no-privileges")

NAMED = ("--clean", "--create", "--if-exists")
"""Not for a database whose name has a line break, which pg_dump --create refuses to write in plain text."""

UNNAMED_WARNING = (
    "the database's name has a line break, which pg_dump --create refuses:"
    " its encoding, locale and own settings are not in the dump"
)

LINES_SHOWN = 3

_REFUSED = (
    (("-f", "--file"), "the dump is read from standard output"),
    (("-F", "--format"), "custom archives are asked for with format: custom"),
    (("-d", "--dbname"), "databases are chosen with --database and the instance's filter"),
    (("-j", "--jobs"), "pg_dump writes one stream"),
    (("--enable-row-security",), "rows that the account may not see would be left out without a word"),
    (("-W", "--password"), "the password comes from the instance's config"),
)
"""Options that would break the stream or the promise; each with its reason."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be dumped, for which server (its major version), within which limits."""

    instance: Instance
    database: str
    major: int
    limits: Limits


def plan(request: Request, toolbox: Toolbox) -> DumpPlan:
    """Chooses the program and says how it will be run.

    Raises:
        ToolMissing: no pg_dump fits the server.
        ConfigError: the instance's options cannot be given to pg_dump here.
    """
    tool = toolbox.choose("pg_dump", request.major)
    form = "--format=c" if request.instance.custom_format else "--format=p"
    command = command_of(request, tool, (*names(request), form))
    started = partial(running_dump, request, command, toolbox.environment())
    return DumpPlan("pg_dump", tool.version, command, started)


def names(request: Request) -> tuple[str, ...]:
    """The options that have the dump make its database, as far as that can be."""
    return (*(() if _unnamed(request) else NAMED), *rights(request))


def rights(request: Request) -> tuple[str, ...]:
    """The options that leave owners and rights out, but of a safety backup."""
    return () if request.instance.rights else WITHOUT_RIGHTS


def command_of(request: Request, tool: Tool, chosen: tuple[str, ...]) -> tuple[str, ...]:
    """The pg_dump that is run, with what is ``chosen`` for it.

    Raises:
        ConfigError: the instance's options cannot be given to pg_dump here.
    """
    instance = request.instance
    _check(instance.options, instance)
    bounds = [seconds for seconds in (request.limits.lock, request.limits.timeout) if seconds is not None]
    wait = (f"--lock-wait-timeout={max(1, int(min(bounds)))}s",) if bounds else ()
    return (
        *tool.argv,
        *chosen,
        *wait,
        "--password" if is_prompted(instance) else "--no-password",
        *instance.options,
        "--dbname=" + connection.conninfo(parameters(request)),
    )


def parameters(request: Request) -> dict[str, str]:
    """What libpq is told in a client program, where that sees the server."""
    instance, tools = request.instance, request.instance.tools
    where = connection.address(
        tools.host or instance.host,
        tools.port or instance.port,
        tools.socket or (None if tools.host else instance.socket),
    )
    return connection.parameters(where, instance, request.database)


def _warnings_of(request: Request) -> tuple[str, ...]:
    unnamed = (UNNAMED_WARNING,) if _unnamed(request) else ()
    return unnamed + inventory.warnings(request.instance.options)


def _unnamed(request: Request) -> bool:
    return not request.instance.custom_format and re.search(r"[\r\n]", request.database) is not None


def _check(options: tuple[str, ...], instance: Instance) -> None:
    for option in options:
        for names, reason in _REFUSED:
            if any(option.split("=")[0] == n if n.startswith("--") else option.startswith(n) for n in names):
                raise ConfigError(
                    f"instance {instance.id}: option {option!r} cannot be given to pg_dump: {reason}",
                    hint="Take it out of the instance's options.",
                )


@contextmanager
def running_dump(
    request: Request, command: tuple[str, ...], environment: dict[str, str]
) -> Iterator[DumpStream]:
    """Runs pg_dump; its password is in a private file, or goes to its standard input in a container."""
    instance = request.instance
    with password_files(instance, "pg_dump", prompted=is_prompted(instance)) as own:
        silence = Silence(request.limits.idle)
        started = Command(command, environment | own, answer(instance, "pg_dump"))
        with running(started, timeout=request.limits.timeout, silence=silence) as child:
            stream = DumpStream(iter(()), [], list(_warnings_of(request)))
            stream.forgive, stream.end = child.forgive, child.end
            stream.blocks = child.blocks(judge(f"pg_dump of database {request.database!r}", stream, instance))
            yield stream


@contextmanager
def password_files(instance: Instance, program: str, *, prompted: bool = False) -> Iterator[dict[str, str]]:
    """The environment that names a private password file; an empty one where it is prompted for.

    Raises:
        ConfigError: no such file can hold the password.
    """
    password = _password(instance, program)
    files = {"pgpass": b"" if password is None or prompted else _passfile(password)}
    with private_files(files) as folder:
        yield {"PGPASSFILE": str(folder / "pgpass")}


def is_prompted(instance: Instance) -> bool:
    """Whether a client program asks for the password: in a container it sees no file of ours."""
    return bool(instance.tools.command) and instance.password is not None


def answer(instance: Instance, program: str) -> bytes:
    """What a client program is told on its stdin: the password, where it is prompted for.

    Raises:
        ConfigError: it cannot be told there.
    """
    password = _password(instance, program)
    return f"{password}\n".encode() if is_prompted(instance) else b""


def _password(instance: Instance, program: str) -> str | None:
    password = None if instance.password is None else instance.password.reveal()
    if password is not None and ("\n" in password or "\r" in password):
        raise ConfigError(
            f"instance {instance.id}: the password has a line break, which {program} cannot be told",
            hint="Give the account another password.",
        )
    return password


def _passfile(password: str) -> bytes:
    """A password file for any host and database; ``:`` and backslash are escaped (libpq, 34.16)."""
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    return f"*:*:*:*:{escaped}\n".encode()


_SERVER_SAID = "detail: Error message from server: "
_ERROR = re.compile(r"(?i)([\w./-]+: )?(error|fatal|panic)\b")


def judge(doing: str, stream: DumpStream | None, instance: Instance | None) -> Callable[[Ending], None]:
    """Judges how a client program ended; its warnings are added to the stream's.

    Raises (when called):
        ToolFailed: the exit status is not 0, or it is, but an error was reported.
    """

    def judged(ending: Ending) -> None:
        lines = [re.sub(r"^(Password: ?)+", "", line) for line in ending.lines]
        lines = [line for line in lines if line]
        errors = [line for line in lines if _ERROR.match(line)]
        if ending.returncode != 0 or errors:
            reasons = [line for line in lines if _SERVER_SAID in line]  # the error line says PQgetResult()
            text = _failure(doing, ending, [*errors, *reasons] or lines)
            raise ToolFailed(text, hint=_hint(lines, instance), transient=_passing(lines))
        if stream is not None:
            stream.warnings.extend(_warnings(lines))

    return judged


def _failure(doing: str, ending: Ending, lines: list[str]) -> str:
    how = f"signal {-ending.returncode}" if ending.returncode < 0 else f"exit status {ending.returncode}"
    shown = "; ".join(
        re.sub(rf"^[\w./-]+: ((error|fatal): |{_SERVER_SAID})?", "", line) for line in lines[:LINES_SHOWN]
    )
    limit = " (lock_timeout)" if "statement timeout" in shown else ""
    return f"{doing} failed ({how})" + (f": {shown}{limit}" if shown else "")


def _warnings(lines: list[str]) -> list[str]:
    """Each warning as one text, with the detail and hint lines that follow it."""
    joined: list[str] = []
    for line in lines:
        plain = re.sub(r"^[\w./-]+: ", "", line)
        if joined and re.match(r"(detail|hint):", plain):
            joined[-1] += f" ({plain})"
        else:
            joined.append(plain.removeprefix("warning: "))
    return joined


_HINTS = (
    (r"row-level security", 'Let the account see every row: ALTER ROLE "{user}" BYPASSRLS.'),
    (
        r"permission denied|may lack SELECT privilege",
        'GRANT pg_read_all_data TO "{user}" (14 and later), or USAGE on the schema, SELECT on all in it.',
    ),
    (
        r"server version mismatch",
        "Install the client of the server's version, or name its folder in tools.path.",
    ),
    (
        r"statement timeout|lock timeout|could not obtain lock",
        "End the session that holds the table (see pg_locks), or raise lock_timeout in the config.",
    ),
    (
        r"conflict with recovery",
        "On a standby set hot_standby_feedback = on, or raise max_standby_streaming_delay.",
    ),
    (r"authentication failed|no password supplied|pg_hba", "Check username and password of the instance."),
    (
        r"could not connect|connection to server|Connection refused",
        "Check host and port as the tool sees them.",
    ),
    (
        r"invalid memory alloc request size|string buffer",
        (
            "A row exceeds the gigabyte that a server writes as text (bytea takes two digits for each byte):"
            " make it smaller, keep it as a large object, or give --exclude-table-data in options."
        ),
    ),
    (r"unsupported version", "Install a newer pg_restore, or name its folder in tools.path."),
    (r"unrecognized option|invalid option", "Check the instance's options against this client's --help."),
)


def _passing(lines: list[str]) -> bool:
    """Whether what failed may go well a little later; what needs somebody's hand is said first."""
    everything = "\n".join(lines)
    return _PASSING.search(everything) is not None and _LASTING.search(everything) is None


_LASTING = re.compile(r"authentication failed|no password supplied|pg_hba|certificate|permission denied")
_PASSING = re.compile(
    r"conflict with recovery|(statement|lock) timeout|could not obtain lock|deadlock detected"
    r"|could not serialize"
    r"|server closed the connection|terminating connection|no connection to the server"
    r"|could not (receive|send)"
    r"|Connection (refused|reset|timed out)|timeout expired|No route to host|is unreachable|SSL SYSCALL"
    r"|could not translate host name|No such file or directory\s+Is the server running"
    r"|too many (clients|connections)|remaining connection slots|starting up|shutting down|recovery mode"
    r"|not (yet )?accepting connections|relation .* does not exist|with OID \d+|cache lookup failed"
)
"""What pg_dump says of faults that pass: locks, recovery, a lost server, tables dropped beside it.

Its ``--lock-wait-timeout`` is a statement_timeout for the statements that lock (13 to 18); for all
others it sets none.
"""


def _hint(lines: list[str], instance: Instance | None) -> str | None:
    everything = "\n".join(lines)
    if "connection to server" in everything and (told := hint_for(everything)):
        return told
    user = instance.account if instance else ""
    return next((hint.format(user=user) for pattern, hint in _HINTS if re.search(pattern, everything)), None)
