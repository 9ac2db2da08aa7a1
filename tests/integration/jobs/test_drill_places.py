"""Where drills are: the programs that --on names, images, scratch instances, and what is kept."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from python_backup.engines import scratch
from python_backup.engines.container import LABEL, clear_containers
from python_backup.engines.engine import Server
from python_backup.engines.table import ENGINES
from python_backup.errors import UsageError
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.drill import DrillReport, DrillRequest, drill
from python_backup.jobs.ground import Grounds
from python_backup.model import Format
from python_backup.storage.proofs import Equality, Verdict, proofs
from support import databases
from support.programs import Program
from support.servers import RunningServer, instance_for
from support.silence import Silence
from support.stoppable import lone_server


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def artifact(family_server: RunningServer, new_database: Callable[..., str], tmp_path: Path) -> Path:
    return backed_up(family_server, new_database(family_server, "shop"), tmp_path)


def backed_up(server: RunningServer, database: str, folder: Path) -> Path:
    databases.execute(
        server,
        database,
        "create table customer (id int primary key, name varchar(20))",
        "create index by_name on customer (name)",
        "insert into customer values (1, 'a'), (2, 'b')",
    )
    request = BackupRequest((instance_for(server),), (database,), folder, Format.ZSTD)
    (result,) = back_up(request, Silence(), now)
    assert result.path is not None
    return result.path


def drilled(artifact: Path, grounds: Grounds, *, keep: bool = False) -> DrillReport:
    report = drill(DrillRequest(artifact, grounds=grounds, keep=keep), Silence(), now)
    assert (report.reason, report.verdict) == (None, Verdict.PROVEN)
    return report


@dataclass(frozen=True)
class Scratch:
    """A scratch instance on which nobody else drills, an artifact for it, and a connection of the test's own."""

    server: RunningServer
    artifact: Path
    connected: Server

    @property
    def grounds(self) -> Grounds:
        return Grounds("ci", scratch=(instance_for(self.server, id="ci"),))

    def databases(self) -> set[str]:
        return {name for name in self.connected.databases() if name.startswith("vya_drill_")}


@pytest.fixture(scope="module")
def alone(lone_program: Program) -> Iterator[RunningServer]:
    """A server of this module alone."""
    with lone_server(lone_program) as one:
        yield one.server


@pytest.fixture
def ci(alone: RunningServer, new_database: Callable[..., str], tmp_path: Path) -> Iterator[Scratch]:
    artifact, instance = backed_up(alone, new_database(alone, "shop"), tmp_path), instance_for(alone)
    with closing(ENGINES[instance.dbms].connect(instance)) as server:
        yield Scratch(alone, artifact, server)
    for left in databases.names(alone):
        if left.startswith("vya_drill_"):
            databases.drop(alone, left)


def test_a_drill_leaves_a_record_beside_the_artifact(family_server: RunningServer, artifact: Path) -> None:
    report = drilled(artifact, Grounds(programs=(Path(family_server.bin),)))
    [proof] = proofs(artifact.parent)
    assert (proof.artifact, proof.verdict, proof.equality) == (
        artifact.name,
        Verdict.PROVEN,
        Equality.IDENTICAL,
    )
    assert (proof.rows, proof.tables, proof.server, proof.at) == (2, 1, report.server, report.started)
    assert set(proof.seconds) >= {"get", "restore", "index", "verify", "start"}


def test_a_program_is_named_by_its_family_and_version(family_server: RunningServer, artifact: Path) -> None:
    version = ".".join(map(str, family_server.major))
    report = drilled(artifact, Grounds(f"{family_server.dbms}-{version}", (Path(family_server.bin),)))
    assert (report.server or "").startswith(f"{family_server.dbms} {version}")


@pytest.mark.parametrize("on", ["oracle", "mysql-", "nowhere", "postgresql", "mariadb"])
def test_what_is_no_server_for_the_dump_is_a_usage_error(
    artifact: Path, on: str, family_server: RunningServer
) -> None:
    if on in {family_server.family, family_server.dbms}:
        on = "nothing such"
    with pytest.raises(UsageError, match=r"no server|cannot be drilled on"):
        drill(DrillRequest(artifact, grounds=Grounds(on)), Silence(), now)


def test_a_scratch_instance_has_a_database_of_a_random_name_for_as_long_as_the_drill_lasts(
    ci: Scratch,
) -> None:
    seen: set[str] = set()

    class Looking(Silence):
        def step(self, title: str, *, total: int | None = None) -> AbstractContextManager[Silence]:
            seen.update(ci.databases())
            return super().step(title, total=total)

    report = drill(DrillRequest(ci.artifact, grounds=ci.grounds), Looking(), now)
    assert (report.reason, report.verdict, report.equality) == (None, Verdict.PROVEN, Equality.IDENTICAL)
    assert "scratch instance ci" in (report.server or "")
    assert (bool(seen), ci.databases()) == (True, set())


def test_an_interrupted_drill_drops_its_database_on_a_scratch_instance(ci: Scratch) -> None:
    class Interrupting(Silence):
        def step(self, title: str, *, total: int | None = None) -> AbstractContextManager[Silence]:
            if title.startswith("dumping"):
                raise KeyboardInterrupt
            return super().step(title, total=total)

    with pytest.raises(KeyboardInterrupt):
        drill(DrillRequest(ci.artifact, grounds=ci.grounds), Interrupting(), now)
    assert ci.databases() == set()


def test_the_next_drill_drops_what_a_killed_one_left_on_a_scratch_instance(ci: Scratch) -> None:
    dead, living = "vya_drill_0123456789ab", "vya_drill_ba9876543210"
    for name in (dead, living):
        databases.create(ci.server, name)
    ci.connected.hold(f"{living} (drill)")
    drilled(ci.artifact, ci.grounds)
    assert ci.databases() == {living}


def test_what_is_kept_can_be_connected_to_and_ended(family_server: RunningServer, artifact: Path) -> None:
    report = drilled(artifact, Grounds(programs=(Path(family_server.bin),)), keep=True)
    assert report.kept is not None
    folder = next(
        Path(f"/{part.partition('/')[2]}").parents[1]
        for part in shlex.split(report.kept.connect)
        if "=" in part
    )
    query = "-Atc" if family_server.family == "postgresql" else "-Ne"
    try:
        argv = [*shlex.split(report.kept.connect), query, "select count(*) from customer"]
        if family_server.family == "mysql":
            argv[0] = str(Path(family_server.bin) / argv[0])
        assert subprocess.check_output(argv, text=True).strip() == "2"
    finally:
        subprocess.run(shlex.split(report.kept.end), check=True)
    end = time.monotonic() + 20
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert folder.name.startswith(scratch.PREFIX)
    assert not folder.exists()


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where this test's drills have their folders: short, for a socket's sake, and open to the server's account."""
    with tempfile.TemporaryDirectory(prefix="own-") as folder:
        Path(folder).chmod(0o711)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def _containers(own: Path) -> list[str]:
    """Those of this test's drills, for others may be at work."""
    told = _docker(
        "ps", "--all", "--filter", f"label={LABEL}", "--format", f'{{{{.ID}}}}\t{{{{.Label "{LABEL}"}}}}'
    )
    listed = (line.split("\t") for line in told.splitlines())
    return [number for number, folder in listed if Path(folder).is_relative_to(own)]


def test_a_drill_in_a_container_leaves_none_and_has_no_network(
    container_server: RunningServer, new_database: Callable[..., str], tmp_path: Path, own: Path
) -> None:
    artifact = backed_up(container_server, new_database(container_server, "shop"), tmp_path)
    networks: list[str] = []

    class Looking(Silence):
        def step(self, title: str, *, total: int | None = None) -> AbstractContextManager[Silence]:
            networks.extend(
                _docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", one) for one in _containers(own)
            )
            return super().step(title, total=total)

    grounds = Grounds("docker", image="db-servers/{dbms}:{version}")
    report = drill(DrillRequest(artifact, grounds=grounds), Looking(), now)
    assert (report.reason, report.verdict, report.equality) == (None, Verdict.PROVEN, Equality.IDENTICAL)
    assert set(networks) == {"none"}
    assert _containers(own) == []


def test_the_next_drill_removes_the_container_of_a_dead_one(
    container_server: RunningServer, tmp_path: Path
) -> None:
    known = container_server.major[: 1 if container_server.family == "postgresql" else 2]
    image = f"db-servers/{container_server.dbms}:{'.'.join(map(str, known))}"
    name = f"{scratch.PREFIX}test-{tmp_path.name}"
    _docker("create", "--name", name, "--label", f"{LABEL}={tmp_path / 'gone'}", image)
    assert name in clear_containers()
    assert not _docker("ps", "--all", "--quiet", "--filter", f"name={name}")


def _docker(*words: str) -> str:
    return subprocess.check_output(("docker", *words), text=True, timeout=60).strip()
