"""The manifest as JSON."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.errors import ArtifactCorrupt
from python_backup.instance import Dbms
from python_backup.manifest import dump_manifest, load_manifest, manifest_schema
from python_backup.model import Artifact, Facts, Format, Manifest, TableFacts

MANIFEST = Manifest(
    program="vya-backupdb 1.0",
    instance="1",
    dbms=Dbms.POSTGRESQL,
    database="shop",
    started=datetime(2026, 1, 13, 15, 54, 40, 123456, tzinfo=UTC),
    finished=datetime(2026, 1, 13, 15, 55, 0, tzinfo=UTC),
    server_version="15.18",
    client="pg_dump",
    client_version="18.1",
    command=("pg_dump", "--format=p"),
    artifact=Artifact("20260113_155440_postgresql_shop.sql.gz", Format.GZIP, 1000, "0" * 64, 300, "f" * 64),
    facts=Facts(
        tables=(
            TableFacts("public.orders", 5000, 99_999_999_999, "blake3:" + "1" * 64),
            TableFacts("public.odd", None, 0, "blake3:" + "2" * 64),
        ),
        objects={"tables": ("public.odd", "public.orders"), "views": ()},
        sequences={"public.orders_id_seq": -(2**63)},
        statements={"views": {"public.v": "blake3:" + "3" * 64}},
    ),
    warnings=("collation mismatch",),
)


def document(**changes):
    """A manifest of the time before there was a sum."""
    written = json.loads(dump_manifest(MANIFEST))
    del written["summed"], written["sha256"]
    return written | changes


def load(value) -> Manifest:
    return load_manifest(json.dumps(value).encode())


def test_a_manifest_of_the_time_before_statements_were_digested_has_none():
    old = document()
    del old["facts"]["statements"]
    assert load(old).facts.statements == {}


def test_a_manifest_comes_back():
    assert load_manifest(dump_manifest(MANIFEST)) == MANIFEST


def test_its_text_is_readable_and_versioned():
    lines = dump_manifest(MANIFEST).decode("ascii").splitlines()
    assert lines[:9] == [
        "{",
        '  "format": "vya-backupdb/manifest",',
        '  "version": 1,',
        '  "summed": "sha256",',
        '  "program": "vya-backupdb 1.0",',
        '  "instance": "1",',
        '  "dbms": "postgresql",',
        '  "database": "shop",',
        '  "started": "2026-01-13T15:54:40.123456Z",',
    ]


def test_times_are_written_in_utc():
    local = replace(MANIFEST, started=MANIFEST.started.astimezone(timezone(timedelta(hours=-3))))
    assert dump_manifest(local) == dump_manifest(MANIFEST)


@given(
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
)
def test_any_name_comes_back(name):
    facts = Facts((TableFacts(name, 1, 2, "x"),), {name: (name,)}, {name: 3})
    manifest = replace(MANIFEST, database=name, facts=facts, errors=(name,))
    assert load_manifest(dump_manifest(manifest)) == manifest


def test_missing_keys_with_a_default_and_unknown_keys_are_taken():
    given = document(later="x")
    del given["errors"], given["warnings"]
    assert load(given) == replace(MANIFEST, warnings=())


def test_a_later_version_is_refused_with_a_way_out():
    with pytest.raises(ArtifactCorrupt, match=r"version is 2; this program knows versions up to 1") as caught:
        load(document(version=2, facts="quite different"))
    assert "pip install --upgrade vya-backupdb" in caught.value.hint


def test_a_manifest_cut_at_any_byte_is_corrupt():
    whole = dump_manifest(MANIFEST)
    for length in range(len(whole)):
        with pytest.raises(ArtifactCorrupt):
            load_manifest(whole[:length])


@pytest.mark.parametrize("by", [0x01, 0x03, 0x20, 0x29, 0x80])
def test_a_manifest_with_any_changed_byte_is_corrupt(by):
    whole = dump_manifest(MANIFEST)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= by
        with pytest.raises(ArtifactCorrupt):
            load_manifest(bytes(changed))


@pytest.mark.parametrize("lost", ["summed", "sha256"])
def test_a_manifest_that_lost_one_of_the_two_keys_of_its_sum_is_corrupt(lost):
    given = json.loads(dump_manifest(MANIFEST))
    del given[lost]
    with pytest.raises(ArtifactCorrupt, match=r"the manifest is not as it was written"):
        load(given)


def test_a_byte_more_than_was_written_is_corrupt():
    with pytest.raises(ArtifactCorrupt, match=r"the manifest is not as it was written"):
        load_manifest(dump_manifest(MANIFEST) + b" ")


def test_a_manifest_of_the_time_before_there_was_a_sum_is_read():
    assert load(document()) == MANIFEST


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"{}", b"\xff", b"[" * 100_000, b'{"format": "x"}', b"NaN"]
)
def test_what_is_no_manifest_is_corrupt(content):
    with pytest.raises(ArtifactCorrupt, match=r"the manifest"):
        load_manifest(content)


def without(key):
    given = document()
    del given[key]
    return given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (document(version="1"), "version is '1', not a number"),
        (document(version=True), "version is True, not a number"),
        (document(version=0), "version is 0, not a number"),
        (without("database"), "lacks database"),
        (document(database=None), "database is no text"),
        (document(dbms="oracle"), "dbms is 'oracle', not one of mysql, mariadb, postgresql"),
        (document(started="yesterday"), "started is no ISO 8601 time: 'yesterday'"),
        (document(started="2026-01-13T15:54:40"), "started has no time zone"),
        (document(command="pg_dump"), "command is no list"),
        (document(command=["pg_dump", 1]), r"command\[1\] is no text"),
        (document(artifact={"file": "x"}), r"lacks artifact\.format"),
        (document(facts={"tables": [{"name": "t"}]}), r"lacks facts\.tables\[0\]\.rows"),
        (document(facts={"tables": [], "objects": {"views": [1]}}), r"facts\.objects\.views\[0\] is no text"),
        (
            document(facts={"tables": [], "objects": {}, "sequences": {"s": 1.5}}),
            r"facts\.sequences\.s is no whole number",
        ),
        (document(facts=[]), "facts is no object"),
    ],
)
def test_a_malformed_manifest_is_corrupt_at_its_path(given, message):
    with pytest.raises(ArtifactCorrupt, match=message):
        load(given)


def test_its_schema_describes_every_field():
    schema = manifest_schema()
    assert list(schema["properties"]) == list(json.loads(dump_manifest(MANIFEST)))
    assert schema["properties"]["format"] == {"const": "vya-backupdb/manifest"}
    assert set(schema["required"]) == set(document()) - {
        "errors",
        "warnings",
        "missing",
        "attempts",
        "spans",
        "parts",
        "suspect",
        "accepted",
    }
