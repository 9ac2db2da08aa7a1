from python_backup.dump.postgresql.selector import DatabaseSelector
from unit.dump.postgresql.dumps import pieces_of, statements_of, text_of

CLUSTER = b"""SET client_encoding = 'UTF8';
DROP DATABASE "a b";
DROP DATABASE shop;
CREATE ROLE joe;
ALTER ROLE joe WITH LOGIN;
GRANT joe TO jim;
\\connect template1
CREATE TABLE in_template ();
CREATE DATABASE "a b" WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LC_COLLATE = 'C';
ALTER DATABASE "a b" OWNER TO joe;
\\connect -reuse-previous=on "dbname='a b'"
CREATE TABLE workshop ();
COPY workshop FROM stdin;
\\\\connect shop
\\.
CREATE DATABASE shop;
\\connect shop
CREATE TABLE t ();
"""


def test_one_database_of_a_cluster_is_passed_on_with_the_settings_before_it():
    chosen = text_of(DatabaseSelector("a b").select(pieces_of(CLUSTER)))
    kept = [line for line in CLUSTER.split(b"\n") if line]
    assert [line for line in chosen.split(b"\n") if line] == [kept[0], kept[1], *kept[8:15]]


def test_without_a_name_everything_is_passed_on():
    assert text_of(DatabaseSelector(None).select(pieces_of(CLUSTER))) == CLUSTER


def test_the_databases_are_listed_with_what_is_said_of_making_them():
    selector = DatabaseSelector(None)
    list(selector.select(pieces_of(CLUSTER)))
    assert [d.name for d in selector.databases] == ["template1", "a b", "shop"]
    assert dict(selector.databases[1].properties) == {
        "template": "template0",
        "encoding": "UTF8",
        "locale_provider": "libc",
        "lc_collate": "C",
    }


def test_a_dump_that_names_no_database_is_passed_on_whole():
    text = b"CREATE TABLE t ();\nINSERT INTO t DEFAULT VALUES;\n"
    selector = DatabaseSelector("x")
    assert text_of(selector.select(pieces_of(text))) == text
    assert selector.databases == ()
    assert len(statements_of(text)) == 2
