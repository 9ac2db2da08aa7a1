"""The root of the command line, and the only place that catches errors."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib import import_module
from io import BufferedWriter, FileIO, TextIOWrapper
from itertools import pairwise
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from python_backup import __version__
from python_backup.cli.exit_codes import FAILED, epilog
from python_backup.cli.logs import Logs, logged
from python_backup.cli.render import Screen
from python_backup.cli.running import Called
from python_backup.cli.signals import Ended, Leaving, signals_raise
from python_backup.errors import BackupError, Interrupted, MachineExhausted, StorageFailed, UsageError
from python_backup.log.events import Event
from python_backup.log.tell import explained, tell
from python_backup.model import IN_PLACE, Run
from python_backup.stream.sweep import held, sweep

PROGRAM = "vya-backupdb"

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "backup": "backup",
        "restore": "restore",
        "plan": "plan",
        "rollback": "rollback",
        "verify": "verify",
        "diff": "diff",
        "show": "show",
        "drill": "drill",
        "selftest": "selftest",
        "forecast": "forecast",
        "list": "list_",
        "doctor": "doctor",
        "config": "app",
        "vault": "app",
        "receipt": "app",
    }
)
"""All commands, each in the module of its name: what it is there, a function or a group of commands."""

# typer.BadParameter < its UsageError < its ClickException: Typer carries Click inside itself or not,
# as its version has it, and this is the one way to the class that both have
_ClickError: type[Exception] = typer.BadParameter.__mro__[2]


_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


class _Root(TyperGroup):
    """Turns a signal into an error of this program before Typer turns it into something else."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _converted():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _converted():
            return super().invoke(ctx)


class _Command(TyperCommand):
    """Refuses an option given twice, of which Click would take the last and forget the first in silence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for option in given:
            single = isinstance(option, TyperOption) and not option.multiple and not option.is_flag
            if single and given.count(option) > 1:
                raise UsageError(
                    f"{option.opts[0]} is given more than once",
                    hint=f"Give it once; see `{ctx.command_path} --help`.",
                )
        rest = super().parse_args(ctx, args)
        _refuse_urls(ctx)
        return rest


def _refuse_urls(context: Any) -> None:
    """What takes a path alone is told a URL by mistake: as a path it lost a slash, and is missing.

    It is not repeated, for it may hold a password or a signature.

    Raises:
        UsageError: it was.
    """
    for parameter in context.command.params:
        told = context.params.get(parameter.name)
        for path in told if isinstance(told, list | tuple) else (told,):
            if isinstance(path, Path) and _URL.match(str(path)) and not path.parent.exists():
                raise UsageError(
                    f"{parameter.opts[0]} takes a path of this machine, not a URL ({path.parts[0]}//…)",
                    hint="Copy it here: restore, plan, show, diff, verify and drill alone read from stores.",
                )


@contextmanager
def _converted() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as exc:
        raise _Signalled(_number(exc)) from exc
    except RuntimeError as exc:  # what Python 3.11 makes of one that comes amid a class's __set_name__
        if not isinstance(exc.__cause__, KeyboardInterrupt):
            raise
        raise _Signalled(_number(exc)) from exc
    except BrokenPipeError as exc:
        raise _NobodyReads from exc


class _Signalled(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _NobodyReads(Exception):
    pass


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


def root(
    *,
    _: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Options of the program itself."""


def program(named: str = "") -> typer.Typer:
    """The command line with all commands, or with the one that is named: the others need not be imported."""
    made = typer.Typer(
        name=PROGRAM,
        cls=_Root,
        callback=root,
        help="Back up MySQL, MariaDB and PostgreSQL databases, restore them, and prove that they restore.",
        epilog=epilog(),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    for name in (named,) if named in COMMANDS else COMMANDS:
        found = getattr(import_module(f"python_backup.cli.{name}"), COMMANDS[name])
        if isinstance(found, typer.Typer):
            made.add_typer(found)
        else:
            made.command(name, cls=_Command, epilog=epilog())(found)
    return made


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the program and ends it with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    _usable_streams()
    leaving = Leaving(sweep, lambda: any(path.name.endswith(IN_PLACE) for path in held()))
    noticed: list[int] = []
    try:
        with signals_raise(leaving, noticed):
            code = run(given)
    except KeyboardInterrupt as exc:  # amid the first or last lines of this very program
        code = _told(Screen(json="--json" in given), _number(exc))
    if noticed:
        sweep()  # what a signal just between a thing's making and its keeping left
        if code == Interrupted.exit_code:  # Typer gives it to any KeyboardInterrupt between its steps
            code = 128 + noticed[0]
    sys.exit(_flushed(code))


def _number(exc: BaseException) -> int:
    """The signal behind an exception; Python's own KeyboardInterrupt does not say, and is SIGINT's."""
    found = next((e for e in (exc, exc.__cause__) if isinstance(e, Ended | _Signalled)), None)
    return found.number if found else signal.SIGINT


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether stdout is to get JSON; drill's ``--json`` takes a path, and ``-`` is stdout."""
    if arguments[:1] == ["drill"]:
        return "--json=-" in arguments or ("--json", "-") in pairwise(arguments)
    return "--json" in arguments


def run(arguments: Sequence[str]) -> int:
    """Runs one command and gives its exit code; errors are told here and nowhere else."""
    screen, begun = Screen(json=_wants_json(arguments)), monotonic()
    this = Run.of(next(iter(arguments), ""), datetime.now().astimezone(), os.urandom)
    with logged(this, arguments, screen) as logs:
        called = Called(this, shlex.join((PROGRAM, *arguments)))
        code, error = _ran(arguments, screen, logs, called)
        called.ended(code, error, screen)
        seconds = round(monotonic() - begun, 3)
        tell(Event.RUN_ENDED, f"exit code {code}", exit_code=code, seconds=seconds)
    return code


def _ran(
    arguments: Sequence[str], screen: Screen, logs: Logs, called: Called
) -> tuple[int, BackupError | None]:
    """The exit code, and the error behind it."""
    error: BackupError
    try:
        with _converted():
            made = program(next(iter(arguments), ""))
        returned = made(args=list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=called)
        return (returned if isinstance(returned, int) else 0), None
    except BackupError as exc:
        error = exc
    except (_Signalled, typer.Abort) as exc:  # Abort: older Typer's word for the same
        return _told(screen, _number(exc)), None
    except _ClickError as exc:
        error = _usage(exc)
    except _NobodyReads:
        return FAILED, None
    except MemoryError:
        error = MachineExhausted(
            "the memory that this process may use is not enough",
            hint="Raise its limit (ulimit -v, or MemoryMax= of a systemd unit), or end what else runs.",
        )
    except Exception as exc:  # noqa: BLE001 - a bug: its traceback is kept, and its place told
        screen.bug(logs.scrubber.clean(f"{type(exc).__name__}: {exc}"), logs.crashed(exc))
        return FAILED, None
    return _failed(screen, error), error


def _told(screen: Screen, number: int) -> int:
    """Says which signal it was; gives its exit code."""
    code = Interrupted.exit_code if number == signal.SIGINT else 128 + number
    name = signal.Signals(number).name
    tell(Event.RUN_INTERRUPTED, f"interrupted by {name}", signal=name, exit_code=code)
    screen.error(Interrupted(f"interrupted by {name}; nothing half-done was left behind"), code)
    return code


def _failed(screen: Screen, error: BackupError) -> int:
    told, code = explained(error), error.exit_code
    tell(Event.RUN_FAILED, error.message, **told, exit_code=code)
    screen.error(error, code)
    return code


_UNFIT: Mapping[str, str] = MappingProxyType(
    {
        "int_parsing": "{value!r} is no whole number",
        "int_parsing_size": "{value!r} is no whole number that fits",
        "float_parsing": "{value!r} is no number",
        "greater_than_equal": "{value!r} is less than {ge}",
        "less_than_equal": "{value!r} is more than {le}",
    }
)
"""What is wrong with an option's number, by the word of a validator whose sentences lack the value."""


def _unfit(message: str, error: Any) -> str:
    """Typer's message with the value in it, where Typer is one that has a validator."""
    faults: Sequence[Mapping[str, Any]] = getattr(error.__cause__, "errors", tuple)()
    words = _UNFIT.get(faults[0]["type"]) if faults else None
    if words is None:
        return message
    told = words.format(value=faults[0]["input"], **faults[0].get("ctx", {}))
    option, mark, _ = message.partition("': ")
    return f"{option}{mark}{told}"


def _usage(error: Any) -> UsageError:
    message = _unfit(error.format_message().rstrip(".").replace("Value error, ", ""), error)
    context = getattr(error, "ctx", None)
    path = context.command_path if context else PROGRAM
    return UsageError(message[:1].lower() + message[1:], hint=f"See `{path} --help`.")


class _Talk(FileIO):
    """Stderr; what nobody takes (no reader, a full disk) is lost: talk never ends the work."""

    def write(self, text: Any, /) -> int:
        try:
            return super().write(text)
        except OSError:
            return len(text)


class _Results(FileIO):
    """Stdout; what nobody takes is an error of this program, whoever prints it (Typer prints the help)."""

    def write(self, text: Any, /) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            raise  # nobody reads: no error of ours
        except OSError as exc:
            raise StorageFailed(f"the result cannot be written: {exc.strerror}") from exc


def _usable_streams() -> None:
    """Any name can be shown in any locale, and a stream that was closed (``>&-``) takes all in silence."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - it stays open to the end, as stdout does
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    out, err = sys.__stdout__, sys.__stderr__
    if out is not None and sys.stdout is out:
        results = _Results(out.fileno(), "w", closefd=False)
        sys.stdout = TextIOWrapper(BufferedWriter(results), out.encoding, line_buffering=out.isatty())
    if err is not None and sys.stderr is err:
        talk = _Talk(err.fileno(), "w", closefd=False)
        sys.stderr = TextIOWrapper(BufferedWriter(talk), err.encoding, line_buffering=True)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flushed(code: int) -> int:
    """What was printed reaches its reader, or it cannot: then no traceback at the very end."""
    try:
        sys.stdout.flush()
    except (OSError, StorageFailed):  # nobody reads, or the disk is full
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or FAILED
    return code
