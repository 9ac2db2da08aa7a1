"""A small database with one of each thing that a damage can be done to, for both families."""

from __future__ import annotations

from contextlib import closing

from support import databases
from support.servers import RunningServer

COLUMNS = ("id", "name", "born", "rate", "weight", "photo", "note", "placed", "paid")

_TABLES = """
CREATE TABLE customer (
  id INT PRIMARY KEY, name VARCHAR(60) NOT NULL, born DATE, rate DECIMAL(12, 6), weight {double}, photo {bytes},
  note TEXT, placed {moment}, paid BOOLEAN DEFAULT FALSE)
---
CREATE TABLE purchase (
  id {serial}, customer INT NOT NULL, total DECIMAL(10, 2) DEFAULT 0,
  CONSTRAINT purchase_total CHECK (total >= 0),
  CONSTRAINT purchase_of FOREIGN KEY (customer) REFERENCES customer (id) ON DELETE CASCADE)
---
CREATE TABLE journal (at INT NOT NULL, what VARCHAR(40))
---
CREATE TABLE spare (id INT)
---
CREATE INDEX customer_born ON customer (born)
---
CREATE UNIQUE INDEX customer_name ON customer (name)
---
CREATE VIEW spent AS SELECT c.name, SUM(p.total) AS total FROM customer c JOIN purchase p ON p.customer = c.id GROUP BY c.name
---
INSERT INTO customer VALUES
  (1, 'Anna Œ', '1970-02-28', 12.345678, 0.1, {photo}, NULL, '2025-03-30 01:30:00', TRUE),
  (2, 'Bob', '1999-12-31', 2.5, 10000000000, NULL, '', '2025-06-01 12:00:00', FALSE),
  (3, '  Carol  ', '1980-01-01', 0.000001, -3.25, NULL, 'first
second', '2024-02-29 23:59:59', TRUE),
  (4, '日本', NULL, NULL, NULL, NULL, 'a tab	here', NULL, NULL),
  (5, 'Eve''); DROP TABLE journal; --', '2001-09-09', 99.99, 0, NULL, 'x', '2001-09-09 01:46:40', FALSE)
---
INSERT INTO purchase (customer, total) VALUES (1, 10.00), (1, 20.50), (2, 30.25), (3, 0), (4, 99999.99), (5, 7)
---
INSERT INTO journal VALUES (1, 'begun'), (2, 'gone on'), (2, 'gone on'), (3, 'ended')
"""
_WORDS = {
    "mysql": {
        "bytes": "BLOB", "double": "DOUBLE", "serial": "INT AUTO_INCREMENT PRIMARY KEY", "moment": "TIMESTAMP NULL",
        "photo": "x'00FF10'",
    },
    "postgresql": {
        "bytes": "bytea", "double": "double precision", "serial": "serial PRIMARY KEY", "moment": "timestamptz",
        "photo": r"'\x00ff10'",
    },
}  # fmt: skip
_OTHERS = {
    "mysql": (
        "ALTER TABLE journal COMMENT 'what happened'",
        "CREATE FUNCTION gross(net DECIMAL(12, 4)) RETURNS DECIMAL(12, 4) DETERMINISTIC RETURN net * 1.19",
        "CREATE PROCEDURE forget(IN which INT) DELETE FROM journal WHERE at = which",
        "CREATE TRIGGER noted AFTER INSERT ON purchase FOR EACH ROW INSERT INTO journal VALUES (9, 'sold')",
        "CREATE EVENT tidy ON SCHEDULE EVERY 1 DAY DO DELETE FROM journal WHERE at < 0",
        "CREATE EVENT once ON SCHEDULE AT '2099-01-01 00:00:00' ON COMPLETION PRESERVE DO DELETE FROM journal",
        (
            "CREATE TABLE goods (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, code VARCHAR(20) COLLATE utf8mb4_bin"
            " COMMENT 'of the maker', net INT, gross INT GENERATED ALWAYS AS (net * 2) STORED, seen TIMESTAMP NOT NULL"
            " DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, KEY goods_code (code(7))) ROW_FORMAT=DYNAMIC"
        ),
        "INSERT INTO goods (id, code, net, seen) VALUES (1, 'a', 10, '2025-01-01'), (900, 'b', 20, '2025-01-01')",
        "DELETE FROM goods WHERE id = 900",
        "CREATE TRIGGER first_of BEFORE INSERT ON goods FOR EACH ROW SET NEW.code = CONCAT(NEW.code, '1')",
        "CREATE TRIGGER second_of BEFORE INSERT ON goods FOR EACH ROW SET NEW.code = CONCAT(NEW.code, '2')",
        "CREATE PROCEDURE counted(OUT n INT) READS SQL DATA SQL SECURITY INVOKER COMMENT 'goods' SELECT COUNT(*) INTO n FROM goods",
        "CREATE VIEW cheap AS SELECT id, net FROM goods WHERE net < 50 WITH CASCADED CHECK OPTION",
        (
            "CREATE TABLE measured (day INT NOT NULL, value INT) PARTITION BY RANGE (day)"
            " (PARTITION early VALUES LESS THAN (10), PARTITION late VALUES LESS THAN (20))"
        ),
        "INSERT INTO measured VALUES (1, 1), (11, 2)",
    ),
    "postgresql": (
        "COMMENT ON TABLE journal IS 'what happened'",
        "CREATE FUNCTION gross(net numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT net * 1.19'",
        (
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO public.journal VALUES (9, 'sold'); RETURN NEW; END $$"
        ),
        "CREATE TRIGGER noted AFTER INSERT ON purchase FOR EACH ROW EXECUTE FUNCTION note()",
        "CREATE MATERIALIZED VIEW best AS SELECT * FROM spent WHERE total > 10",
        "CREATE SEQUENCE ticket START 1000",
        "SELECT nextval('ticket')",
        "CREATE TYPE mood AS ENUM ('sad', 'glad')",
        "CREATE DOMAIN percentage AS int CHECK (VALUE BETWEEN 0 AND 100)",
        "CREATE SCHEMA archive",
        "CREATE TABLE archive.old (id int PRIMARY KEY)",
        "INSERT INTO archive.old VALUES (1), (2)",
        "ALTER TABLE journal ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY mine ON journal USING (at > 0)",
        (
            "CREATE TABLE goods (id int GENERATED ALWAYS AS IDENTITY (INCREMENT BY 3) PRIMARY KEY,"
            ' code varchar(20) COLLATE "C", net int, gross int GENERATED ALWAYS AS (net * 2) STORED,'
            " made date DEFAULT CURRENT_DATE, UNIQUE (code) DEFERRABLE INITIALLY DEFERRED) WITH (fillfactor = 70)"
        ),
        "INSERT INTO goods (code, net) VALUES ('a', 10), ('b', 20)",
        "ALTER TABLE goods ADD CONSTRAINT goods_net CHECK (net > 0) NOT VALID",
        "COMMENT ON COLUMN goods.code IS 'of the maker'",
        "ALTER TABLE goods ALTER COLUMN code SET STATISTICS 500",
        "ALTER TABLE goods ALTER COLUMN code SET STORAGE EXTERNAL",
        "ALTER TABLE goods REPLICA IDENTITY FULL",
        "CREATE INDEX goods_like ON goods (code varchar_pattern_ops) WHERE net > 5",
        "ALTER TABLE goods CLUSTER ON goods_pkey",
        "CREATE STATISTICS goods_both (dependencies) ON code, net FROM goods",
        "CREATE TRIGGER quiet BEFORE UPDATE ON goods FOR EACH ROW WHEN (OLD.net > 1) EXECUTE FUNCTION note()",
        "ALTER TABLE goods DISABLE TRIGGER quiet",
        "CREATE RULE kept AS ON DELETE TO goods DO INSTEAD NOTHING",
        "ALTER TABLE goods ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE goods FORCE ROW LEVEL SECURITY",
        "CREATE FUNCTION trusted(n int DEFAULT 1) RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'SELECT n'",
        "CREATE VIEW cheap WITH (security_barrier) AS SELECT id, net FROM goods WHERE net < 50 WITH CASCADED CHECK OPTION",
        "CREATE TABLE measured (day int NOT NULL, value int) PARTITION BY RANGE (day)",
        "CREATE TABLE measured_1 PARTITION OF measured FOR VALUES FROM (0) TO (10)",
        "CREATE TABLE measured_2 PARTITION OF measured FOR VALUES FROM (10) TO (20)",
        "INSERT INTO measured VALUES (1, 1), (11, 2)",
        "CREATE UNLOGGED TABLE scratched (id int)",
        "CREATE TYPE pair AS (a int, b text)",
        "CREATE PUBLICATION news FOR TABLE goods WITH (publish = 'insert')",
    ),
}


def build(server: RunningServer, database: str) -> None:
    """Fills an empty database."""
    with closing(databases.connection(server, database)) as link, link.cursor() as cursor:
        if server.family == "mysql":
            cursor.execute("SET time_zone = '+00:00'")
        else:
            cursor.execute("SET timezone = 'UTC'")
        for statement in _TABLES.format(**_WORDS[server.family]).split("---\n"):
            cursor.execute(statement)
        for statement in _OTHERS[server.family]:
            cursor.execute(statement)
