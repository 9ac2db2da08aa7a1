import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.dump.changes import Changes
from python_backup.dump.facts import FactsCounter
from python_backup.dump.mysql.dialect import DIALECT
from python_backup.dump.pick import Pick
from python_backup.errors import UsageError

DUMP = b"""-- MySQL dump 10.13
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
DROP TABLE IF EXISTS `customer`;
CREATE TABLE `customer` (
  `id` int NOT NULL,
  PRIMARY KEY (`id`)
);
LOCK TABLES `customer` WRITE;
/*!40000 ALTER TABLE `customer` DISABLE KEYS */;
INSERT INTO `customer` VALUES (1),(2);
/*!40000 ALTER TABLE `customer` ENABLE KEYS */;
UNLOCK TABLES;
DROP TABLE IF EXISTS `purchase`;
CREATE TABLE `purchase` (
  `id` int NOT NULL,
  `customer` int,
  `boss` int,
  PRIMARY KEY (`id`),
  KEY `c` (`customer`),
  CONSTRAINT `to_customer` FOREIGN KEY (`customer`) REFERENCES `customer` (`id`),
  CONSTRAINT `to_boss` FOREIGN KEY (`boss`) REFERENCES `purchase` (`id`)
);
INSERT INTO `purchase` VALUES (1,1,NULL),(2,2,1),(3,1,1);
/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER `tr` BEFORE INSERT ON `purchase` FOR EACH ROW SET NEW.id = 1 */;
/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER `tc` BEFORE INSERT ON `customer` FOR EACH ROW SET NEW.id = 1 */;
/*!50001 CREATE VIEW `v` AS SELECT 1 AS `id`*/;
/*!50106 CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY DO DELETE FROM purchase */;
CREATE FUNCTION `f`() RETURNS int RETURN 1;
/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 CREATE ALGORITHM=UNDEFINED VIEW `v` AS select `purchase`.`id` from (`purchase` join `customer` on(1)) */;
-- Dump completed
"""


def picked(text: bytes, pick: Pick, changes: Changes | None = None):
    lexer, picker = DIALECT.lexer(), DIALECT.picker(pick, changes if changes is not None else Changes())
    pieces = list(picker.pick([*lexer.feed(text), *lexer.finish()]))
    picker.finish()
    counter = FactsCounter(DIALECT.objects())
    for piece in pieces:
        counter.take(piece)
    return b"".join(p.text for p in pieces), counter.result()


def test_a_pick_of_all_is_the_dump_itself():
    assert picked(DUMP, Pick())[0] == DUMP
    assert picked(DUMP.replace(b"CREATE FUNCTION `f`() RETURNS int RETURN 1;\n", b""), Pick())[0]


def test_a_table_comes_with_its_keys_triggers_and_rows_and_without_keys_to_others():
    changes = Changes()
    text, facts = picked(DUMP, Pick(tables=("purchase",)), changes)
    assert [(t.name, t.rows) for t in facts.tables] == [("purchase", 3)]
    assert facts.objects == {
        "constraints": ("purchase.to_boss",),
        "indexes": ("purchase.PRIMARY", "purchase.c", "purchase.to_boss"),
        "tables": ("purchase",),
        "triggers": ("tr",),
    }
    assert b"KEY `c` (`customer`),\n  CONSTRAINT `to_boss`" in text
    assert b"UNIQUE_CHECKS=0" in text
    assert changes.warnings == [
        "foreign key purchase.to_customer was left out: its table was not picked",
    ]
    assert changes.counts["data of a table not picked"] == 1


@pytest.mark.parametrize("last", [True, False])
def test_a_cut_key_leaves_no_comma_behind(last):
    own = b"CONSTRAINT `a` FOREIGN KEY (`x`) REFERENCES `t` (`id`)"
    other = b"CONSTRAINT `b` FOREIGN KEY (`x`, `y`) REFERENCES `gone` (`id`, `j`) ON DELETE SET NULL"
    keys = [own, other] if last else [other, own]
    text = (
        b"CREATE TABLE `gone` (`id` int);\nCREATE TABLE `t` (\n" + b",\n".join(keys) + b"\n) ENGINE=InnoDB;\n"
    )
    assert (
        picked(text, Pick(tables=("t",)))[0].split()
        == (b"CREATE TABLE `t` (\n" + own + b"\n) ENGINE=InnoDB;\n").split()
    )


def test_all_keys_of_an_alter_may_go_and_it_with_them():
    text = b"""CREATE TABLE t (id int);
CREATE TABLE gone (id int);
ALTER TABLE t ADD CONSTRAINT a FOREIGN KEY (id) REFERENCES gone (id), ADD CONSTRAINT b FOREIGN KEY (id) REFERENCES gone (id);
ALTER TABLE t ADD PRIMARY KEY (id), ADD CONSTRAINT a FOREIGN KEY (id) REFERENCES gone (id);
"""
    assert picked(text, Pick(excluded=("gone",)))[0] == (
        b"CREATE TABLE t (id int);\nALTER TABLE t ADD PRIMARY KEY (id);\n"
    )


def test_without_a_table_its_view_is_left_out_and_the_rest_stays():
    changes = Changes()
    _, facts = picked(DUMP, Pick(excluded=("customer",)), changes)
    assert facts.objects["events"] == ("e",)
    assert facts.objects["routines"] == ("f",)
    assert facts.objects["triggers"] == ("tr",)
    assert "views" not in facts.objects
    assert "view v was left out: it needs customer, which was not picked" in changes.warnings


def test_definitions_only_have_no_rows_and_rows_only_no_definitions():
    definitions, facts = picked(DUMP, Pick(schema_only=True))
    assert facts.rows == 0
    assert b"LOCK" not in definitions
    assert b"KEYS" not in definitions
    rows, facts = picked(DUMP, Pick(data_only=True))
    assert facts.rows == 5
    assert facts.objects == {}
    assert b"CREATE" not in rows
    assert b"LOCK TABLES `customer` WRITE" in rows


def test_a_sequence_comes_with_the_default_that_names_it():
    text = b"""CREATE SEQUENCE `s` start with 1;
DO SETVAL(`s`, 5, 0);
CREATE SEQUENCE `other` start with 1;
CREATE TABLE `t` (`id` bigint DEFAULT nextval(`shop`.`s`));
CREATE TABLE `u` (`id` bigint);
"""
    assert picked(text, Pick(tables=("t",)))[0] == (
        b"CREATE SEQUENCE `s` start with 1;\nDO SETVAL(`s`, 5, 0);\n"
        b"CREATE TABLE `t` (`id` bigint DEFAULT nextval(`shop`.`s`));\n"
    )


def test_schemas_are_refused():
    with pytest.raises(UsageError, match="PostgreSQL"):
        DIALECT.picker(Pick(schemas=("a",)), Changes())


def test_a_pattern_without_a_table_is_refused_with_the_tables_there_are():
    with pytest.raises(UsageError, match="--table 'purchases'") as caught:
        picked(DUMP, Pick(tables=("purchases",)))
    assert caught.value.hint == "It holds tables: customer, purchase, v."


def test_names_may_hold_anything():
    text = b"CREATE TABLE `a``b.c` (id int);\nINSERT INTO `a``b.c` VALUES (1);\nCREATE TABLE `d` (id int);\n"
    assert picked(text, Pick(tables=("a`b.c",)))[0] == text.rpartition(b"CREATE")[0]


@given(st.sets(st.sampled_from(["customer", "purchase"]), min_size=1), st.integers(1, 200))
def test_whatever_is_picked_has_the_rows_and_digests_of_the_whole(wanted, size):
    lexer, picker = DIALECT.lexer(), DIALECT.picker(Pick(tables=tuple(wanted)), Changes())
    counter = FactsCounter(DIALECT.objects())
    for at in range(0, len(DUMP), size):
        for piece in picker.pick(lexer.feed(DUMP[at : at + size])):
            counter.take(piece)
    for piece in picker.pick(lexer.finish()):
        counter.take(piece)
    whole = picked(DUMP, Pick())[1]
    assert counter.result().tables == tuple(t for t in whole.tables if t.name in wanted)
