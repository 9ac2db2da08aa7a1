"""What a dump of one PostgreSQL needs on another, and who owns what it makes."""

from __future__ import annotations

import pytest

from python_backup.dump.changes import Changes
from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.postgresql.bridging import PostgreSQLBridge
from python_backup.dump.postgresql.rewriter import Target
from unit.dump.postgresql.dumps import pieces_of, rewritten

OWNED = b"""CREATE SCHEMA s AUTHORIZATION joe;
ALTER TABLE public.t OWNER TO joe;
SET SESSION AUTHORIZATION 'joe';
ALTER DEFAULT PRIVILEGES FOR ROLE joe IN SCHEMA s GRANT SELECT ON TABLES TO PUBLIC;
ALTER TABLE t RENAME COLUMN owner TO joe;
COMMENT ON TABLE t IS 'OWNER TO joe';
"""


def test_everything_is_given_to_the_chosen_owner():
    changes = Changes()
    assert rewritten(OWNED, roles=("a b", "joe"), choices=Choices(owner="a b"), changes=changes) == (
        b"""CREATE SCHEMA s AUTHORIZATION "a b";
ALTER TABLE public.t OWNER TO "a b";
ALTER DEFAULT PRIVILEGES FOR ROLE "a b" IN SCHEMA s GRANT SELECT ON TABLES TO PUBLIC;
ALTER TABLE t RENAME COLUMN owner TO joe;
COMMENT ON TABLE t IS 'OWNER TO joe';
"""
    )
    assert changes.counts == {"owner replaced": 3, "SET SESSION AUTHORIZATION left out": 1}


def test_an_owner_that_cannot_be_used_is_told_before_anything_is_made():
    target = Target("copy", 150018, bool, frozenset(("joe",)), frozenset(("joe",)))
    (reason,) = PostgreSQLBridge().unbridgeable(target, Choices(owner="nobody"))
    assert reason.startswith(
        "role 'nobody' cannot own what the dump makes: create it, or GRANT \"nobody\" TO"
    )
    assert PostgreSQLBridge().unbridgeable(target, Choices(owner="joe")) == ()


def test_rights_are_left_out_when_nobody_wants_them():
    changes = Changes()
    dump = b"GRANT ALL ON TABLE t TO joe;\nREVOKE ALL ON DATABASE x FROM PUBLIC;\nALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO joe;\nALTER TABLE t OWNER TO joe;\n"
    assert rewritten(dump, roles=("joe",), choices=Choices(no_acl=True), changes=changes) == (
        b"ALTER TABLE t OWNER TO joe;\n"
    )
    assert changes.counts == {
        "GRANT left out": 1,
        "REVOKE left out": 1,
        "ALTER DEFAULT PRIVILEGES left out": 1,
    }


BRIDGED = [
    (130000, b"CREATE TYPE r AS RANGE (\n    subtype = int,\n    multirange_type_name = public.m\n);", b"CREATE TYPE r AS RANGE (\n    subtype = int\n);"),
    (130000, b"CREATE TYPE r AS RANGE (subtype = int, multirange_type_name = m, collation = x);", b"CREATE TYPE r AS RANGE (subtype = int, collation = x);"),
    (130000, b"ALTER TABLE ONLY t ALTER COLUMN c SET COMPRESSION lz4;", b""),
    (130000, b"SELECT * FROM pg_catalog.pg_restore_relation_stats('a', 'b');", b""),
    (130000, b"GRANT SELECT,MAINTAIN ON TABLE t TO PUBLIC;", b"GRANT SELECT ON TABLE t TO PUBLIC;"),
    (160000, b"GRANT MAINTAIN ON TABLE t TO PUBLIC;", b""),
    (160000, b"ALTER DEFAULT PRIVILEGES GRANT MAINTAIN ON TABLES TO PUBLIC;", b""),
    (130000, b"GRANT MAINTAIN,SELECT ON TABLE t TO PUBLIC;", b"GRANT SELECT ON TABLE t TO PUBLIC;"),
]  # fmt: skip


@pytest.mark.parametrize(("version", "before", "after"), BRIDGED)
def test_words_that_an_older_server_can_be_without_are_left_out(version, before, after):
    changes = Changes()
    assert rewritten(before, version=version, changes=changes) == after
    assert sum(changes.counts.values()) == 1
    assert rewritten(before, version=180000) == before


LACKING = [
    (170000, b"CREATE TABLE t (a int, b int GENERATED ALWAYS AS ((a * 2)));", "a virtual generated column"),
    (130000, b"CREATE TABLE t (a int, b int GENERATED ALWAYS AS ((a * 2)) STORED);", None),
    (180000, b"CREATE TABLE t (a int, b int GENERATED ALWAYS AS ((a * 2)));", None),
    (170000, b"ALTER TABLE ONLY t ADD CONSTRAINT c CHECK ((a > 0)) NOT ENFORCED;", "a constraint that is not enforced"),
    (170000, b"ALTER TABLE ONLY t ADD CONSTRAINT k PRIMARY KEY (a, p WITHOUT OVERLAPS);", "a key WITHOUT OVERLAPS"),
    (170000, b"ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID;", "a NOT NULL constraint with a name"),
    (160000, b"CREATE COLLATION c (provider = builtin, locale = 'C');", "a COLLATION of the builtin provider"),
    (140000, b"CREATE UNIQUE INDEX i ON t USING btree (a) NULLS NOT DISTINCT;", "NULLS NOT DISTINCT"),
    (140000, b"ALTER PUBLICATION p ADD TABLES IN SCHEMA s;", "a publication of schemas"),
    (140000, b"CREATE VIEW v WITH (security_invoker='true') AS SELECT 1;", "a view with its reader's rights"),
    (130000, b"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;", "a function with an atomic body"),
    (130000, b"CREATE STATISTICS s ON lower(a) FROM t;", "statistics of an expression"),
    (130000, b"CREATE STATISTICS s (dependencies) ON a, b FROM t;", None),
    (140000, b"CREATE OPERATOR ! (FUNCTION = f, LEFTARG = bigint);", "an operator behind its operand"),
    (130000, b"CREATE OPERATOR ! (FUNCTION = f, LEFTARG = bigint);", None),
    (130000, b"COMMENT ON TABLE t IS 'NULLS NOT DISTINCT';", None),
    (130000, b"CREATE TABLE t (a text DEFAULT 'NULLS NOT DISTINCT');", None),
]  # fmt: skip


@pytest.mark.parametrize(("version", "dump", "why"), LACKING)
def test_what_the_target_has_nothing_like_is_named_with_its_line(version, dump, why):
    bridge = PostgreSQLBridge()
    for piece in pieces_of(b"SELECT 1;\n" + dump + b"\n"):
        bridge.take(piece)
    expected = (f"line 2: {why}: PostgreSQL {version // 10000} has nothing of that kind",) if why else ()
    assert (
        bridge.unbridgeable(Target("copy", version, bool, frozenset(), frozenset()), AS_THE_DUMP) == expected
    )
