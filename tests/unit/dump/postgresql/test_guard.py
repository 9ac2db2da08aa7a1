import pytest

from python_backup.dump.postgresql.dialect import DIALECT
from python_backup.errors import UnsafeDump
from unit.dump.postgresql.dumps import pieces_of


def check(text: bytes, source: str | None = "shop") -> None:
    guard = DIALECT.guard(source)
    for piece in pieces_of(text):
        guard.check(piece)


@pytest.mark.parametrize(
    "text",
    [
        b"\\! touch p\n",
        b"\\copy t from program 'ls'\n",
        b"\\o |sh\n",
        b"\\i /etc/passwd\n",
        b"\\ir x\n",
        b"\\include x\n",
        b"\\w x\n",
        b"\\g | sh\n",
        b"\\set x `touch p`\n",
        b"\\restrict `touch p`\n",
        b"\\echo `touch p`\n",
        b"\\echo a \\! ls\n",
        b"\\C shop\n",
        b"\\connect other\n",
        b"\\connect shop joe evil.example 5432\n",
        b'\\connect "host=evil.example dbname=shop"\n',
        b"\\connect postgresql://evil.example/shop\n",
        b"\\connect `id`\n",
        b"\\encoding SJIS\n",
        b"SELECT 1; \\! ls\n",
        b"SELECT 1 \\gexec\n;",
        b"SELECT 1 \\g |sh\n;",
        b"COPY t FROM PROGRAM 'ls';",
        b"COPY/**/t FROM/* x */PROGRAM 'ls';",
        b"copy (select 1) to program 'ls';",
        b"COPY t FROM '/etc/passwd';",
        b"COPY t TO '/tmp/x';",
        b"COPY t TO E'/tmp/x';",
        b"COPY t TO STDOUT;",
        b"ALTER/**/SYSTEM SET a = 1;",
        b"LOAD 'x';",
        b"CREATE DATABASE other;",
        b"DROP DATABASE IF EXISTS other;",
        b"ALTER DATABASE other SET a = 1;",
        b"ALTER DATABASE shop RENAME TO x;",
        b"COMMENT ON DATABASE other IS 'x';",
        b"GRANT ALL ON DATABASE other TO joe;",
        b"DROP ROLE joe;",
        b"ALTER USER joe PASSWORD 'x';",
        b"ALTER ROLE joe IN DATABASE other SET a = 1;",
        b"GRANT joe TO jim;",
        b"GRANT SET ON PARAMETER work_mem TO joe;",
        b"CREATE TABLESPACE x LOCATION '/tmp';",
        b"ROLLBACK;",
        b"ABORT;",
        b"PREPARE TRANSACTION 'x';",
        b"COMMIT PREPARED 'x';",
        b"COMMIT AND CHAIN;",
        b"SAVEPOINT x;",
        b"DISCARD ALL;",
        b"REASSIGN OWNED BY a TO b;",
        b"SELECT pg_read_file('/etc/passwd');",
        b"SELECT * FROM t WHERE pg_catalog.\"lo_export\"(1, '/tmp/x') = 1;",
        b"SELECT U&\"\\0070g_read_file\"('/etc/passwd');",
        b"CREATE MATERIALIZED VIEW m AS SELECT pg_ls_dir('/');",
        b"CREATE TABLE m AS SELECT dblink_connect('x');",
        b"INSERT INTO t VALUES ('a', pg_read_file('/etc/passwd'));",
        b"INSERT INTO t SELECT pg_read_file('/etc/passwd');",
        b"DO $$ begin perform pg_read_file('x'); end $$;",
        b"DO $$ begin execute 'copy t from program ''ls'''; end $$;",
        b"UPDATE pg_catalog.pg_authid SET rolsuper = true;",
        b"DELETE FROM pg_database;",
        b"INSERT INTO pg_catalog.pg_proc VALUES (1);",
        b"UPDATE pg_catalog.pg_database SET datistemplate = true WHERE datname = 'other';",
        b"SET client_encoding = 'SJIS';",
        b"SET LOCAL standard_conforming_strings = off;",
        b"SELECT set_config('standard_' || 'conforming_strings', 'off', false);",
        b"CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p;",
        b"IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z;",
        b"CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/tmp/evil.so', 'f';",
        b'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 AS "x"; END; ALTER SYSTEM SET a = 1;',
        b"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; COPY t FROM PROGRAM 'ls');",
        b"-- x\n/* y */ COPY t FROM PROGRAM 'ls';",
    ],
)
def test_what_reaches_outside_the_target_is_refused_with_its_line(text):
    with pytest.raises(UnsafeDump, match=r"^line \d+: "):
        check(text)


@pytest.mark.parametrize(
    "text",
    [
        b"\\restrict abcXYZ09\n\\encoding SQL_ASCII\n\\connect shop\n\\c shop;\n\\unrestrict abcXYZ09\n",
        b"\\connect -reuse-previous=on \"dbname='shop'\"\n",
        b"\\set ON_ERROR_STOP on\n\\echo hello\n",
        b"DROP DATABASE IF EXISTS shop;\nCREATE DATABASE shop WITH ENCODING = 'UTF8';\n",
        b"ALTER DATABASE shop SET work_mem TO '5MB';\nALTER ROLE joe IN DATABASE shop SET a TO 1;\n",
        b"UPDATE pg_catalog.pg_database SET datistemplate = false WHERE datname = 'shop';\n",
        b"CREATE ROLE joe;\n",
        b"BEGIN;\nSELECT pg_catalog.lowrite(0, '\\x00');\nCOMMIT;\nSTART TRANSACTION;\nEND;\n",
        b"COPY t FROM stdin;\nCOPY t FROM PROGRAM 'ls';\n\\\\! ls\n\\.\n",
        b"INSERT INTO t VALUES ('pg_read_file(''/etc/passwd'')');\n",
        b"COMMENT ON TABLE t IS 'COPY t FROM PROGRAM; ALTER SYSTEM';\n",
        b"CREATE FUNCTION f() RETURNS text AS $$ select pg_read_file('x'); ALTER SYSTEM; $$ LANGUAGE sql;\n",
        b"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;\n",
        b"CREATE FUNCTION f() RETURNS int LANGUAGE c AS '$libdir/hstore', 'f';\n",
        b"CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = false, slot_name = 's');\n",
        b"GRANT ALL ON FUNCTION pg_catalog.pg_read_file(text) TO joe;\n",
        b"CREATE TABLE program (system int);\nALTER TABLE program RENAME COLUMN system TO role;\n",
    ],
)
def test_honest_dumps_pass(text):
    check(text)


def test_the_line_is_that_of_the_statement():
    with pytest.raises(UnsafeDump, match="line 3: ALTER of the server's settings"):
        check(b"SELECT 1;\n-- x\nALTER SYSTEM SET a = 1;\n")


def test_without_a_source_the_first_database_named_is_the_dumps_own():
    check(b"CREATE DATABASE a;\n\\connect a\n", None)
    with pytest.raises(UnsafeDump, match="another database, 'b'"):
        check(b"CREATE DATABASE a;\n\\connect b\n", None)
