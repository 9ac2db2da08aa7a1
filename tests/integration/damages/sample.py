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
