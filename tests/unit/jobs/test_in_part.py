"""Of a folder of parts only those are read that may hold what is picked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from python_backup.dump.pick import Pick
from python_backup.errors import UnsafeDump, UsageError
from python_backup.jobs.examine import Examination, Examiner
from python_backup.jobs.show import show_table
from python_backup.manifest import dump_manifest
from python_backup.model import MANIFEST_INSIDE, Artifact, Facts, Format, Part, PartKind
from python_backup.stream.members import members
from support.results import manifest
from support.silence import Silence

PG = "--\n-- PostgreSQL database dump\n--\n\nSET row_security = off;\n\n{}\n\n--\n-- PostgreSQL database dump complete\n--\n\n"
MY = "-- MySQL dump 10.13  Distrib 8.4.3\n/*!40101 SET NAMES utf8mb4 */;\n{}\n-- Dump completed on 2026-11-21  1:00:00\n"
POSTGRESQL = {
    "before.sql.zst": PG.format(
        "\n".join(f"CREATE TABLE public.{t} (id integer);" for t in ("empty", "large", "other", "small"))
        + "\nCREATE SEQUENCE public.large_seq;\nALTER SEQUENCE public.large_seq OWNED BY public.large.id;"
        "\nCREATE SEQUENCE public.unused;"
        "\nCREATE SEQUENCE public.lone;"
    ),
    "data/00001_others.sql.zst": PG.format(
        "COPY public.small (id) FROM stdin;\n1\n2\n\\.\nCOPY public.empty (id) FROM stdin;\n\\.\n"
        "SELECT pg_catalog.setval('public.lone', 7, true);\nSELECT pg_catalog.setval('public.unused', 1, false);"
        "\nSELECT pg_catalog.setval('public.large_seq', 7, true);"
    ),
    "data/00002_public.large.sql.zst": "COPY public.large (id) FROM stdin;\n1\n\\.\n\n",
    "data/00003_public.large.sql.zst": "COPY public.large (id) FROM stdin;\n2\n3\n\\.\n\n",
    "data/00004_public.other.sql.zst": "COPY public.other (id) FROM stdin;\n4\n\\.\n\n",
    "after.sql.zst": PG.format("CREATE INDEX by_id ON public.large USING btree (id);"),
}
MYSQL = {
    "before.sql.zst": MY.format(
        "\n".join(f"CREATE TABLE `{t}` (\n  `id` int\n);" for t in ("empty", "large", "other", "small"))
    ),
    "data/00001_others.sql.zst": MY.format("INSERT INTO `small` VALUES (1),(2);"),
    "data/00002_large.sql.zst": MY.format("INSERT INTO `large` VALUES (1);"),
    "data/00003_large.sql.zst": MY.format("INSERT INTO `large` VALUES (2),(3);"),
    "data/00004_other.sql.zst": MY.format("INSERT INTO `other` VALUES (4);"),
    "after.sql.zst": MY.format("CREATE TRIGGER `t` BEFORE INSERT ON `large` FOR EACH ROW SET NEW.id = 1;"),
}
FAMILIES = {"postgresql": POSTGRESQL, "mysql": MYSQL}


def written(folder: Path, texts: Mapping[str, str]) -> Path:
    """A backup in parts without a manifest, not compressed."""
    (folder / "data").mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def listed(folder: Path, texts: Mapping[str, str]) -> Path:
    """A backup in parts with its manifest."""
    found = Examiner(Silence()).examine(written(folder, texts))
    assert found.facts is not None, found.checks
    assert found.stored is not None
    list_parts(folder, found.facts, found.stored.hexdigest())
    return folder


def list_parts(folder: Path, facts: Facts, digest: str) -> None:
    """Writes a manifest of what the parts are now."""
    names = (str(file.relative_to(folder)) for file in members(folder))
    parts = tuple(_part(folder / name, name) for name in names)
    size = sum(part.size for part in parts)
    artifact = Artifact(folder.name, Format.PARTS, size, "0" * 64, size, digest)
    said = replace(manifest("shop"), artifact=artifact, facts=facts, parts=parts)
    (folder / MANIFEST_INSIDE).write_bytes(dump_manifest(said))


def _part(file: Path, name: str) -> Part:
    kinds = {"before": PartKind.BEFORE, "after": PartKind.AFTER}
    kind = kinds.get(name.partition(".")[0], PartKind.DATA)
    table = name.partition("_")[2].removesuffix(".sql.zst") if kind is PartKind.DATA else ""
    size, found = file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest()
    return Part(name, kind, "" if table == "others" else table, "", None, "", size, "", size, found)


def examined(folder: Path, pick: Pick | None) -> Examination:
    return Examiner(Silence(), pick=pick).examine(folder, None)


@pytest.fixture(params=FAMILIES)
def texts(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """A database's parts."""
    return FAMILIES[request.param]


CASES = [
    (Pick(tables=("large",)), {"others", "large"}),
    (Pick(tables=("other",)), {"other"}),
    (Pick(tables=("empty",)), set()),
    (Pick(tables=("small",)), {"others"}),
    (Pick(tables=("o*", "s*")), {"others", "other"}),
    (Pick(excluded=("large",)), {"others", "other"}),
    (Pick(excluded=("small", "other")), {"others", "large"}),
    (Pick(schema_only=True), set()),
    (Pick(tables=("large",), schema_only=True), set()),
    (Pick(tables=("other",), data_only=True), {"other"}),
    (Pick(), {"others", "large", "other"}),
]


@pytest.mark.parametrize(("pick", "needed"), CASES)
def test_no_more_is_read_than_is_picked_and_the_facts_are_those_of_the_whole(
    tmp_path: Path, texts: Mapping[str, str], pick: Pick, needed: set[str]
) -> None:
    whole = examined(written(tmp_path / "whole", texts), pick)
    folder = listed(tmp_path / "one", texts)
    if texts is MYSQL and "large" in needed:  # no sequence of its has a value
        needed = needed - {"others"} if pick != Pick() else needed
    left = [file for file in (folder / "data").iterdir() if _holds(file) not in needed]
    for file in left:
        file.write_bytes(bytes(file.stat().st_size))
    seen = examined(folder, pick)
    assert seen.failed is None, seen.failed
    assert seen.in_part
    assert (seen.facts, seen.picked) == (whole.facts, whole.picked)
    told = next(check.detail for check in seen.checks if check.name == "checksum")
    assert told.startswith(f"{6 - len(left)} of its 6 parts were read")


def _holds(file: Path) -> str:
    """What a part is called for."""
    return file.name.removesuffix(".sql.zst").partition("_")[2].removeprefix("public.")


def test_a_picked_sequence_has_its_value_though_nothing_is_between_the_two(tmp_path: Path) -> None:
    value = PG.format("SELECT pg_catalog.setval('public.lone', 7, true);")
    folder = listed(tmp_path / "one", {**POSTGRESQL, "data/00001_others.sql.zst": value})
    seen = examined(folder, Pick(tables=("lone",)))
    assert seen.failed is None, seen.failed
    assert seen.picked is not None
    assert seen.picked.sequences == {"public.lone": 7}


def test_a_picked_sequence_that_was_never_used_is_begun_where_it_says(tmp_path: Path) -> None:
    folder, whole = listed(tmp_path / "one", POSTGRESQL), written(tmp_path / "whole", POSTGRESQL)
    seen, all_of_it = (examined(path, Pick(tables=("unused",))) for path in (folder, whole))
    assert (seen.failed, seen.in_part) == (None, True)
    assert (seen.facts, seen.picked) == (all_of_it.facts, all_of_it.picked)


def test_large_objects_are_read_where_they_are_wanted_alone(tmp_path: Path) -> None:
    made = PG.format("SELECT pg_catalog.lo_create('7');")
    texts = {**POSTGRESQL, "data/00001_others.sql.zst": made}
    folder, whole = listed(tmp_path / "one", texts), written(tmp_path / "whole", texts)
    for pick, read in ((Pick(excluded=("large",)), 4), (Pick(tables=("other",)), 3)):
        seen, all_of_it = examined(folder, pick), examined(whole, pick)
        assert (seen.facts, seen.picked) == (all_of_it.facts, all_of_it.picked)
        assert any(check.detail.startswith(f"{read} of its 6 parts") for check in seen.checks)


def test_what_is_not_needed_and_cannot_be_right_is_told(tmp_path: Path, texts: Mapping[str, str]) -> None:
    folder = listed(tmp_path / "one", texts)
    *_, large, other = sorted((folder / "data").iterdir())
    other.unlink()
    seen = examined(folder, Pick(tables=("large",)))
    assert seen.failed is None
    (told,) = (check for check in seen.checks if check.name == "parts")
    assert told.ok is None
    assert told.detail == f"not needed, but not as the manifest says: data/{other.name} is missing"
    large.unlink()
    failed = examined(folder, Pick(tables=("large",))).failed
    assert failed is not None
    assert f"lacks data/{large.name}" in failed.detail


@pytest.mark.parametrize(
    "damage",
    [("2", "5"), ("\n", ";\n\\! touch x\n"), ("large", "'''''"), ("large", "unheard")],
)
def test_a_needed_part_that_is_damaged_is_named_whatever_the_damage_looks_like(
    tmp_path: Path, texts: Mapping[str, str], damage: tuple[str, str]
) -> None:
    folder = listed(tmp_path / "one", texts)
    (file,) = (folder / "data").glob("00003_*")
    file.write_text(file.read_text().replace(*damage))
    failed = examined(folder, Pick(tables=("large",))).failed
    assert failed is not None
    assert failed.name == "content"
    assert f"data/{file.name} is corrupt: it is not what its manifest says" in failed.detail
    assert examined(folder, Pick(tables=("other",))).failed is None


def test_what_is_refused_in_a_part_is_refused_with_its_own_line(
    tmp_path: Path, texts: Mapping[str, str]
) -> None:
    folder = listed(tmp_path / "one", texts)
    facts = examined(folder, None).facts
    assert facts is not None
    (file,) = (folder / "data").glob("00004_*")
    file.write_text(file.read_text().rstrip() + "\n\n\\! touch x\n")
    list_parts(folder, facts, "0" * 64)
    line = file.read_bytes().count(b"\n")
    with pytest.raises(UnsafeDump, match=rf"^data/{file.name}, line {line}\b"):
        examined(folder, Pick(tables=("other",)))
    assert examined(folder, Pick(tables=("small",))).failed is None


def test_a_pattern_that_takes_nothing_reads_no_rows(tmp_path: Path, texts: Mapping[str, str]) -> None:
    folder = listed(tmp_path / "one", texts)
    for file in (folder / "data").iterdir():
        file.write_bytes(b"damage")
    with pytest.raises(UsageError, match="'nothing' matches nothing in the dump"):
        examined(folder, Pick(tables=("nothing",)))


def test_without_a_manifest_or_without_a_pick_all_parts_are_read(
    tmp_path: Path, texts: Mapping[str, str]
) -> None:
    whole, folder = written(tmp_path / "whole", texts), listed(tmp_path / "one", texts)
    assert not examined(whole, Pick(tables=("other",))).in_part
    assert not examined(folder, None).in_part
    (file,) = (folder / "data").glob("00003_*")
    file.write_text(file.read_text().replace("2", "5"))
    failed = examined(folder, None).failed
    assert failed is not None
    assert f"data/{file.name} has other bytes" in failed.detail


def test_show_opens_no_part_of_another_table(tmp_path: Path, texts: Mapping[str, str]) -> None:
    folder = listed(tmp_path / "one", texts)
    whole = show_table(folder, "other", 5, Silence())
    for file in (folder / "data").iterdir():
        if "other." not in file.name:
            file.unlink()
    shown = show_table(folder, "other", 5, Silence())
    assert shown == whole
    assert [tuple(row.values()) for row in shown.tables[0].first] == [("4",)]
    kept = [folder / name for name in texts if (folder / name).exists()]
    assert shown.read == sum(file.stat().st_size for file in kept)
