from python_backup.dump.postgresql.columns import columns_of, listed_columns
from python_backup.dump.postgresql.cursor import Cursor


def test_columns_are_those_of_the_table_in_its_order():
    sql = b"""CREATE UNLOGGED TABLE public."t x" (
  a integer DEFAULT (1 + (2)) NOT NULL, "select" numeric(10,2), "b""c" text DEFAULT 'x, (y'::text,
  d integer GENERATED ALWAYS AS ((a * 2)) STORED,
  CONSTRAINT "check" CHECK ((a > 0)), PRIMARY KEY (a, "select")
) PARTITION BY RANGE (a, d)"""
    assert columns_of(Cursor(sql)) == (("public", "t x"), ("a", "select", 'b"c', "d"))
    assert columns_of(Cursor(b"CREATE TABLE t ()")) == (("t",), ())
    assert columns_of(Cursor(b"CREATE VIEW v AS SELECT 1")) is None


def test_a_list_of_columns_is_stepped_over():
    at = Cursor(b'(a, "B c") FROM stdin')
    assert listed_columns(at) == ("a", "B c")
    assert at.sees("from")
