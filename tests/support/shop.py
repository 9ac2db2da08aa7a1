"""A small trading company's database, of what every server of a family has: it goes from each to each."""

from __future__ import annotations

from contextlib import closing

from support import databases
from support.servers import RunningServer

TABLES = """
CREATE TABLE category (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL UNIQUE, picture {bytes}, note TEXT)
---
CREATE TABLE product (
  id INT PRIMARY KEY, name VARCHAR(60) NOT NULL, category INT REFERENCES category (id), price DECIMAL(12, 4) NOT NULL,
  weight {double}, on_sale BOOLEAN NOT NULL, units SMALLINT DEFAULT 0,
  CONSTRAINT product_price CHECK (price >= 0),
  CONSTRAINT product_category FOREIGN KEY (category) REFERENCES category (id))
---
CREATE INDEX product_name ON product (name)
---
CREATE TABLE employee (
  id INT PRIMARY KEY, name VARCHAR(60) NOT NULL, born DATE, reports_to INT, notes TEXT,
  CONSTRAINT employee_boss FOREIGN KEY (reports_to) REFERENCES employee (id))
---
CREATE TABLE customer (id CHAR(5) PRIMARY KEY, name VARCHAR(80) NOT NULL, city VARCHAR(60), country VARCHAR(60))
---
CREATE TABLE purchase (
  id {serial}, customer CHAR(5) NOT NULL, employee INT, placed {moment} NOT NULL, shipped TIME, freight DECIMAL(10, 2),
  CONSTRAINT purchase_customer FOREIGN KEY (customer) REFERENCES customer (id) ON DELETE CASCADE,
  CONSTRAINT purchase_employee FOREIGN KEY (employee) REFERENCES employee (id) ON DELETE SET NULL)
---
CREATE TABLE purchase_line (
  purchase INT NOT NULL, product INT NOT NULL, price DECIMAL(12, 4) NOT NULL, quantity SMALLINT NOT NULL,
  PRIMARY KEY (purchase, product),
  CONSTRAINT line_purchase FOREIGN KEY (purchase) REFERENCES purchase (id),
  CONSTRAINT line_product FOREIGN KEY (product) REFERENCES product (id))
---
CREATE VIEW turnover AS
SELECT p.name, SUM(l.price * l.quantity) AS total FROM purchase_line l JOIN product p ON p.id = l.product GROUP BY p.name
"""
WORDS = {
    "mysql": {"bytes": "BLOB", "double": "DOUBLE", "serial": "INT AUTO_INCREMENT PRIMARY KEY", "moment": "DATETIME(6)"},
    "postgresql": {"bytes": "bytea", "double": "double precision", "serial": "serial PRIMARY KEY", "moment": "timestamptz"},
}  # fmt: skip
PROGRAMS = {
    "mysql": (
        "CREATE FUNCTION gross(net DECIMAL(12, 4)) RETURNS DECIMAL(12, 4) DETERMINISTIC RETURN net * 1.19",
        "CREATE PROCEDURE restock(IN which INT) UPDATE product SET units = units + 10 WHERE id = which",
        (
            "CREATE TRIGGER sold AFTER INSERT ON purchase_line FOR EACH ROW"
            " UPDATE product SET units = units - NEW.quantity WHERE id = NEW.product"
        ),
    ),
    "postgresql": (
        "CREATE FUNCTION gross(net numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT net * 1.19'",
        (
            "CREATE FUNCTION sell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " UPDATE product SET units = units - NEW.quantity WHERE id = NEW.product; RETURN NEW; END $$"
        ),
        "CREATE TRIGGER sold AFTER INSERT ON purchase_line FOR EACH ROW EXECUTE FUNCTION sell()",
        "CREATE MATERIALIZED VIEW best AS SELECT * FROM turnover",
        "COMMENT ON TABLE product IS 'what we sell; \"all\" of it'",
    ),
}
PURCHASES = 300


def build(server: RunningServer, database: str) -> None:
    """Fills an empty database."""
    with closing(databases.connection(server, database)) as link, link.cursor() as cursor:
        for statement in TABLES.format(**WORDS[server.family]).split("---"):
            cursor.execute(statement)
        for table, rows in _rows().items():
            columns = "(customer, employee, placed, shipped, freight)" if table == "purchase" else ""
            marks = ", ".join(["%s"] * len(rows[0]))
            cursor.executemany(f"INSERT INTO {table} {columns} VALUES ({marks})", rows)
        for program in PROGRAMS[server.family]:
            cursor.execute(program)


def _rows() -> dict[str, list[tuple[object, ...]]]:
    everyone = range(1, PURCHASES + 1)
    return {
        "category": [(1, "Drinks", bytes(range(256)), "soft; hard"), (2, "Süßes 🍫", None, "it's\nsweet\t\\ \"")],
        "product": [
            (i, f"Product {i}", 1 + i % 2, i * 1.25, i / 7 if i % 5 else None, i % 3 == 0, 100) for i in range(1, 41)
        ],
        "employee": [
            (1, "Anna Œ", "1970-02-28", None, "); DROP TABLE employee; --"),
            *((i, f"Employee {i}", "1999-12-31", 1, None) for i in range(2, 6)),
        ],
        "customer": [(f"C{i:04}", f"Customer {i}", None if i % 9 == 0 else "日本", "DE") for i in range(1, 61)],
        "purchase": [
            (f"C{1 + i % 60:04}", 1 + i % 5, "2025-03-30 02:30:00.123456", "23:59:59", i / 4) for i in everyone
        ],
        "purchase_line": [(i, 1 + (i + j) % 40, j * 2.5, j) for i in everyone for j in (1, 2, 3)],
    }  # fmt: skip
