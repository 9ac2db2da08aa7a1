import pytest

from python_backup.dump.changes import Changes
from python_backup.dump.postgresql.dialect import DIALECT
from python_backup.dump.postgresql.rewriter import Target
from unit.dump.postgresql.dumps import pieces_of, rewritten


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"DROP DATABASE IF EXISTS shop;\nCREATE DATABASE shop WITH LOCALE_PROVIDER = libc;\n", b""),
        (b"\\connect shop\n\\restrict x\n\\unrestrict x\n", b""),
        (b"BEGIN;\nSELECT 1;\nCOMMIT;\n", b"SELECT 1;\n"),
        (b'CREATE ROLE x;\nCREATE USER "x@y" LOGIN;\nCREATE GROUP z;\n', b""),
        (
            b"ALTER DATABASE \"shop\" SET work_mem TO '5MB';\n",
            b"ALTER DATABASE \"copy\" SET work_mem TO '5MB';\n",
        ),
        (
            b"COMMENT ON /* shop */ DATABASE shop IS 'shop';\n",
            b"COMMENT ON /* shop */ DATABASE \"copy\" IS 'shop';\n",
        ),
        (b"GRANT ALL ON DATABASE shop TO joe;\n", b'GRANT ALL ON DATABASE "copy" TO joe;\n'),
        (b"REVOKE ALL ON DATABASE shop FROM PUBLIC;\n", b'REVOKE ALL ON DATABASE "copy" FROM PUBLIC;\n'),
        (
            b"ALTER ROLE joe IN DATABASE shop SET a TO 1;\n",
            b'ALTER ROLE joe IN DATABASE "copy" SET a TO 1;\n',
        ),
        (b"SET new_setting = 0;\nSET old = 1;\n", b"SET old = 1;\n"),
        (b"ALTER TABLE t OWNER TO joe;\nALTER TABLE t OWNER TO nobody;\n", b"ALTER TABLE t OWNER TO joe;\n"),
        (
            b"GRANT SELECT ON TABLE t TO nobody;\nREVOKE ALL ON TABLE t FROM PUBLIC;\n",
            b"REVOKE ALL ON TABLE t FROM PUBLIC;\n",
        ),
        (b"ALTER DEFAULT PRIVILEGES FOR ROLE nobody GRANT SELECT ON TABLES TO joe;\n", b""),
        (b"CREATE USER MAPPING FOR nobody SERVER s OPTIONS (password 'x');\n", b""),
        (
            b"SET SESSION AUTHORIZATION 'nobody';\nSET SESSION AUTHORIZATION DEFAULT;\n",
            b"SET SESSION AUTHORIZATION DEFAULT;\n",
        ),
        (b"CREATE SCHEMA public;\n", b""),
        (b"CREATE SCHEMA a AUTHORIZATION nobody;\n", b"CREATE SCHEMA a;\n"),
        (b"CREATE SCHEMA AUTHORIZATION nobody;\n", b"CREATE SCHEMA nobody;\n"),
        (
            b"DROP TABLE public.t;\nALTER TABLE ONLY t DROP CONSTRAINT c;\nCREATE TABLE t ();\n",
            b"CREATE TABLE t ();\n",
        ),
    ],
)
def test_a_statement_is_made_to_fit_the_target(before, after):
    assert rewritten(before, roles=("joe",), knows_setting=lambda n: n != "new_setting") == after


@pytest.mark.parametrize(
    "text",
    [
        b"COPY t FROM stdin;\nDROP DATABASE shop;\n\\\\connect shop\nCREATE ROLE x@y\nLOCALE_PROVIDER\n\\.\n",
        b"CREATE FUNCTION f() RETURNS int AS $$\nCREATE DATABASE shop;\n\\connect foo\n$$ LANGUAGE plpgsql;\n",
        b"CREATE TABLE workshop (shop int);\nCREATE VIEW shop AS SELECT 'shop' FROM workshop;\n",
        b"COMMENT ON TABLE t IS 'CREATE DATABASE shop;\n\\connect shop\n';\n",
        b"INSERT INTO t VALUES ('a\nDROP DATABASE shop;\n');\n",
        b"-- DROP DATABASE shop;\n/* \\connect shop */\nSELECT 1;\n",
        b"DROP SCHEMA public;\nCREATE SCHEMA public;\nDROP TABLE IF EXISTS t;\n",
        b"ALTER TABLE t RENAME owner TO nobody;\n",
        b"CREATE TABLE t ();\nDROP TABLE t;\n",
        b"SET TIME ZONE 'UTC';\nSET my.setting = 1;\n",
    ],
)
def test_what_fits_passes_untouched(text):
    changes = Changes()
    assert rewritten(text, changes=changes) == text
    assert list(changes) == []


def test_with_nothing_to_change_the_pieces_are_the_same_objects():
    pieces = pieces_of(b"SET a = 1;\nCREATE TABLE t ();\nCOPY t FROM stdin;\n\n\\.\n")
    rewriter = DIALECT.rewriter(
        None, Target("x", 150000, lambda _: True, frozenset(), frozenset()), Changes()
    )
    assert [id(p) for p in rewriter.rewrite(pieces)] == [id(p) for p in pieces]


@pytest.mark.parametrize(
    "name", ["a b", "a`b", "a'b", 'a"b', "-x", "a\\b", "a.b", "$(touch p)", "a\nb", "ünï日本", "NULL"]
)
def test_any_name_of_the_target_is_quoted(name):
    quoted = '"' + name.replace('"', '""') + '"'
    assert (
        rewritten(b"ALTER DATABASE shop SET a TO 1;\n", database=name)
        == f"ALTER DATABASE {quoted} SET a TO 1;\n".encode()
    )


def test_changes_are_counted_with_their_lines_and_each_missing_role_is_told_once():
    changes = Changes()
    rewritten(b"BEGIN;\nALTER TABLE t OWNER TO joe;\nALTER TABLE u OWNER TO joe;\nCOMMIT;\n", changes=changes)
    assert [(kind, count, [p.line for p in places]) for kind, count, places in changes] == [
        ("transaction command left out", 2, [1, 4]),
        ("statement for a missing role left out", 2, [2, 3]),
    ]
    assert len(changes.warnings) == 1
