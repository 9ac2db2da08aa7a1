import pytest

from unit.dump.postgresql.dumps import facts_of


@pytest.mark.parametrize(
    ("text", "kind", "names"),
    [
        (b"CREATE UNLOGGED TABLE IF NOT EXISTS a.t (x int);", "tables", ("a.t",)),
        (b"CREATE TEMP TABLE t (x int);", "tables", ()),
        (b"CREATE FOREIGN TABLE t (x int) SERVER s;", "foreign_tables", ("public.t",)),
        (b"CREATE VIEW v AS SELECT 1;\nCREATE OR REPLACE VIEW v AS SELECT 2;", "views", ("public.v",)),
        (b"CREATE MATERIALIZED VIEW m AS SELECT 1;", "materialized_views", ("public.m",)),
        (b"CREATE SEQUENCE s START WITH 1;", "sequences", ("public.s",)),
        (
            b"ALTER TABLE a.t ALTER COLUMN i ADD GENERATED ALWAYS AS IDENTITY ( SEQUENCE NAME a.t_i_seq START WITH 1 );",
            "sequences",
            ("a.t_i_seq",),
        ),
        (
            (
                b"CREATE FUNCTION f(a int) RETURNS int AS 'x';\nCREATE FUNCTION f() RETURNS int AS 'y';\n"
                b"CREATE PROCEDURE p() AS 'z';\nCREATE AGGREGATE g(int) (x=y);"
            ),
            "routines",
            ("public.f", "public.f", "public.g", "public.p"),
        ),
        (
            b"CREATE CONSTRAINT TRIGGER r AFTER INSERT OR UPDATE OF a ON s.t EXECUTE FUNCTION f();",
            "triggers",
            ("s.t.r",),
        ),
        (b"CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f();", "event_triggers", ("e",)),
        (
            b"CREATE UNIQUE INDEX i ON ONLY s.t USING btree (a);\nCREATE INDEX ON s.t (b);",
            "indexes",
            ("s.i",),
        ),
        (
            b"ALTER TABLE ONLY t ADD CONSTRAINT p PRIMARY KEY (a), ADD CONSTRAINT c CHECK (a > 0);",
            "constraints",
            ("public.t.p",),
        ),
        (
            (
                b"CREATE TABLE t (a int CONSTRAINT u UNIQUE, b int PRIMARY KEY, CONSTRAINT ck CHECK (a > (1)),\n"
                b"CONSTRAINT f FOREIGN KEY (a) REFERENCES x);"
            ),
            "constraints",
            ("public.t.f", "public.t.u"),
        ),
        (b"CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;", "extensions", ("hstore",)),
        (
            b"CREATE TYPE b;\nCREATE TYPE b (INPUT = i, OUTPUT = o);\nCREATE TYPE m AS ENUM ('a;');\nCREATE DOMAIN d AS int;",
            "types",
            ("public.b", "public.d", "public.m"),
        ),
        (
            b'CREATE SCHEMA public;\nCREATE SCHEMA "a b";\nCREATE SCHEMA AUTHORIZATION joe;',
            "schemas",
            ('"a b"', "joe"),
        ),
        (b"SELECT pg_catalog.lo_create('12345');", "large_objects", ("12345",)),
        (b"CREATE POLICY p ON t USING (true);", "policies", ("public.t.p",)),
        (b"CREATE RULE r AS ON INSERT TO t DO NOTHING;", "rules", ("public.t.r",)),
    ],
)
def test_a_statement_makes_these_objects(text, kind, names):
    assert facts_of(text).objects.get(kind, ()) == names


def test_a_sequence_has_the_value_that_setval_gives_it():
    facts = facts_of(
        b"SELECT pg_catalog.setval('public.a', 42, true);\nSELECT setval('\"S x\".b', -7, false);\n"
    )
    assert facts.sequences == {"public.a": 42, '"S x".b': -7}


def test_names_in_function_bodies_and_comments_make_nothing():
    facts = facts_of(
        b"DO $$ CREATE TABLE x (); $$;\n-- CREATE TABLE y ();\nCOMMENT ON TABLE z IS 'CREATE TABLE q ();';\n"
    )
    assert facts.objects == {}
