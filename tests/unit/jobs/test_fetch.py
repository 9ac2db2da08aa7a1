"""An artifact of a store is read as one of this machine, and of it no more than is wanted."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from python_backup.dump.pick import Pick
from python_backup.dump.spans import SpanCounter
from python_backup.dump.table import DIALECTS
from python_backup.errors import (
    ArtifactCorrupt,
    ArtifactError,
    ArtifactMissing,
    BackupError,
    NotPermitted,
    StorageFailed,
    UsageError,
)
from python_backup.instance import Dbms
from python_backup.jobs import fetch
from python_backup.jobs.diff import diff
from python_backup.jobs.drill import DrillReport, DrillRequest, record
from python_backup.jobs.examine import Examination, Examiner
from python_backup.jobs.fetch import FACTS, WHOLE, Want, picked, rows_of
from python_backup.jobs.reading import FactsMeter
from python_backup.jobs.rows import changed_rows
from python_backup.jobs.show import pick_of, show_table
from python_backup.jobs.verify import verify_artifact
from python_backup.manifest import dump_manifest, load_manifest
from python_backup.model import MANIFEST, MANIFEST_INSIDE, Artifact, Format, Part, PartKind
from python_backup.storage.proofs import Verdict, proofs
from python_backup.storage.stores.place import Place
from python_backup.storage.sums import sum_line
from python_backup.stream.codecs import CODECS, Member
from python_backup.stream.members import SUMS, members
from python_backup.stream.private import left_private
from support.folder_store import Fault, FolderStore, at, from_store
from support.results import TAKEN, manifest
from support.silence import Silence
from unit.jobs.test_in_part import FAMILIES, PG, listed

NAME = "20260113_155440_postgresql_shop.sql.zst"
FOLDER = "20260113_155440_postgresql_shop"
TABLES = ("a_small", "b_large", "c_small", "d_large", "e_small")
ROWS = 70_000


def sql(tables: tuple[str, ...] = TABLES) -> bytes:
    """A dump whose large tables have some ten frames each."""
    made = "".join(f"CREATE TABLE public.{t} (id integer, t text);\n" for t in tables)
    rows = "".join(f"COPY public.{t} (id, t) FROM stdin;\n{_rows(t)}\\.\n\n" for t in tables)
    return PG.format(made + "\n" + rows).encode()


def _rows(table: str) -> str:
    many = range(ROWS if "large" in table else 3)
    return "".join(f"{n}\t{hashlib.sha512(f'{table}{n}'.encode()).hexdigest()}\n" for n in many)


def stored(folder: Path, text: bytes, name: str = NAME) -> Path:
    """A single file with its manifest, as a backup writes it."""
    meter = FactsMeter(DIALECTS["postgresql"], "shop", SpanCounter())
    encoder = CODECS[Format.ZSTD].encoder(None, Member(name, TAKEN))
    path = folder / name
    with path.open("wb") as file:
        for begin in range(0, len(text), 1 << 18):
            for block in meter.feed(text[begin : begin + (1 << 18)]):
                file.writelines(encoder.feed(block))
        meter.finish()
        file.writelines(encoder.finish())
    assert meter.spans is not None
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    raw = hashlib.sha256(text).hexdigest()
    artifact = Artifact(
        name, Format.ZSTD, len(text), raw, len(content), digest, tuple(getattr(encoder, "digests", ()))
    )
    said = replace(
        manifest("shop"), dbms=Dbms.POSTGRESQL, artifact=artifact, facts=meter.counter.result(),
        spans=meter.spans.result(),
    )  # fmt: skip
    path.with_name(name + MANIFEST).write_bytes(dump_manifest(said))
    return path


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one single file."""
    return stored(tmp_path_factory.mktemp("single"), sql()).parent


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A folder with a backup in parts."""
    listed(tmp_path / "store" / FOLDER, FAMILIES["postgresql"])
    said = tmp_path / "store" / FOLDER
    told = said / MANIFEST_INSIDE
    told.write_bytes(dump_manifest(replace(load_manifest(told.read_bytes()), dbms=Dbms.POSTGRESQL)))
    names = [str(file.relative_to(said)) for file in members(said)]
    sums = b"".join(sum_line(hashlib.sha256((said / n).read_bytes()).hexdigest(), n) for n in names)
    (said / SUMS).write_bytes(sums)
    return said.parent


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is left of a fetched artifact, whatever became of it."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield
    assert list(place.iterdir()) == []
    assert left_private() == ()


def seen(path: Path, pick: Pick | None) -> Examination:
    return Examiner(Silence(), pick=pick).examine(path)


def alike(examination: Examination) -> dict[str, object]:
    """What an examination says, but where the artifact is."""
    stored = examination.stored.hexdigest() if examination.stored else None
    return {
        "checks": examination.checks, "facts": examination.facts, "picked": examination.picked,
        "manifest": examination.manifest, "stored": stored, "in_part": examination.in_part,
        "size": examination.size, "header": examination.header, "source": examination.source,
    }  # fmt: skip


PICKS = {
    "small": Pick(tables=("c_small",)),
    "large": Pick(tables=("d_large",)),
    "both": Pick(tables=("b_*", "d_large")),
    "excluded": Pick(excluded=("b_large",)),
    "schema": Pick(schema_only=True),
    "all": None,
}


@pytest.mark.parametrize("pick", PICKS.values(), ids=PICKS)
def test_a_single_file_says_the_same_as_here(single: Path, pick: Pick | None) -> None:
    store = FolderStore(single)
    with from_store(store).fetched(at(NAME), picked(pick)) as found:
        assert alike(seen(found.path, pick)) == alike(seen(single / NAME, pick))
        assert found.path.stat().st_size == (single / NAME).stat().st_size


@pytest.mark.parametrize("name", ["small", "other", "lone"])
def test_a_folder_of_parts_says_the_same_as_here(parts: Path, name: str) -> None:
    pick = Pick(tables=(name,)) if name != "lone" else None
    store = FolderStore(parts)
    with from_store(store).fetched(at(FOLDER), picked(pick)) as found:
        assert alike(seen(found.path, pick)) == alike(seen(parts / FOLDER, pick))


def test_of_a_single_file_only_the_wanted_frames_come_in_few_requests(single: Path) -> None:
    size = (single / NAME).stat().st_size
    for pick, most in (("small", 0.35), ("large", 0.65), ("schema", 0.35)):
        store = FolderStore(single)
        with from_store(store).fetched(at(NAME), picked(PICKS[pick])) as found:
            held = found.path.stat().st_blocks * 512
        assert store.came[NAME] < size * most, pick
        assert held < size * (most + 0.05)
        assert store.requests[NAME] <= 8


def test_of_a_folder_only_the_wanted_files_come(parts: Path) -> None:
    store = FolderStore(parts)
    with from_store(store).fetched(at(FOLDER), picked(Pick(tables=("other",)))):
        pass
    came = {name.removeprefix(f"{FOLDER}/") for name in store.requests}
    assert came == {
        "manifest.json", SUMS, "before.sql.zst", "data/00004_public.other.sql.zst", "after.sql.zst",
    }  # fmt: skip


def test_whoever_reads_more_than_was_wanted_finds_damage_and_no_other_data(single: Path) -> None:
    store = FolderStore(single)
    with from_store(store).fetched(at(NAME), picked(PICKS["small"])) as found:
        more = seen(found.path, PICKS["large"])
        assert more.failed is not None
        assert "frame" in more.failed.detail
        assert more.facts is None
        whole = seen(found.path, None)
        assert whole.failed is not None
        assert whole.facts is None


def test_whoever_reads_another_part_finds_damage(parts: Path) -> None:
    with from_store(FolderStore(parts)).fetched(at(FOLDER), picked(Pick(tables=("other",)))) as found:
        more = seen(found.path, Pick(tables=("large",)))
        assert more.failed is not None
        assert more.facts is None


def test_a_table_is_shown_from_its_own_frames(single: Path) -> None:
    store = FolderStore(single)
    with from_store(store).fetched(at(NAME), picked(pick_of("c_small"))) as found:
        shown = show_table(found.path, "c_small", 2, Silence())
    here = show_table(single / NAME, "c_small", 2, Silence())
    assert replace(shown, path=here.path) == here
    assert store.came[NAME] < (single / NAME).stat().st_size * 0.35


def test_two_backups_are_compared_by_their_manifests_alone(single: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stored(other, sql(TABLES[:-1]))
    store, far = FolderStore(single), FolderStore(other)
    with (
        from_store(store).fetched(at(NAME), FACTS) as old,
        from_store(far).fetched(at(NAME + MANIFEST), FACTS) as new,
    ):
        found = diff(old.path, new.path, Silence())
    assert [t.table for t in found.tables if t.content == "removed"] == ["public.e_small"]
    assert store.came.keys() == far.came.keys() == {NAME + MANIFEST}


def test_a_tables_rows_are_compared_with_a_local_backups(single: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    changed = sql().replace(b"\n1\t", b"\n1\tx", 3)
    path = stored(other, changed)
    store = FolderStore(single)
    with from_store(store).fetched(at(NAME), rows_of("c_small")) as found:
        report = changed_rows(diff(found.path, path, Silence()), "c_small", 5, Silence())
    here = changed_rows(diff(single / NAME, path, Silence()), "c_small", 5, Silence())
    assert report == here
    assert not report.same
    assert store.came[NAME] < (single / NAME).stat().st_size * 0.35


@pytest.mark.parametrize("beside", ["", ".sha256", ".md5"])
def test_a_dump_without_a_manifest_comes_whole_with_its_sum(tmp_path: Path, beside: str) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    text = sql(("a_small",))
    (folder / "x.sql").write_bytes(text)
    if beside:
        found = hashlib.new(beside[1:], text).hexdigest()
        (folder / f"x.sql{beside}").write_bytes(sum_line(found, "x.sql"))
    with from_store(FolderStore(folder)).fetched(at("x.sql"), picked(pick_of("a_small"))) as fetched:
        assert (
            verify_artifact(fetched.path, Silence()).checks
            == verify_artifact(folder / "x.sql", Silence()).checks
        )


def test_a_folder_without_its_manifest_comes_whole_by_its_sums(parts: Path) -> None:
    (parts / FOLDER / "manifest.json").unlink()
    with from_store(FolderStore(parts)).fetched(at(FOLDER), WHOLE) as found:
        there = seen(found.path, None)
        assert alike(there) == alike(seen(parts / FOLDER, None))
    assert there.failed is None


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    with (
        pytest.raises(ArtifactMissing, match=r"s3://bucket/folder/x\.sql"),
        from_store(FolderStore(tmp_path)).fetched(at("x.sql"), WHOLE),
    ):
        pass
    with (
        pytest.raises(ArtifactMissing, match="manifest"),
        from_store(FolderStore(tmp_path)).fetched(at("x.sql" + MANIFEST), FACTS),
    ):
        pass


def test_a_manifest_alone_is_no_artifact_and_nothing_is_written_beside_the_private_folder(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / MANIFEST).write_bytes(dump_manifest(manifest()))
    with from_store(FolderStore(folder)).fetched(at(MANIFEST), FACTS) as found:
        assert found.path.is_file()


def test_a_damaged_manifest_of_a_folder_is_told_of(parts: Path) -> None:
    (parts / FOLDER / "manifest.json").write_bytes(b"{")
    (parts / FOLDER / SUMS).unlink()
    with (
        pytest.raises(ArtifactCorrupt, match=rf"s3://bucket/folder/{FOLDER}/manifest.json"),
        from_store(FolderStore(parts)).fetched(at(FOLDER), WHOLE),
    ):
        pass


def test_a_part_larger_than_any_file_is_refused(parts: Path) -> None:
    told = parts / FOLDER / "manifest.json"
    known = load_manifest(told.read_bytes())
    huge = (replace(known.parts[0], size=1 << 63), *known.parts[1:])
    told.write_bytes(dump_manifest(replace(known, parts=huge)))
    with (
        pytest.raises(StorageFailed, match="9,223,372,036,854,775,808 bytes"),
        from_store(FolderStore(parts)).fetched(at(FOLDER), picked(pick_of("other"))),
    ):
        pass


@pytest.mark.parametrize("evil", [b"data/\xff.sql.zst", b"data/\x1b[2J"])
def test_parts_whose_names_no_url_has_are_refused(parts: Path, evil: bytes) -> None:
    (parts / FOLDER / "manifest.json").unlink()
    with (parts / FOLDER / SUMS).open("ab") as sums:
        sums.write(b"0" * 64 + b"  " + evil + b"\n")
    with (
        pytest.raises(ArtifactCorrupt, match="no file of a backup"),
        from_store(FolderStore(parts)).fetched(at(FOLDER), WHOLE),
    ):
        pass


class _Listing(FolderStore):
    """Answers for folders as web servers do: with a list, or by denying it."""

    def __init__(self, folder: Path, answer: int | ArtifactError) -> None:
        super().__init__(folder)
        self.answer = answer

    def size(self, name: str) -> int | None:
        if (self.folder / name).is_dir():
            if isinstance(self.answer, ArtifactError):
                raise self.answer
            return self.answer
        return super().size(name)


@pytest.mark.parametrize("named", ["manifest.json", SUMS])
@pytest.mark.parametrize("answer", [200, ArtifactError("403 Forbidden")], ids=["list", "denied"])
def test_a_folder_of_a_web_server_that_answers_for_it_is_read(
    parts: Path, answer: int | ArtifactError, named: str
) -> None:
    for other in {"manifest.json", SUMS} - {named}:
        (parts / FOLDER / other).unlink()
    place = Place("https", "https://host/folder", FOLDER)
    with from_store(_Listing(parts, answer)).fetched(place, WHOLE) as found:
        there = seen(found.path, None)
        assert alike(there) == alike(seen(parts / FOLDER, None))
    assert there.failed is None


@pytest.mark.parametrize("evil", ["../x", "data/../../x", "data/..", "/etc/x", "data/a/b", "x", "data/\0"])
def test_a_manifest_cannot_have_files_written_elsewhere(parts: Path, evil: str) -> None:
    told = parts / FOLDER / "manifest.json"
    known = replace(manifest("shop"), parts=(_part(evil),), artifact=replace(manifest().artifact, frames=()))
    told.write_bytes(dump_manifest(known))
    with (
        pytest.raises(ArtifactCorrupt, match="no file of a backup"),
        from_store(FolderStore(parts)).fetched(at(FOLDER), picked(pick_of("x"))),
    ):
        pass


def _part(file: str) -> Part:
    return Part(file, PartKind.DATA, "x", "", 1, "", 1, "", 1, "")


def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="names no file"),
        from_store(FolderStore(tmp_path)).fetched(at("a/.."), WHOLE),
    ):
        pass


def _cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _fails(error: BackupError) -> Callable[[bytes], bytes]:
    def fail(_: bytes) -> bytes:
        raise error

    return fail


PASSING = {
    "short": _cut,
    "nothing": lambda _: b"",
    "lost": _fails(ArtifactError("the connection was lost", transient=True)),
    "slow down": _fails(ArtifactError("the store is busy", transient=True)),
}


@pytest.mark.parametrize("wanted", [picked(PICKS["large"]), WHOLE], ids=["part", "whole"])
@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize("after", [0, 2, 4])
def test_what_passes_is_tried_again(single: Path, wanted: Want, fault: Fault, after: int) -> None:
    store = FolderStore(single, [lambda content: content] * after + [fault])
    pick = PICKS["large"] if wanted is not WHOLE else None
    with from_store(store).fetched(at(NAME), wanted) as found:
        assert alike(seen(found.path, pick)) == alike(seen(single / NAME, pick))
    assert store.faults == []


@pytest.mark.parametrize("wanted", [picked(PICKS["large"]), WHOLE], ids=["part", "whole"])
@pytest.mark.parametrize("after", [0, 1, 3])
@pytest.mark.parametrize(
    "error", [ArtifactError("no"), NotPermitted("403"), ArtifactError("no", transient=True)]
)
def test_what_does_not_pass_ends_it(single: Path, wanted: Want, after: int, error: BackupError) -> None:
    store = FolderStore(single, [lambda content: content] * after + [_fails(error)] * 9)
    with pytest.raises(type(error)) as raised, from_store(store).fetched(at(NAME), wanted):
        pass
    assert raised.value.message == error.message
    assert len(store.faults) >= 5


@pytest.mark.parametrize("pick", ["large", "all"])
def test_damage_is_told_as_of_a_file_that_is_here(single: Path, tmp_path: Path, pick: str) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    for file in (NAME, NAME + MANIFEST):
        (folder / file).write_bytes((single / file).read_bytes())
    with (folder / NAME).open("r+b") as file:
        file.seek(-200_000, os.SEEK_END)
        file.write(b"damage")
    with from_store(FolderStore(folder)).fetched(at(NAME), picked(PICKS[pick])) as found:
        checks = [asdict(check) for check in seen(found.path, PICKS[pick]).checks]
        told = [{**check, "detail": found.told(str(check["detail"]))} for check in checks]
    here = [asdict(check) for check in seen(folder / NAME, PICKS[pick]).checks]
    named = [
        {**check, "detail": str(check["detail"]).replace(str(folder), "s3://bucket/folder")} for check in here
    ]
    assert told == named
    assert any(check["ok"] is False for check in told)


def test_a_part_that_the_store_lacks_is_named(parts: Path) -> None:
    (parts / FOLDER / "data/00004_public.other.sql.zst").unlink()
    pick = pick_of("other")
    with from_store(FolderStore(parts)).fetched(at(FOLDER), picked(pick)) as found:
        failed = seen(found.path, pick).failed
        assert failed is not None
        assert found.told(failed.detail) == (
            f"s3://bucket/folder/{FOLDER} lacks data/00004_public.other.sql.zst, which its manifest names"
        )


def test_errors_speak_of_the_url(single: Path) -> None:
    with (
        pytest.raises(ArtifactError) as raised,
        from_store(FolderStore(single)).fetched(at(NAME), WHOLE) as found,
    ):
        raise ArtifactError(f"{found.path} is odd", hint=f"Look at {found.path}.manifest.json.")
    assert raised.value.message == f"s3://bucket/folder/{NAME} is odd"
    assert raised.value.hint == f"Look at s3://bucket/folder/{NAME}.manifest.json."


def test_a_comparison_that_fails_names_the_url(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "x.sql").write_bytes(sql(("a_small",)) + b"SELECT 'torn")
    with (
        pytest.raises(ArtifactCorrupt) as raised,
        from_store(FolderStore(folder)).fetched(at("x.sql"), FACTS) as found,
    ):
        diff(found.path, found.path, Silence())
    assert raised.value.message.startswith("s3://bucket/folder/x.sql cannot be read: ")
    assert "`vya-backupdb verify --deep s3://bucket/folder/x.sql`" in str(raised.value.hint)


def test_without_room_nothing_comes(single: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "free_in", lambda _: (1000, 10))
    store = FolderStore(single)
    with (
        pytest.raises(StorageFailed, match=r"no room for s3://bucket/folder/.* 1,000 are free"),
        from_store(store).fetched(at(NAME), WHOLE),
    ):
        pass
    assert store.came[NAME] == 0


def test_a_path_of_this_machine_is_read_where_it_is(single: Path) -> None:
    with from_store(FolderStore(single)).fetched(single / NAME, WHOLE) as found:
        assert (found.path, found.named) == (single / NAME, single / NAME)
        assert found.told(f"{found.path} is odd") == f"{found.path} is odd"


def test_the_record_of_a_drill_goes_to_the_folder_that_is_named(single: Path, tmp_path: Path) -> None:
    report = DrillReport(single / NAME, TAKEN, Verdict.PROVEN)
    kept = record(DrillRequest(single / NAME, records=tmp_path), report)
    assert kept is not None
    assert [(proof.artifact, proof.verdict) for proof in proofs(tmp_path)] == [(NAME, Verdict.PROVEN)]
    assert list(proofs(single)) == []
