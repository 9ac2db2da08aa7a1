"""The names of artifacts."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.instance import Dbms
from python_backup.model import Format
from python_backup.storage.names import (
    LONGEST,
    ArtifactName,
    artifact_name,
    decode,
    encode,
    names_tried,
    parse_folder,
    parse_name,
)
from python_backup.stream.codecs import CODECS

TAKEN = datetime(2026, 1, 13, 15, 54, 40)  # noqa: DTZ001 - file names hold the machine's local time
LOCAL = TAKEN.astimezone()

READ = {kind: parse_folder if kind is Format.PARTS else parse_name for kind in (*CODECS, Format.PARTS)}

NAMES_OF_FACTS = [
    "a b", "a`b", "a'b", 'a"b', "-x", "a\\b", "a/b", "a.b", "..", ".", ".hidden", "a;touch p", "$(touch p)", "a%b",
    "a%41", "a\nb", "a\rb", "a\0b", "ünï日本", "NULL", "select", "a~b", "~0123456789abcdef", "x~0123456789abcdef",
    "dns_db", "db_20260113_155440", "20260113_155440_mysql_x", "x.sql", "x.sql.gz", "*", "?", "a:b", "\udcff\udc80",
]  # fmt: skip


def test_the_missions_example():
    name = ArtifactName(TAKEN, Dbms.MYSQL, "dns_db", Format.ZIP)
    assert artifact_name(name) == "20260113_155440_mysql_dns_db.zip"


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ("dns_db", "dns_db"), ("shop-2.eu+x@y=z", "shop-2.eu+x@y=z"), ("a b", "a%20b"), ("a/b", "a%2Fb"),
        ("..", "%2E."), ("a%b", "a%25b"), ("ü", "%C3%BC"), ("\udcff", "%FF"), ("a~b", "a%7Eb"), ("a\nb", "a%0Ab"),
    ],
)  # fmt: skip
def test_only_what_a_file_name_cannot_hold_is_encoded(database, expected):
    assert encode(database) == expected


@pytest.mark.parametrize("database", NAMES_OF_FACTS)
@pytest.mark.parametrize("kind", READ)
def test_names_that_make_trouble_come_back(database, kind):
    name = ArtifactName(LOCAL, Dbms.POSTGRESQL, database, kind)
    assert READ[kind](artifact_name(name)) == name


@given(
    st.binary(min_size=1, max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
    | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=15),
    st.sampled_from(Dbms),
    st.sampled_from(list(READ)),
)
def test_any_name_comes_back(database, dbms, kind):
    name = ArtifactName(LOCAL, dbms, database, kind)
    file = artifact_name(name)
    assert re.fullmatch(r"[A-Za-z0-9._+@=%-]+", file)
    assert READ[kind](file) == name


@given(st.binary(min_size=1, max_size=500).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_encoded_names_are_short_enough_and_begin_with_no_dot(database):
    encoded = encode(database)
    assert len(encoded) <= LONGEST
    assert not encoded.startswith(".")


def test_long_names_are_cut_but_stay_different():
    long = "日" * 64
    names = [encode(long + last) for last in ("a", "b")]
    assert names[0] != names[1]
    assert [len(name) <= LONGEST for name in names] == [True, True]
    assert not re.search(r"%.?~", names[0])
    parsed = parse_name(f"20260113_155440_mysql_{names[0]}.sql")
    assert (parsed.shortened, parsed.database[:10]) == (True, long[:10])


def test_the_longest_names_fit_a_file_name_with_all_that_is_added():
    name = artifact_name(ArtifactName(TAKEN, Dbms.POSTGRESQL, "x" * 500, Format.ZSTD))
    assert len(f".{name}.manifest.json.partial-01010101") <= 255


@pytest.mark.parametrize(
    ("file", "database", "kind"),
    [
        ("shop_20240229_235959.sql", "shop", Format.NONE),
        ("my_shop_2_20240229_235959.sql.gz", "my_shop_2", Format.GZIP),
        ("a%20b_20240229_235959.sql", "a%20b", Format.NONE),
    ],
)
def test_names_of_older_backups_are_read(file, database, kind):
    taken = datetime(2024, 2, 29, 23, 59, 59).astimezone()
    assert parse_name(file) == ArtifactName(taken, None, database, kind)


@pytest.mark.parametrize(
    "file",
    [
        "readme.txt", "shop.sql", "20260113_155440_mysql_.sql", "20261399_155440_mysql_x.sql", "_20240229_235959.sql",
        "20260113_155440_oracle_x.sql", "20260113_155440_mysql_x.sql.sha256", "20260113_155440_mysql_x.tar",
        "shop_20240229_235959.zip", ".20260113_155440_mysql_x.sql.partial-01010101", "",
    ],
)  # fmt: skip
def test_other_files_are_no_artifacts(file):
    assert parse_name(file) is None


def test_foreign_percent_signs_are_taken_as_they_are():
    assert decode("100%") == "100%"
    assert decode("a%zz") == "a%zz"


def test_a_later_name_crosses_midnight():
    name = ArtifactName(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), Dbms.MARIADB, "x", Format.NONE)
    own, later, *_ = names_tried(name)
    assert (own, later) == ("20261231_235959_mariadb_x.sql", "20270101_000000_mariadb_x.sql")
