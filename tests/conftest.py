"""The run's real servers: found when tests are collected, started only for tests that want them.

With xdist the controller owns the servers' session and tells its workers of it; they begin the
servers that their tests want as soon as these are collected, all at the same time.
"""

from __future__ import annotations

import json
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import settings

from support import made
from support.containers import found_images
from support.programs import (
    FAMILIES,
    SELECTIONS,
    Program,
    found_programs,
    mariadb_before,
    newest_of_each,
    one_of_each,
    pairs_of,
)
from support.sample import Case, sampled
from support.servers import RunningServer, Session, session
from support.stoppable import Stoppable, lone_server

# an example's wall time is the machine's, not the code's
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

PROGRAMS = pytest.StashKey[list[Program]]()
CONTAINERS = pytest.StashKey[list[Program]]()
PAIRS = pytest.StashKey[list[tuple[Program, Program]]]()
SESSION = pytest.StashKey[Session]()

FIXTURES = {
    "postgresql_server": ("postgresql",),
    "mysql_server": ("mysql",),
    "any_server": FAMILIES,
    "container_server": FAMILIES,
    "family_server": FAMILIES,
    "dbms_server": FAMILIES,
}
FEWER = {"family_server": one_of_each, "dbms_server": newest_of_each}
"""Which of all servers a fixture gives; all of them with $VYA_CHAOS."""
ENGINES = "tests/integration/engines/"
"""The tests that go to every server, whatever sample is drawn of the others."""
PAIR = "server_pair"
OLDER = "older_mariadb"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--servers",
        choices=tuple(SELECTIONS),
        default=os.environ.get("VYA_TEST_SERVERS") or ("all" if os.environ.get("VYA_CHAOS") else "ends"),
        help="run against every server found, the oldest and the newest of each, or one of each family "
        "($VYA_TEST_SERVERS; default: ends, with $VYA_CHAOS all)",
    )


def _heed_signals() -> None:
    """Undoes what `nohup` and a shell's `&` do: whatever tests start would ignore these signals, too."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_configure(config: pytest.Config) -> None:
    _heed_signals()
    config.addinivalue_line("markers", "mariadb_before(major, minor): which of them `older_mariadb` gives")
    config.addinivalue_line("markers", "sweep: of its many cases a sample ($VYA_SAMPLE) takes some")
    known = getattr(config, "workerinput", None)
    if known is not None:
        config.stash[PROGRAMS] = [Program(**fields) for fields in json.loads(known["programs"])]
        config.stash[CONTAINERS] = [Program(**fields) for fields in json.loads(known["containers"])]
        config.stash[PAIRS] = [
            (Program(**source), Program(**target)) for source, target in json.loads(known["pairs"])
        ]
        config.stash[SESSION] = Session(Path(known["session"]))
        os.environ[made.SESSION] = known["session"]
        return
    programs, containers = found_programs(), found_images()
    for family in FAMILIES:
        if not any(program.family == family for program in programs):
            programs += [container for container in containers if container.family == family]
    one = config.getoption("--servers") == "one"
    config.stash[PROGRAMS] = SELECTIONS[config.getoption("--servers")](programs)
    config.stash[CONTAINERS] = containers[:1] if one else containers
    config.stash[PAIRS] = pairs_of(programs if one else config.stash[PROGRAMS], one=one)
    stack = ExitStack()
    config.stash[SESSION] = stack.enter_context(session())
    os.environ[made.SESSION] = str(config.stash[SESSION].folder)
    config.add_cleanup(stack.close)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: pytest.Item) -> None:
    config = node.config
    for word, key in (("programs", PROGRAMS), ("containers", CONTAINERS)):
        node.workerinput[word] = json.dumps([asdict(program) for program in config.stash[key]])
    pairs = [(asdict(source), asdict(target)) for source, target in config.stash[PAIRS]]
    node.workerinput["pairs"] = json.dumps(pairs)
    node.workerinput["session"] = str(config.stash[SESSION].folder)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, families in FIXTURES.items():
        if name in metafunc.fixturenames:
            programs = metafunc.config.stash[CONTAINERS if name == "container_server" else PROGRAMS]
            wanted = [p for p in programs if p.family in families]
            if name in FEWER and not os.environ.get("VYA_CHAOS"):
                wanted = FEWER[name](wanted)
            needed = families if name != "container_server" else () if wanted else ("docker",)
            missing = [family for family in needed if not any(p.family == family for p in programs)]
            wanted += [Program(id=f"no-{family}", dbms=family, version="") for family in missing]
            metafunc.parametrize(name, wanted, ids=[p.id for p in wanted], indirect=True, scope="session")
    if PAIR in metafunc.fixturenames:
        pairs = metafunc.config.stash[PAIRS]
        ids = [f"{source.id}-to-{target.id}" for source, target in pairs]
        metafunc.parametrize(PAIR, pairs, ids=ids, indirect=True, scope="session")
    if OLDER in metafunc.fixturenames:
        [marker] = metafunc.definition.iter_markers("mariadb_before")
        found = mariadb_before(*marker.args)
        metafunc.parametrize(OLDER, found, ids=[p.id for p in found], indirect=True, scope="module")


def _case(item: pytest.Item) -> Case:
    """An item as a sample sees it. Tests of engines are on no server there, so that none is drawn for them."""
    servers: list[Program] = []
    if not item.nodeid.startswith(ENGINES):
        for value in getattr(getattr(item, "callspec", None), "params", {}).values():
            servers += [
                one for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, Program)
            ]
    family = servers[0].family if servers else ""
    sweep = item.get_closest_marker("sweep") is not None
    return Case(item.nodeid, family, " ".join(server.id for server in servers), sweep)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    word = os.environ.get("VYA_SAMPLE")
    if word:
        kept = sampled(map(_case, items), word)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
        items[:] = [item for item in items if item.nodeid in kept]


def pytest_collection_finish(session: pytest.Session) -> None:
    wanted: dict[str, Program] = {}
    for item in session.items:
        for name, value in getattr(getattr(item, "callspec", None), "params", {}).items():
            programs = value if name == PAIR else (value,) if name in FIXTURES else ()
            wanted |= {program.id: program for program in programs if program.version}
    if not session.config.option.collectonly:
        session.config.stash[SESSION].begin(wanted.values())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("servers")
    for server in config.stash[SESSION].running():
        terminalreporter.line(f"{server.id:<24} {server.version:<12} {server.bin or 'in a container'}")
    if not config.stash[SESSION].running():
        terminalreporter.line("none was wanted")
    reasons = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        reasons[report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)].append(
            report
        )
    for reason, reports in sorted(reasons.items()):
        terminalreporter.line(f"skipped {len(reports)}: {reason.removeprefix('Skipped: ')}")
        for report in reports:
            terminalreporter.line(f"    {report.nodeid}")


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Session:
    """The run's servers."""
    return request.config.stash[SESSION]


@pytest.fixture(scope="module")
def older_mariadb(request: pytest.FixtureRequest) -> Iterator[Stoppable]:
    """Each MariaDB before the version that the module's mark says in turn, started for this module."""
    with lone_server(request.param) as one:
        yield one


@pytest.fixture
def older(older_mariadb: Stoppable) -> RunningServer:
    """The same, for those who do not stop it."""
    return older_mariadb.server
