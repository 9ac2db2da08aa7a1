from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from faults.listening import Listening, listening
from faults.stage import BALLAST, SOURCE, Stage, fill
from faults.table import SAMPLE, of_family
from support.programs import Program, found_programs, one_of_each
from support.servers import RunningServer, Session
from support.stoppable import Stoppable, lone_server


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fault" not in metafunc.fixturenames:
        return
    whole = bool(os.environ.get("VYA_FAULTS"))
    cases = [
        pytest.param(program, fault, id=f"{program.dbms}-{fault.name}")
        for program in _programs(metafunc.config, whole=whole)
        for fault in of_family(program.family)
        if whole or fault.name in SAMPLE
    ]
    metafunc.parametrize(("program", "fault"), cases)


def _programs(config: pytest.Config, *, whole: bool) -> list[Program]:
    found = found_programs()
    if not whole or config.getoption("--servers") == "one":
        found = one_of_each(found)
    return list({program.dbms: program for program in found}.values())


@pytest.fixture(scope="session")
def family_server(request: pytest.FixtureRequest, servers: Session) -> RunningServer:
    """One server of each family in turn."""
    return servers.wait(request.param)


@pytest.fixture
def nobody(family_server: RunningServer) -> Iterator[Listening]:
    """An instance at whose port nobody is to be asked."""
    with listening(family_server) as one:
        yield one


@dataclass
class Victims:
    """Servers of these tests alone, with the databases that faults are played with; each is made once."""

    stack: ExitStack
    folders: Callable[[str], Path]
    made: dict[str, tuple[Stoppable, Path]] = field(default_factory=dict)

    def of(self, program: Program) -> tuple[Stoppable, Path]:
        """The server, and a backup folder with earlier backups of both databases."""
        if program.id not in self.made:
            with ExitStack() as own:  # a server that cannot be filled is none
                victim = own.enter_context(lone_server(program))
                fill(victim.server)
                stage = Stage(victim, self.folders(program.dbms))
                stage.temporary.mkdir()
                stage.configure()
                for database in (SOURCE, BALLAST):
                    outcome = stage.backup(database)
                    assert outcome.code == 0, outcome
                self.made[program.id] = victim, stage.folder
                self.stack.push(own.pop_all())
        return self.made[program.id]


@pytest.fixture(scope="session")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    """All of them live to the end: tests come in any order."""
    with ExitStack() as stack:
        yield Victims(stack, tmp_path_factory.mktemp)


@pytest.fixture
def stage(victims: Victims, program: Program, tmp_path: Path) -> Iterator[Stage]:
    victim, template = victims.of(program)
    stage = Stage(victim, tmp_path)
    stage.temporary.mkdir()
    shutil.copytree(template, stage.folder)
    stage.folder.chmod(0o700)
    stage.keep_earlier()
    yield stage
    stage.clear()
    victim.start()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    found = []
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "cuts":
                terminalreporter.line(value)
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            told = [value for name, value in report.user_properties if name == "fault"]
            found += [(*told[-1][:3], told[-1][3] if outcome == "passed" else "NOT MET")] if told else []
    if found:
        terminalreporter.section("faults")
        for name, engine, code, verdict in sorted(found, key=lambda row: (row[1], row[0])):
            terminalreporter.line(f"{name:<72} {engine:<18} exit {code:>3}  {verdict}")
