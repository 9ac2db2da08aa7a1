"""Parts of a dump restored into databases of their own, and compared with what was picked."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integration.engines.mysql.everything import build
from python_backup.dump.changes import Changes
from python_backup.dump.pick import Pick
from python_backup.engines.table import ENGINES
from python_backup.errors import UsageError
from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.compare import compare
from python_backup.jobs.examine import Examiner
from python_backup.jobs.loading import Loading, examine_whole
from python_backup.jobs.merge import MergeRequest, merge
from python_backup.model import Facts, Format
from support import databases
from support.pg_trips import script
from support.programs import shared_servers
from support.servers import RunningServer, instance_for
from support.silence import Silence

Name = Callable[..., str]
EVERYTHING = Path(__file__).parents[1] / "engines" / "postgresql" / "everything.sql"


def part(
    server: RunningServer, file: Path, pick: Pick, target: str, source: str | None = None
) -> tuple[Facts, Changes]:
    """Restores what is picked into a new database, and sees that this is what it holds."""
    instance = instance_for(server)
    whole = examine_whole(file, instance, source, Examiner(Silence(), pick=pick))
    loading = Loading(whole, instance, Silence())
    with closing(ENGINES[instance.dbms].connect(instance)) as link:
        link.create(target, whole.like)
        loading.fill(link, target)
        compared = compare(link, target, whole.facts)
    assert compared.equal, [compared.differences, *(o for o in compared.objects if not o.equal)]
    return whole.facts, loading.changes


def sample(name: str, folder: Path) -> Path:
    """A sample database as a compressed dump; the project holds none itself."""
    servers = shared_servers()
    file = servers.parent / "samples" / name if servers else Path("/nonexistent")
    if not file.is_file():
        pytest.skip(f"the sample {name} is not beside the checkout")
    stored = folder / f"{name}.gz"
    stored.write_bytes(gzip.compress(file.read_bytes(), 1))
    return stored


def test_each_table_of_northwind_alone(postgresql_server: RunningServer, new_database: Name, tmp_path: Path):
    file = sample("northwind-postgresql.sql", tmp_path)
    whole = examine_whole(file, instance_for(postgresql_server), None, Examiner(Silence()))
    for table in [t.name for t in whole.facts.tables][::4]:
        target = new_database(postgresql_server, "part", create=False)
        facts, _ = part(postgresql_server, file, Pick(tables=(table,)), target)
        assert [t.name for t in facts.tables] == [table]


def test_what_an_order_needs_of_northwind_comes_with_its_keys(
    postgresql_server: RunningServer, new_database: Name, tmp_path: Path
):
    file = sample("northwind-postgresql.sql", tmp_path)
    target = new_database(postgresql_server, "part", create=False)
    facts, changes = part(postgresql_server, file, Pick(tables=("order*", "products")), target)
    assert [(t.name, t.rows) for t in facts.tables] == [
        ("public.order_details", 2155), ("public.orders", 830), ("public.products", 77),
    ]  # fmt: skip
    assert changes.counts["foreign key to a table not picked left out"] == 5
    assert sum(kind.count("foreign key") for kind in facts.objects["constraints"]) == 0
    assert len([c for c in facts.objects["constraints"] if ".fk_" in c]) == 2


@pytest.mark.parametrize("pattern", ["[Tt]rack", "*nvoice*"])
def test_tables_of_chinook(any_server: RunningServer, new_database: Name, tmp_path: Path, pattern: str):
    file = sample(f"chinook-{any_server.family}.sql", tmp_path)
    target = new_database(any_server, "part", create=False)
    facts, changes = part(any_server, file, Pick(tables=(pattern,)), target)
    assert facts.rows == {"[Tt]rack": 3503, "*nvoice*": 412 + 2240}[pattern]
    assert changes.warnings


def test_chinooks_invoices_come_back_beside_later_ones(
    any_server: RunningServer, new_database: Name, tmp_path: Path
):
    file = sample(f"chinook-{any_server.family}.sql", tmp_path)
    target = new_database(any_server, "part", create=False)
    part(any_server, file, Pick(), target)
    table, number, total = (
        ("invoice", "invoice_id", "total")
        if any_server.family == "postgresql"
        else ("Invoice", "InvoiceId", "Total")
    )
    line = "invoice_line" if any_server.family == "postgresql" else "InvoiceLine"
    databases.execute(
        any_server, target,
        f"delete from {line} where {number} <= 12", f"delete from {table} where {number} <= 12",
        f"update {table} set {total} = 7 where {number} = 400",
    )  # fmt: skip
    request = MergeRequest(file, instance_for(any_server), "keep", Pick(tables=("*nvoice*",)), target)
    report = merge(request, Silence())
    assert {(m.added, m.kept, m.replaced) for m in report.merged} == {(12, 400, 0), (73, 2167, 0)}
    assert databases.scalar(any_server, target, f"select {total} from {table} where {number} = 400") == 7
    assert databases.scalar(any_server, target, f"select count(*) from {line}") == 2240


def test_definitions_alone_and_a_pattern_that_takes_nothing(
    any_server: RunningServer, new_database: Name, tmp_path: Path
):
    name, target = new_database(any_server, "sh`op"), new_database(any_server, 'co"py', create=False)
    quote = lambda n: databases.quoted(any_server, n)  # noqa: E731
    databases.execute(
        any_server, name,
        f"create table {quote('a `b')} (id int primary key, v text)",
        f"create table {quote('a.b')} (id int primary key, a int, foreign key (a) references {quote('a `b')} (id))",
        f"create view {quote('v $x')} as select id from {quote('a.b')}",
        f"insert into {quote('a `b')} values (1, 'x')", f"insert into {quote('a.b')} values (1, 1)",
    )  # fmt: skip
    request = BackupRequest((instance_for(any_server),), (name,), tmp_path, Format.ZSTD)
    (result,) = back_up(request, Silence(), lambda: datetime.now(UTC))
    assert result.path is not None
    facts, _ = part(any_server, result.path, Pick(schema_only=True), target)
    assert (facts.rows, len(facts.tables), len(facts.objects["views"])) == (0, 2, 1)
    again = new_database(any_server, "part", create=False)
    facts, changes = part(any_server, result.path, Pick(excluded=("a `b",)), again)
    assert (facts.rows, len(facts.tables), len(facts.objects["views"])) == (1, 1, 1)
    assert len(changes.warnings) == 1
    with pytest.raises(UsageError, match="matches nothing"):
        examine_whole(
            result.path, instance_for(any_server), None, Examiner(Silence(), pick=Pick(tables=("b",)))
        )


def everything(server: RunningServer, new_database: Name, folder: Path) -> tuple[str, Path]:
    """A database that holds every type there is, and its backup."""
    name = new_database(server, "every thing")
    if server.family == "postgresql":
        databases.execute(server, name, script(EVERYTHING, server.major[0]))
    else:
        build(server, name)
    request = BackupRequest((instance_for(server),), (name,), folder, Format.ZSTD)
    (result,) = back_up(request, Silence(), lambda: datetime.now(UTC))
    assert result.path is not None
    return name, result.path


PARTS = {
    "postgresql": [
        Pick(tables=("types", "parents", "children", "names", "sums")),
        Pick(tables=("measured", "hashed", "*.select", "multi*")),
        Pick(excluded=("parents", "heirs", "types")),
    ],
    "mysql": [Pick(tables=("numbers", "words", "a*")), Pick(excluded=("words", "parent*"))],
}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_parts_of_a_database_of_everything(
    any_server: RunningServer, new_database: Name, tmp_path: Path, place: int
):
    _, file = everything(any_server, new_database, tmp_path)
    for pick in PARTS[any_server.family][place : place + 1]:
        wanted = pick
        if any_server.dbms == "postgresql" and any_server.major[0] < 14 and "multi*" in pick.tables:
            wanted = Pick(tables=pick.tables[:-1])
        facts, _ = part(any_server, file, wanted, new_database(any_server, "part", create=False))
        assert facts.tables


def test_merging_brings_back_every_type(any_server: RunningServer, new_database: Name, tmp_path: Path):
    name, file = everything(any_server, new_database, tmp_path)
    if any_server.family == "postgresql":
        tables, ask = ["types"], "select types::text from types order by id"
        spoil = ["update types set t = 'x', j = null, ar = '{}'", "delete from types where id > 10"]
    else:
        tables, ask = ["numbers", "words", "times"], "select * from {} order by id"
        spoil = ["update numbers set bi = 1", "update words set t = 'x'", "update times set t6 = null"]
        spoil += ["set foreign_key_checks = 0", *(f"delete from {t} order by id limit 1" for t in tables)]
    before = [databases.rows(any_server, name, ask.format(t)) for t in tables]
    databases.execute(any_server, name, *spoil)
    request = MergeRequest(file, instance_for(any_server), "replace", Pick(tables=tuple(tables)), name)
    report = merge(request, Silence())
    assert [databases.rows(any_server, name, ask.format(t)) for t in tables] == before
    assert all(m.added for m in report.merged)
