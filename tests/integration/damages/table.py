"""The damages: what is done to a dump of the sample, and what the drill must name.

The copies have a manifest and a checksum that fit their bytes; the facts are the original's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from integration.damages.dump import Dump, in_row, swapped, with_rows, without_rows

CUSTOMER, PURCHASE, JOURNAL = "customer", "purchase", "journal"


@dataclass(frozen=True, slots=True)
class Edit:
    """One damage; ``names`` must stand in the drill's reason."""

    name: str
    names: str
    change: Callable[[Dump], Dump]


ROWS: tuple[Edit, ...] = (
    Edit("the first row is missing", CUSTOMER, lambda d: d.rows(CUSTOMER, without_rows(0))),
    Edit("a row amid others is missing", PURCHASE, lambda d: d.rows(PURCHASE, without_rows(2))),
    Edit("the last row is missing", JOURNAL, lambda d: d.rows(JOURNAL, without_rows(-1))),
    Edit("a table's data is missing", PURCHASE, lambda d: d.rows(PURCHASE, lambda _: [])),
    Edit("a row is there twice", JOURNAL, lambda d: d.rows(JOURNAL, with_rows(0, 1, 2, 3, 3))),
    Edit("a row with a key is there twice", PURCHASE, lambda d: d.rows(PURCHASE, with_rows(0, 1, 2, 3, 4, 5, 5))),
    Edit("one of two equal rows is missing", JOURNAL, lambda d: d.rows(JOURNAL, with_rows(0, 1, 3))),
    Edit("a row is there instead of another", JOURNAL, lambda d: d.rows(JOURNAL, with_rows(0, 1, 2, 1))),
    Edit("a row is new", JOURNAL, lambda d: d.rows(JOURNAL, lambda rows: [*rows, rows[0].replace(b"1", b"7")])),
    Edit("rows have each other's value", PURCHASE,
         lambda d: d.rows(PURCHASE, swapped((0, b"10.00"), (1, b"20.50")))),
    Edit("a text is changed", CUSTOMER, lambda d: d.replaced("Bob", "Rob")),
    Edit("a text's case is changed", CUSTOMER, lambda d: d.replaced("Bob", "bob")),
    Edit("white space around a text is gone", CUSTOMER, lambda d: d.replaced("  Carol  ", "Carol")),
    Edit("a text is cut", JOURNAL, lambda d: d.replaced("begun", "beg")),
    Edit("a digit is changed", PURCHASE, lambda d: d.replaced("30.25", "30.26")),
    Edit("a number is rounded", CUSTOMER, lambda d: d.replaced("12.345678", "12.350000")),
    Edit("a number has lost its sign", CUSTOMER, lambda d: d.replaced("-3.25", "3.25")),
    Edit("a small number is nought", CUSTOMER, lambda d: d.replaced("0.000001", "0.000000")),
    Edit("a large number has lost digits", CUSTOMER, lambda d: d.replaced("10000000000", "9999999999")),
    Edit("a date is another", CUSTOMER, lambda d: d.replaced("1999-12-31", "2000-01-01")),
    Edit("a moment is an hour later", CUSTOMER, lambda d: d.replaced("01:46:40", "02:46:40")),
    Edit("a number is NULL", CUSTOMER, lambda d: d.replaced("12.345678", d.null)),
    Edit("a text is NULL", CUSTOMER, lambda d: d.rows(CUSTOMER, in_row(4, d.cell("x"), d.cell(None)))),
    Edit("NULL is an empty text", CUSTOMER, lambda d: d.rows(CUSTOMER, in_row(0, d.cell(None), d.cell("")))),
    Edit("an empty text is NULL", CUSTOMER, lambda d: d.rows(CUSTOMER, in_row(1, d.cell(""), d.cell(None)))),
    Edit("a line end in a text is gone", CUSTOMER, lambda d: d.replaced(r"first\nsecond", "first second")),
    Edit("a letter was decoded wrongly", CUSTOMER, lambda d: d.replaced("Anna Œ", "Anna Å’")),
    Edit("letters are question marks", CUSTOMER, lambda d: d.replaced("日本", "??")),
    Edit("a letter is no UTF-8", CUSTOMER, lambda d: d.rows(CUSTOMER, in_row(0, "Œ", b"\x8c"))),
    Edit("it ends amid a row", CUSTOMER, lambda d: d.cut_behind("2.500000")),
    Edit("it ends amid a statement", "ends inside a statement", lambda d: d.cut_behind("ON DELETE CASC")),
    Edit("its second half is missing", PURCHASE, lambda d: d.cut_behind("ended" + d.row_end)),
)  # fmt: skip

POSTGRESQL: tuple[Edit, ...] = (
    Edit("bytes are changed", CUSTOMER, lambda d: d.replaced("00ff10", "00fe10")),
    Edit("true is false", CUSTOMER, lambda d: d.rows(CUSTOMER, in_row(0, "\tt\n", "\tf\n"))),
    Edit("rows of one table stand in another", JOURNAL,
         lambda d: d.edited("COPY public.journal .*? FROM", "COPY public.purchase (id, customer) FROM")),
    Edit("columns are swapped", PURCHASE, lambda d: d.replaced("(id, customer, total)", "(customer, id, total)")),
    Edit("a table is missing", "spare", lambda d: d.without("public.spare", 2)),
    Edit("a table is new", "extra", lambda d: d.edited("CREATE TABLE public.spare", "CREATE TABLE public.extra (id int);\n\\g<0>")),
    Edit("a table has another name", "spare", lambda d: d.everywhere("public.spare", "public.stock")),
    Edit("a column is new", "spare", lambda d: d.edited("(TABLE public.spare .*)id integer", r"\1id integer, more text")),
    Edit("a column is of another type", PURCHASE, lambda d: d.edited(r"(TABLE public.purchase.*)numeric\(10,2\)", r"\1numeric(12,4)")),
    Edit("a column may be NULL", JOURNAL, lambda d: d.edited(r"(TABLE public.journal.*at integer) NOT NULL", r"\1")),
    Edit("a column has another default", CUSTOMER, lambda d: d.edited("DEFAULT false", "DEFAULT true")),
    Edit("a column has no default", PURCHASE, lambda d: d.without("SET DEFAULT nextval")),
    Edit("a view is missing", "spent", lambda d: d.without("VIEW public.best", 2).without("CREATE VIEW public.spent")),
    Edit("a view says something else", "spent", lambda d: d.edited(r"(VIEW public.spent.*)sum\(", r"\1max(")),
    Edit("a materialized view is missing", "best", lambda d: d.without("(CREATE|REFRESH) MATERIALIZED VIEW", 2)),
    Edit("a materialized view is not filled", "best", lambda d: d.without("REFRESH MATERIALIZED VIEW")),
    Edit("a routine is missing", "gross", lambda d: d.without("FUNCTION public.gross")),
    Edit("a routine does something else", "gross", lambda d: d.edited(r"net \* 1\.19", "net * 1.16")),
    Edit("a routine has lost a property", "gross", lambda d: d.edited("LANGUAGE sql IMMUTABLE", "LANGUAGE sql")),
    Edit("a trigger is missing", "noted", lambda d: d.without("CREATE TRIGGER noted")),
    Edit("a trigger has another time", "noted", lambda d: d.edited("noted AFTER", "noted BEFORE")),
    Edit("an index is missing", "customer_born", lambda d: d.without("INDEX customer_born")),
    Edit("an index is of another column", "customer_born", lambda d: d.edited(r"btree \(born\)", "btree (rate)")),
    Edit("an index is not unique", "customer_name", lambda d: d.edited("CREATE UNIQUE INDEX", "CREATE INDEX")),
    Edit("a primary key is missing", "purchase_pkey", lambda d: d.without("CONSTRAINT purchase_pkey")),
    Edit("a foreign key is missing", "purchase_of", lambda d: d.without("CONSTRAINT purchase_of")),
    Edit("a foreign key does something else", "purchase_of", lambda d: d.edited("ON DELETE CASCADE", "ON DELETE RESTRICT")),
    Edit("a check is missing", PURCHASE, lambda d: d.edited(r",\s+CONSTRAINT purchase_total CHECK \(\(total >= \(0\)::numeric\)\)", "")),
    Edit("a check is another", PURCHASE, lambda d: d.edited("total >= ", "total >= 0 OR total > ")),
    Edit("a sequence is missing", "ticket", lambda d: d.without("CREATE SEQUENCE public.ticket").without("setval.*ticket")),
    Edit("a sequence has no value", "ticket", lambda d: d.without("setval.*ticket")),
    Edit("a sequence is at another value", "ticket", lambda d: d.edited("ticket', 1000", "ticket', 999999")),
    Edit("a sequence was not asked yet", "ticket", lambda d: d.edited("ticket', 1000, true", "ticket', 1000, false")),
    Edit("a sequence goes another way", "ticket", lambda d: d.edited("(ticket.*)INCREMENT BY 1", r"\1INCREMENT BY 5")),
    Edit("a type is missing", "mood", lambda d: d.without("CREATE TYPE public.mood")),
    Edit("a type lacks a value", "mood", lambda d: d.edited(r"'sad',\s+", "")),
    Edit("a domain allows more", "percentage", lambda d: d.edited("VALUE <= 100", "VALUE <= 1000")),
    Edit("a schema is missing", "archive", lambda d: d.everywhere("archive.old", "public.old").without("CREATE SCHEMA archive")),
    Edit("a policy is missing", "mine", lambda d: d.without("CREATE POLICY")),
    Edit("a policy lets more through", "mine", lambda d: d.edited("at > 0", "true")),
    Edit("row security is off", JOURNAL, lambda d: d.without("ENABLE ROW LEVEL SECURITY")),
    Edit("a comment is gone", JOURNAL, lambda d: d.without("COMMENT ON TABLE public.journal")),
    Edit("a comment is another", JOURNAL, lambda d: d.edited("what happened", "what happened once")),
    Edit("the texts are said to be of another encoding", CUSTOMER, lambda d: d.everywhere("client_encoding = 'UTF8'", "client_encoding = 'LATIN1'")),
    Edit("the moments are said to be of another zone", CUSTOMER, lambda d: d.everywhere(":00+00\t", ":00+05\t")),
    Edit("a table is emptied behind its data", JOURNAL, lambda d: d.edited("ENABLE ROW LEVEL SECURITY", r"\g<0>;\nDELETE FROM public.journal WHERE at = 1")),
)  # fmt: skip

MYSQL: tuple[Edit, ...] = (
    Edit("bytes are changed", CUSTOMER, lambda d: d.rows(CUSTOMER, in_row(0, b"\xff\x10", b"\xfe\x10"))),
    Edit("true is false", CUSTOMER, lambda d: d.rows(CUSTOMER, in_row(0, ",1)", ",0)"))),
    Edit("rows of one table stand in another", JOURNAL, lambda d: d.edited("INSERT INTO `journal`", "INSERT INTO `purchase` (`id`, `customer`)")),
    Edit("columns are swapped", PURCHASE, lambda d: d.edited("INSERT INTO `purchase`", "INSERT INTO `purchase` (`customer`, `id`, `total`)")),
    Edit("a table is missing", "spare", lambda d: d.without("TABLES? .*`spare`", 5)),
    Edit("a table is new", "extra", lambda d: d.edited("CREATE TABLE `spare`", "CREATE TABLE `extra` (id int);\n\\g<0>")),
    Edit("a table has another name", "spare", lambda d: d.everywhere("`spare`", "`stock`")),
    Edit("a column is new", "spare", lambda d: d.edited("(CREATE TABLE `spare` .*)DEFAULT NULL", r"\1DEFAULT NULL, `more` text")),
    Edit("a column is of another type", PURCHASE, lambda d: d.edited(r"(CREATE TABLE `purchase`.*)decimal\(10,2\)", r"\1decimal(12,4)")),
    Edit("a column may be NULL", JOURNAL, lambda d: d.edited("(CREATE TABLE `journal`.*at` int[^ ]*) NOT NULL", r"\1")),
    Edit("a column has another default", CUSTOMER, lambda d: d.edited(r"(paid` tinyint\(1\) DEFAULT) '?0'?", r"\1 1")),
    Edit("a column has no more numbers of its own", PURCHASE, lambda d: d.edited(" NOT NULL AUTO_INCREMENT", " NOT NULL")),
    Edit("a table is of another engine", JOURNAL, lambda d: d.edited("(CREATE TABLE `journal`.*ENGINE=)InnoDB", r"\1MyISAM")),
    Edit("a table is of another character set", JOURNAL, lambda d: d.edited("(CREATE TABLE `journal`.*CHARSET=)utf8mb4 COLLATE=[a-z0-9_]+", r"\1latin1")),
    Edit("a view is missing", "spent", lambda d: d.without("VIEW `spent` AS", 2)),
    Edit("a view is but its stand-in", "spent", lambda d: d.without("VIEW `spent` AS select")),
    Edit("a view says something else", "spent", lambda d: d.edited(r"(VIEW `spent` AS select.*)sum\(", r"\1max(")),
    Edit("a view is run by another", "spent", lambda d: d.edited("SQL SECURITY DEFINER(.*VIEW `spent`)", r"SQL SECURITY INVOKER\1")),
    Edit("a routine is missing", "gross", lambda d: d.without("CREATE .*FUNCTION `gross`")),
    Edit("a routine does something else", "gross", lambda d: d.edited(r"net \* 1\.19", "net * 1.16")),
    Edit("a routine has lost a property", "gross", lambda d: d.edited(r"DETERMINISTIC", "NOT DETERMINISTIC READS SQL DATA")),
    Edit("a procedure does more", "forget", lambda d: d.edited("(DELETE FROM journal WHERE at) = which", r"\1 >= which")),
    Edit("a trigger is missing", "noted", lambda d: d.without("TRIGGER `?noted`?")),
    Edit("a trigger has another time", "noted", lambda d: d.edited("(noted`?) AFTER", r"\1 BEFORE")),
    Edit("a trigger does something else", "noted", lambda d: d.edited("'sold'", "'lost'")),
    Edit("an event is missing", "tidy", lambda d: d.without("EVENT `?tidy`? ON")),
    Edit("an event is off", "tidy", lambda d: d.edited("(tidy.*) ENABLE DO", r"\1 DISABLE DO")),
    Edit("an event does more", "tidy", lambda d: d.edited("at < 0", "at < 9")),
    Edit("an index is missing", "customer_born", lambda d: d.edited(r",\s+KEY `customer_born` \(`born`\)", "")),
    Edit("an index is of another column", CUSTOMER, lambda d: d.edited(r"(`customer_born` \()`born`", r"\1`rate`")),
    Edit("an index is not unique", CUSTOMER, lambda d: d.edited("UNIQUE KEY `customer_name`", "KEY `customer_name`")),
    Edit("a primary key is missing", CUSTOMER, lambda d: d.edited(r"(CREATE TABLE `customer`.*)PRIMARY KEY \(`id`\)", r"\1KEY `only` (`id`)")),
    Edit("a foreign key is missing", "purchase_of", lambda d: d.edited(r",\s+CONSTRAINT `purchase_of`[^,]*CASCADE", "")),
    Edit("a foreign key does something else", PURCHASE, lambda d: d.edited("ON DELETE CASCADE", "ON DELETE RESTRICT")),
    Edit("a check is missing", "purchase_total", lambda d: d.edited(r",\s+CONSTRAINT `purchase_total` CHECK \(+`total` >= 0\)+", "")),
    Edit("a check is another", PURCHASE, lambda d: d.edited("`total` >= 0", "`total` >= -1")),
    Edit("a comment is gone", JOURNAL, lambda d: d.edited(" COMMENT='what happened'", "")),
    Edit("a comment is another", JOURNAL, lambda d: d.edited("what happened", "what happened once")),
    Edit("the texts are said to be of another encoding", CUSTOMER, lambda d: d.edited("SET NAMES utf8mb4", "SET NAMES latin1")),
    Edit("the moments are said to be of another zone", CUSTOMER, lambda d: d.edited(r"TIME_ZONE='\+00:00'", "TIME_ZONE='+05:00'")),
    Edit("texts are written with other rules", "ends inside a statement", lambda d: d.edited("SQL_MODE='NO_AUTO_VALUE_ON_ZERO'", "SQL_MODE='NO_BACKSLASH_ESCAPES'")),
    Edit("a table is emptied behind its data", JOURNAL, lambda d: d.edited("^CREATE TABLE `purchase`", r"DELETE FROM `journal` WHERE `at` = 1;\n\g<0>")),
)  # fmt: skip
