import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.dump.changes import Changes
from python_backup.dump.facts import FactsCounter
from python_backup.dump.pick import Pick
from python_backup.dump.postgresql.dialect import DIALECT
from python_backup.errors import UsageError
from unit.dump.postgresql.dumps import pieces_of

DUMP = b"""SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
CREATE SCHEMA audit;
CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA ext;
CREATE TYPE public.mood AS ENUM ('good', 'bad');
ALTER TYPE public.mood OWNER TO joe;
CREATE TYPE public.unused AS ENUM ('x');
CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ begin return new; end $$;
CREATE TABLE public.customer (id integer NOT NULL, feels public.mood);
ALTER TABLE public.customer OWNER TO joe;
CREATE SEQUENCE public.customer_id_seq;
ALTER SEQUENCE public.customer_id_seq OWNED BY public.customer.id;
CREATE SEQUENCE public.shared;
CREATE TABLE public.purchase (id integer DEFAULT nextval('public.shared'::regclass), customer integer);
CREATE VIEW public.spent AS SELECT p.id FROM (public.purchase p JOIN public.customer c ON (true));
CREATE TABLE audit.log (id integer);
ALTER TABLE audit.log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME audit.log_id_seq START WITH 1);
ALTER TABLE ONLY public.customer ALTER COLUMN id SET DEFAULT nextval('public.customer_id_seq'::regclass);
COPY public.customer (id, feels) FROM stdin;
1\tgood
2\tbad
\\.
COPY public.purchase (id, customer) FROM stdin;
1\t1
\\.
COPY audit.log (id) FROM stdin;
7
\\.
SELECT pg_catalog.setval('public.customer_id_seq', 2, true);
SELECT pg_catalog.setval('public.shared', 1, true);
SELECT pg_catalog.setval('audit.log_id_seq', 7, true);
ALTER TABLE ONLY public.customer ADD CONSTRAINT customer_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.purchase ADD CONSTRAINT purchase_pkey PRIMARY KEY (id);
CREATE INDEX by_customer ON public.purchase USING btree (customer);
COMMENT ON INDEX public.by_customer IS 'public.customer';
COMMENT ON COLUMN public.customer.feels IS 'x';
CREATE TRIGGER t BEFORE INSERT ON public.purchase FOR EACH ROW EXECUTE FUNCTION public.stamp();
CREATE TRIGGER same BEFORE UPDATE ON public.purchase FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
ALTER TABLE ONLY public.purchase ADD CONSTRAINT to_customer FOREIGN KEY (customer) REFERENCES public.customer(id);
GRANT SELECT ON TABLE public.customer TO PUBLIC;
GRANT ALL ON public.purchase TO PUBLIC;
"""


def picked(text: bytes, pick: Pick, changes: Changes | None = None):
    picker = DIALECT.picker(pick, changes if changes is not None else Changes())
    pieces = list(picker.pick(pieces_of(text)))
    picker.finish()
    counter = FactsCounter(DIALECT.objects())
    for piece in pieces:
        counter.take(piece)
    return b"".join(p.text for p in pieces), counter.result()


def test_a_pick_of_all_is_the_dump_itself():
    assert picked(DUMP, Pick())[0] == DUMP


def test_a_table_comes_with_its_type_and_its_sequence():
    text, facts = picked(DUMP, Pick(tables=("customer",)))
    assert [(t.name, t.rows) for t in facts.tables] == [("public.customer", 2)]
    assert facts.objects == {
        "constraints": ("public.customer.customer_pkey",),
        "extensions": ("citext",),
        "sequences": ("public.customer_id_seq",),
        "tables": ("public.customer",),
        "types": ("public.mood",),
    }
    assert facts.sequences == {"public.customer_id_seq": 2}
    assert b"ALTER TYPE public.mood OWNER TO joe;" in text
    assert text.index(b"CREATE TYPE public.mood") < text.index(b"CREATE TABLE public.customer")
    assert b"GRANT SELECT ON TABLE public.customer" in text
    assert b"COMMENT ON COLUMN public.customer.feels" in text


def test_what_reaches_a_table_or_function_not_picked_is_left_out_and_named():
    changes = Changes()
    text, facts = picked(DUMP, Pick(tables=("purchase", "spent")), changes)
    assert facts.objects == {
        "constraints": ("public.purchase.purchase_pkey",),
        "extensions": ("citext",),
        "indexes": ("public.by_customer",),
        "sequences": ("public.shared",),
        "tables": ("public.purchase",),
        "triggers": ("public.purchase.same",),
    }
    assert changes.warnings == [
        "view public.spent was left out: it needs public.customer, which was not picked",
        "CREATE TRIGGER t of public.purchase was left out: it needs public.stamp, which was not picked",
        "constraint to_customer of public.purchase was left out: it needs public.customer, which was not picked",
    ]
    assert changes.counts["foreign key to a table not picked left out"] == 1
    assert b"COMMENT ON INDEX public.by_customer" in text
    assert b"GRANT ALL ON public.purchase" in text
    assert b"GRANT SELECT ON TABLE public.customer" not in text


def test_a_schema_comes_with_all_that_is_in_it():
    text, facts = picked(DUMP, Pick(schemas=("audit",)))
    assert facts.objects == {
        "extensions": ("citext",),
        "schemas": ("audit",),
        "sequences": ("audit.log_id_seq",),
        "tables": ("audit.log",),
    }
    assert facts.sequences == {"audit.log_id_seq": 7}
    assert text.index(b"CREATE SCHEMA audit") < text.index(b"CREATE TABLE audit.log")


def test_a_schema_and_a_table_are_both_to_fit():
    assert picked(DUMP, Pick(tables=("*",), schemas=("audit",)))[1].objects["tables"] == ("audit.log",)


def test_an_excluded_table_takes_with_it_only_what_needs_it():
    changes = Changes()
    _, facts = picked(DUMP, Pick(excluded=("customer",)), changes)
    assert facts.objects["routines"] == ("public.stamp",)
    assert facts.objects["sequences"] == ("audit.log_id_seq", "public.shared")
    assert facts.objects["tables"] == ("audit.log", "public.purchase")
    assert facts.objects["triggers"] == ("public.purchase.same", "public.purchase.t")
    assert "views" not in facts.objects
    assert len(changes.warnings) == 2


def test_definitions_only_have_neither_rows_nor_sequence_values():
    text, facts = picked(DUMP, Pick(schema_only=True))
    assert (facts.rows, facts.sequences) == (0, {})
    assert b"COPY" not in text
    assert len(facts.objects["tables"]) == 3


def test_rows_only_have_no_definitions_but_sequence_values():
    text, facts = picked(DUMP, Pick(data_only=True))
    assert (facts.rows, facts.objects) == (4, {})
    assert facts.sequences == {"audit.log_id_seq": 7, "public.customer_id_seq": 2, "public.shared": 1}
    assert text.startswith(b"SET client_encoding")


def test_a_partitioned_table_comes_with_its_partitions_but_for_those_excluded():
    text = b"""CREATE TABLE public.m (d date) PARTITION BY RANGE (d);
CREATE TABLE public.m1 (d date);
ALTER TABLE ONLY public.m ATTACH PARTITION public.m1 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE public.m2 (d date);
ALTER TABLE ONLY public.m ATTACH PARTITION public.m2 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
COPY public.m1 (d) FROM stdin;
2024-02-02
\\.
COPY public.m2 (d) FROM stdin;
2025-02-02
\\.
ALTER TABLE ONLY public.m ADD CONSTRAINT m_pkey PRIMARY KEY (d);
ALTER TABLE ONLY public.m1 ADD CONSTRAINT m1_pkey PRIMARY KEY (d);
ALTER TABLE ONLY public.m2 ADD CONSTRAINT m2_pkey PRIMARY KEY (d);
ALTER INDEX public.m_pkey ATTACH PARTITION public.m1_pkey;
ALTER INDEX public.m_pkey ATTACH PARTITION public.m2_pkey;
"""
    assert picked(text, Pick(tables=("m",)))[0] == text
    changes = Changes()
    got, facts = picked(text, Pick(tables=("m",), excluded=("m2",)), changes)
    assert [(t.name, t.rows) for t in facts.tables] == [("public.m", 0), ("public.m1", 1)]
    assert b"m2" not in got
    assert picked(text, Pick(tables=("m2",)))[1].objects["tables"] == ("public.m2",)


def test_large_objects_come_only_without_named_tables():
    text = b"""CREATE TABLE public.t (id integer);
SELECT pg_catalog.lo_create('16400');
ALTER LARGE OBJECT 16400 OWNER TO joe;
SELECT pg_catalog.lo_open('16400', 131072);
SELECT pg_catalog.lowrite(0, '\\x00');
SELECT pg_catalog.lo_close(0);
"""
    assert picked(text, Pick())[0] == text
    assert picked(text, Pick(tables=("t",)))[0] == b"CREATE TABLE public.t (id integer);\n"


def test_types_bring_the_types_they_name():
    text = b"""CREATE SCHEMA kinds;
CREATE DOMAIN kinds.amount AS numeric;
CREATE TYPE kinds.price AS (value kinds.amount);
CREATE TABLE public.t (cost kinds.price[]);
CREATE TABLE public.u (id integer);
"""
    assert picked(text, Pick(tables=("t",)))[0] == text.rpartition(b"CREATE")[0]
    assert picked(text, Pick(tables=("u",)))[0] == b"CREATE TABLE public.u (id integer);\n"


def test_a_pattern_without_a_table_is_refused_with_the_tables_there_are():
    with pytest.raises(UsageError, match="--table 'purchases'") as caught:
        picked(DUMP, Pick(tables=("purchases",)))
    assert caught.value.hint == "It holds tables: audit.log, public.customer, public.purchase, public.spent."
    with pytest.raises(UsageError, match="--schema 'nope'"):
        picked(DUMP, Pick(schemas=("nope",)))


def test_names_may_hold_anything():
    text = b"""CREATE TABLE public."a "".b c" (id integer);
COPY public."a "".b c" (id) FROM stdin;
1
\\.
CREATE TABLE public.d (id integer);
"""
    assert picked(text, Pick(tables=('a ".b c',)))[0] == text.rpartition(b"CREATE")[0]


def test_a_table_that_inherits_is_not_picked_without_its_parent():
    text = b"""CREATE TABLE public.p (id integer);
CREATE TABLE public.c (extra text) INHERITS (public.p);
"""
    with pytest.raises(UsageError, match=r"public\.c inherits from public\.p"):
        picked(text, Pick(tables=("c",)))
    assert picked(text, Pick(tables=("c", "p")))[0] == text


def test_a_multirange_brings_the_range_that_makes_it():
    text = b"""CREATE TYPE public.r AS RANGE (subtype = double precision, multirange_type_name = public.mr);
CREATE TABLE public.t (x public.mr);
"""
    assert picked(text, Pick(tables=("t",)))[0] == text


def test_what_is_said_of_a_trigger_left_out_is_left_out_too():
    text = b"""CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$ $$;
CREATE TABLE public.t (id integer);
CREATE TRIGGER tr BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f();
ALTER TABLE public.t DISABLE TRIGGER tr;
COMMENT ON TRIGGER tr ON public.t IS 'x';
"""
    assert picked(text, Pick(tables=("t",)))[0] == b"CREATE TABLE public.t (id integer);\n"


def test_a_function_of_an_excluded_tables_rows_is_left_out():
    text = b"""CREATE TABLE public.t (id integer);
CREATE FUNCTION public.f() RETURNS SETOF public.t LANGUAGE sql AS $$ select * from public.t $$;
ALTER FUNCTION public.f() OWNER TO joe;
CREATE FUNCTION public.g() RETURNS void LANGUAGE sql AS $$ delete from public.t $$;
"""
    changes = Changes()
    assert picked(text, Pick(excluded=("t",)), changes)[1].objects == {"routines": ("public.g",)}
    assert changes.warnings == ["function public.f was left out: it needs public.t, which was not picked"]


TABLES = ("audit.log", "public.customer", "public.purchase")


@given(st.sets(st.sampled_from(TABLES), min_size=1), st.booleans())
def test_whatever_is_picked_has_the_rows_and_digests_of_the_whole(wanted, exclude):
    others = tuple(t for t in TABLES if t not in wanted)
    pick = Pick(excluded=others) if exclude else Pick(tables=tuple(wanted))
    text, facts = picked(DUMP, pick)
    assert facts.tables == tuple(t for t in picked(DUMP, Pick())[1].tables if t.name in wanted)
    assert picked(text, pick if not exclude else Pick())[0] == text


BY_ROOT = b"""SELECT pg_catalog.set_config('search_path', '', false);
CREATE TABLE public.split (t text, m public.mood) PARTITION BY LIST (t);
CREATE TABLE public.plain (t text, m public.mood);
CREATE TABLE public.hashed (t text, m public.mood) PARTITION BY HASH (m);
CREATE TABLE public.hashed_all (t text, m public.mood);
ALTER TABLE ONLY public.split ATTACH PARTITION public.plain FOR VALUES IN ('plain');
ALTER TABLE ONLY public.split ATTACH PARTITION public.hashed DEFAULT;
ALTER TABLE ONLY public.hashed ATTACH PARTITION public.hashed_all FOR VALUES WITH (modulus 1, remainder 0);
CREATE TABLE public.other (t text);
COPY public.split (t, m) FROM stdin;
x\ta
\\.
COPY public.plain (t, m) FROM stdin;
plain\ta
\\.
COPY public.other (t) FROM stdin;
\\.
"""


@pytest.mark.parametrize("table", ["hashed_all", "hashed"])
@pytest.mark.parametrize("data_only", [False, True])
def test_a_partition_whose_rows_the_dump_gives_to_its_root_is_not_restored_empty(
    table: str, *, data_only: bool
) -> None:
    with pytest.raises(
        UsageError, match=f"rows of public.{table} stand with public.split, which is not picked"
    ) as error:
        picked(BY_ROOT, Pick((table,), data_only=data_only))
    assert "--table public.split" in str(error.value.hint)


def test_a_partition_with_rows_of_its_own_is_restored_alone_and_one_beside_its_root_as_well() -> None:
    _, facts = picked(BY_ROOT, Pick(("plain",)))
    assert {table.name: table.rows for table in facts.tables} == {"public.plain": 1}
    assert picked(BY_ROOT, Pick(("hashed_all",), schema_only=True))
    _, facts = picked(BY_ROOT, Pick(("split",)))
    assert facts.rows == 2
