"""The dump command: its options, its private option file, and what its exit status and stderr mean.

The password reaches the tool in an option file of its own and nowhere else. ``--force`` makes the
tool go on after an error, even after "unknown database", and write its trailer all the same: so
stderr, exit status and trailer are judged together.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from python_backup.engines.engine import DumpPlan, DumpStream
from python_backup.engines.mysql.connection import ALL_ROWS, MOST_ROWS
from python_backup.engines.mysql.refused import DEFAULT_PORT, PASSING
from python_backup.engines.mysql.tools import Tool
from python_backup.engines.mysql.waiting import lock_watch
from python_backup.engines.tls import VERIFYING, hint_for
from python_backup.errors import Refused, ToolFailed
from python_backup.instance import Dbms, Instance, Limits, Tls, TlsMode
from python_backup.stream.bounds import Silence
from python_backup.stream.child import Command, running
from python_backup.stream.ending import Ending
from python_backup.stream.private import private_files

OPTION_FILE = "client.cnf"
TRAILER = b"-- Dump completed"
_TAIL = 4096

_OPTIONS = (
    "--single-transaction",
    "--routines",
    "--triggers",
    "--events",
    "--add-drop-database",
    "--set-gtid-purged=OFF",
    "--force",
    "--quick",
    "--default-character-set=utf8mb4",
    "--max-allowed-packet=1G",
    "--no-tablespaces",  # those of NDB; to read them takes PROCESS, and fails the dump without it
)
"""The options of every dump, each given where the client has it.

Not ``--hex-blob``: binary data came back exactly without it on every server tried, and it doubles
the size. Not ``--column-statistics``: only MySQL's clients have it, for MySQL's servers.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """One dump to plan.

    ``encrypted`` says whether the driver's own session found TLS; ``further`` are options that this
    database or account needs, all of which the tool has. ``lacks``: what the dump cannot hold.
    """

    instance: Instance
    database: str
    tool: Tool
    environment: dict[str, str]
    encrypted: bool
    limits: Limits
    further: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()


def plan(job: Job) -> DumpPlan:
    """The command as it is shown and kept, and what starts it."""
    return DumpPlan(
        client=job.tool.name,
        client_version=job.tool.version,
        command=(*job.tool.argv, f"--defaults-file={OPTION_FILE}", *options(job)),
        start=lambda: _start(job),
    )


def options(job: Job) -> tuple[str, ...]:
    """Everything after ``--defaults-file``; the database's name stands behind ``--``, as it is."""
    wanted = [*_OPTIONS, f"--protocol={'SOCKET' if _socket(job.instance) else 'TCP'}"]
    has = job.tool.options
    given = (o for o in wanted if o[2:].partition("=")[0] in has)
    return (*given, *job.further, *job.instance.options, "--databases", "--", job.database)


def unlimited(tool: Tool, given: tuple[str, ...], limit: int) -> tuple[str, ...]:
    """The options that have the dump hold all rows where the server's own ``sql_select_limit`` is so low.

    Raises:
        Refused: this program can be told nothing of it, or is told otherwise by the ``given`` options.
    """
    if limit >= MOST_ROWS:
        return ()
    if "init-command" in tool.options and not any("init" in one.partition("=")[0] for one in given):
        return (f"--init-command=SET SESSION {ALL_ROWS}",)
    raise Refused(
        f"the server ends every SELECT after {limit} rows (sql_select_limit), and so {tool.name} would, too",
        hint=f"SET GLOBAL {ALL_ROWS}",
    )


def option_file(job: Job) -> bytes:
    r"""The ``[client]`` section: values in double quotes, with ``\`` doubled and ``"`` escaped.

    https://dev.mysql.com/doc/refman/8.4/en/option-files.html: without quotes ``#`` begins a comment,
    and ``\`` begins an escape in either case.
    """
    instance = job.instance
    lines = {"user": instance.account or None, "password": None}
    if instance.password is not None:
        lines["password"] = instance.password.reveal()
    if socket := _socket(instance):
        lines["socket"] = socket
    else:
        lines["host"] = instance.tools.host or instance.host
        lines["port"] = str(instance.tools.port or instance.port or DEFAULT_PORT)
    lines |= _TLS[job.tool.family](instance.tls, job.encrypted)
    text = "".join(f"{name}={_value(value)}\n" for name, value in lines.items() if value is not None)
    return f"[client]\n{text}".encode()


def _socket(instance: Instance) -> str | None:
    """The socket as seen from where the tool runs; a host given for the tools means TCP."""
    tools = instance.tools
    if tools.socket or tools.host or tools.port:
        return tools.socket
    return instance.socket


def _value(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(escapes.get(c, c) for c in text) + '"'


def _mysql_tls(tls: Tls, encrypted: bool) -> dict[str, str | None]:  # noqa: FBT001 - one signature for the table
    modes = {
        TlsMode.DISABLE: "DISABLED",
        TlsMode.PREFER: "PREFERRED",
        TlsMode.REQUIRE: "REQUIRED",
        TlsMode.VERIFY_CA: "VERIFY_CA",
        TlsMode.VERIFY_FULL: "VERIFY_IDENTITY",
    }
    # without TLS a new-style password travels under the server's public key, which must be asked for
    return {"ssl-mode": modes[tls.mode], "loose-get-server-public-key": None if encrypted else "1"} | _files(
        tls
    )


def _mariadb_tls(tls: Tls, encrypted: bool) -> dict[str, str | None]:  # noqa: FBT001 - see above
    """MariaDB's clients have no ``prefer``: they get what the driver found the server to have.

    From 11.4 on they verify unless told not to; they cannot verify a chain without the name.
    """
    if tls.mode is TlsMode.DISABLE or (tls.mode is TlsMode.PREFER and not encrypted):
        return {"ssl": "0"}
    verify = tls.mode in VERIFYING
    return {"ssl": "1", "ssl-verify-server-cert": "1" if verify else "0"} | _files(tls)


_TLS: dict[Dbms, Callable[[Tls, bool], dict[str, str | None]]] = {
    Dbms.MYSQL: _mysql_tls,
    Dbms.MARIADB: _mariadb_tls,
}


def _files(tls: Tls) -> dict[str, str | None]:
    ca: Path | str | None = tls.ca
    if ca is None and tls.mode in VERIFYING:
        ca = ssl.get_default_verify_paths().cafile  # the clients do not look there by themselves
    named = {"ssl-ca": ca, "ssl-cert": tls.cert, "ssl-key": tls.key}
    return {name: str(path) for name, path in named.items() if path is not None}


@contextmanager
def _start(job: Job) -> Iterator[DumpStream]:
    content = option_file(job)
    with ExitStack() as stack:
        if job.instance.tools.command:  # a container does not see this machine's files
            where, given = "/dev/stdin", content
        else:
            folder = stack.enter_context(private_files({OPTION_FILE: content}))
            where, given = str(folder / OPTION_FILE), b""
        argv = (*job.tool.argv, f"--defaults-file={where}", *options(job))
        watch = stack.enter_context(lock_watch(job.instance, job.database))
        command, silence = Command(argv, job.environment, given), Silence(job.limits.idle, watch)
        child = stack.enter_context(running(command, timeout=job.limits.timeout, silence=silence))
        stream = DumpStream(iter(()), list(job.lacks), list(job.warnings))
        stream.forgive, stream.end = child.forgive, child.end
        tail = _Tail()
        stream.blocks = tail.watch(child.blocks(lambda ending: _judge(job, ending, tail, stream)))
        yield stream


@dataclass(slots=True)
class _Tail:
    """The stream's last bytes."""

    text: bytes = b""

    def watch(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self.text = (self.text + block[-_TAIL:])[-_TAIL:]
            yield block


def _judge(job: Job, ending: Ending, tail: _Tail, stream: DumpStream) -> None:
    """Called at the end of file: raises what failed the dump, records what it survived."""
    said = Said.of(ending.lines)
    who = f"{job.tool.name} {job.tool.version}"
    if ending.returncode < 0:
        raise ToolFailed(f"{who} was ended by signal {-ending.returncode}{_because(said.errors)}")
    fatal = [line for line in said.fatal if not _of_events(line, job.database)]
    if fatal:
        raise ToolFailed(f"{who} failed: {fatal[0]}", hint=_hint(fatal[0]), transient=passing(fatal[0]))
    if ending.returncode and not said.errors:
        raise ToolFailed(f"{who} ended with exit status {ending.returncode}{_because(said.warnings)}")
    if TRAILER not in tail.text and not {"--skip-comments", "--compact"} & set(job.instance.options):
        raise ToolFailed(f"{who} wrote no {TRAILER.decode()!r} at the end of its dump{_because(said.errors)}")
    stream.errors.extend(said.errors)
    stream.passing = any(map(passing, said.errors))
    stream.warnings.extend(said.warnings)


@dataclass(frozen=True, slots=True)
class Said:
    """A tool's stderr, sorted: what ends a dump, what is missing from it, and mere talk."""

    fatal: tuple[str, ...]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, lines: list[str]) -> Said:
        """Sorts the lines; the tools' own noise about passwords and GTIDs is left out."""
        lines = [line for line in lines if not _NOISE.search(line)]
        errors = [line for line in lines if _ERROR.match(line)]
        return cls(
            fatal=tuple(line for line in errors if _FATAL.search(line)),
            errors=tuple(errors),
            warnings=tuple(line for line in lines if line not in errors),
        )


_NOISE = re.compile(
    r"Using a password on the command line|ssl-verify-server-cert is disabled"
    r"|trying to replace existing csname"  # 10.5 beside the charset files of a later version
    r"|Warning: A (partial )?dump from a server that has GTIDs|In order to ensure a consistent backup"
)
_ERROR = re.compile(
    r"(\S*/)?(mysqldump|mariadb-dump)(\.exe)?: (?!\[Warning\]|\[Note\]|Warning|WARNING)"
    r"|(?i:error|fatal)\b"  # of a library or a wrapper around the tool
    r"|\[\d+ bytes left out\]\Z"  # nobody knows what was said there
)
_FATAL = re.compile(
    r"when trying to connect|when selecting the database|Lost connection|gone away|unknown (option|variable)"
    r"|ambiguous option|requires an argument|cannot be loaded|Got errno|Out of memory|Can't create thread"
    r"|Option .* (used|cannot)|[Pp]acket bigger than|when executing 'SET |when executing 'FLUSH "
    r"|when executing 'START TRANSACTION"
)
"""Errors after which the dump is not worth keeping, although ``--force`` may write a trailer."""


_CODE = re.compile(r"(?:[Ee]rror:? |\()(\d{4})\b")
_TABLE_CHANGED = re.compile(r"Couldn't find table|Error in field count for table")


def passing(line: str) -> bool:
    """Whether an error may be none a little later: a lock, tables changed amid the dump, a lost server."""
    codes = {int(code) for code in _CODE.findall(line)}
    return bool(codes & PASSING) or _TABLE_CHANGED.search(line) is not None


def _of_events(line: str, database: str) -> bool:
    """Whether it is mariadb-dump's complaint of a database's name that it itself has escaped.

    Before the events it selects the database by the name as it would stand in a string literal (10.11
    and 11.8): the events are missing, the rest is there.
    """
    escaped = "".join(f"\\{c}" if c in "\\'\"" else {"\n": "\\n", "\r": "\\r"}.get(c, c) for c in database)
    return escaped != database and f"Unknown database '{escaped}'" in line


def _because(lines: tuple[str, ...]) -> str:
    return f": {lines[-1]}" if lines else ""


_TLS_REFUSED = re.compile(r"\b(2026|3159)\b|sending authentication information")

_HINTS = (
    (r"\b1045\b", "Check username and password in the config, and the account's host part in mysql.user."),
    (r"\b(2002|2003|2005)\b", "Check host, port and socket in the config, and in its tools section."),
    (r"\b2026\b", "Check tls in the config."),
    (r"\b1049\b", "The database is not there, or the account has no right on it."),
    (
        r"\b(2006|2013)\b",
        "See the server's error log; raise net_write_timeout if it was the reader that waited.",
    ),
    (r"unknown (option|variable)", "Check options in the config."),
)


def _hint(line: str) -> str | None:
    found = next((hint for pattern, hint in _HINTS if re.search(pattern, line)), None)
    return (hint_for(line) if _TLS_REFUSED.search(line) else None) or found
