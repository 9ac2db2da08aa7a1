"""A small database of every kind of object, and what can be seen of it whatever its name is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from support import databases
from support.servers import RunningServer

SMALL = """
CREATE TABLE parent (id INT PRIMARY KEY, v VARCHAR(20))
---
CREATE TABLE child (id INT PRIMARY KEY AUTO_INCREMENT, p INT, CONSTRAINT own FOREIGN KEY (p) REFERENCES parent (id),
  CONSTRAINT positive CHECK (p > 0))
---
CREATE TABLE log (id INT PRIMARY KEY AUTO_INCREMENT, what VARCHAR(100)) COMMENT 'MARK'
---
INSERT INTO parent VALUES (1, 'MARK'), (2, 'two')
---
CREATE FUNCTION which() RETURNS VARCHAR(20) DETERMINISTIC RETURN (SELECT v FROM DATABASE.parent WHERE id = 1)
---
CREATE PROCEDURE mark() SELECT 'MARK', COUNT(*) FROM DATABASE.log
---
CREATE VIEW z AS SELECT id, v, 'MARK' AS mark FROM DATABASE.parent
---
CREATE VIEW m AS SELECT id, which() AS w FROM DATABASE.z
---
CREATE VIEW a AS SELECT m.id, z.v FROM m JOIN z ON m.id = z.id JOIN DATABASE.parent ON parent.id = z.id
---
CREATE TRIGGER one BEFORE INSERT ON child FOR EACH ROW INSERT INTO DATABASE.log (what) VALUES ('one MARK')
---
CREATE TRIGGER a_two BEFORE INSERT ON child FOR EACH ROW FOLLOWS one INSERT INTO log (what) VALUES ('two MARK')
---
CREATE TRIGGER three AFTER UPDATE ON parent FOR EACH ROW INSERT INTO log (what) VALUES (NEW.v)
---
CREATE EVENT tick ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' COMMENT 'MARK' DO DELETE FROM DATABASE.log WHERE id < 0
---
CREATE EVENT asleep ON SCHEDULE EVERY 1 YEAR STARTS '2037-01-01' DISABLE DO SELECT 1
"""


def small(server: RunningServer, database: str, mark: str) -> None:
    """Fills an empty database; ``mark`` stands in rows and definitions."""
    own = databases.quoted(server, database)
    text = SMALL.replace("DATABASE.", f"{own}.").replace("MARK", mark)
    databases.execute(
        server, database, *(s.strip() for s in text.split("---")),
        f"CREATE TABLE only_{mark} (id INT PRIMARY KEY)", f"CREATE VIEW only_{mark}_view AS SELECT 1 AS n",
    )  # fmt: skip
    if server.dbms == "mariadb":
        databases.execute(
            server, database, "CREATE SEQUENCE counter",
            f"CREATE TABLE counted (id INT PRIMARY KEY DEFAULT (NEXTVAL({own}.counter)), v INT)",
        )  # fmt: skip


_SEEN = {
    "tables": "SELECT table_name, table_type, engine, table_comment FROM information_schema.tables"
    " WHERE table_schema = %s ORDER BY 1",
    "columns": "SELECT table_name, column_name, column_type, column_default FROM information_schema.columns"
    " WHERE table_schema = %s ORDER BY 1, 2",
    "keys": "SELECT table_name, constraint_name, referenced_table_schema, referenced_table_name"
    " FROM information_schema.key_column_usage WHERE table_schema = %s ORDER BY 1, 2",
    "views": "SELECT table_name, view_definition, definer, security_type FROM information_schema.views"
    " WHERE table_schema = %s ORDER BY 1",
    "triggers": "SELECT trigger_name, event_object_table, action_order, action_statement, sql_mode, definer"
    " FROM information_schema.triggers WHERE trigger_schema = %s ORDER BY 1",
    "routines": "SELECT routine_name, routine_type, routine_definition, sql_mode, definer, database_collation"
    " FROM information_schema.routines WHERE routine_schema = %s ORDER BY 1",
    "events": "SELECT event_name, event_definition, event_comment, sql_mode, time_zone, starts"
    " FROM information_schema.events WHERE event_schema = %s ORDER BY 1",
    "database": "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata"
    " WHERE schema_name = %s",
}


def seen(server: RunningServer, database: str) -> dict[str, Any]:
    """The catalog's rows and the marked row, with the database's name taken out; not whether events run."""
    found: dict[str, Any] = {}
    with _cursor(server) as cursor:
        for kind, sql in _SEEN.items():
            cursor.execute(sql, (database,))
            found[kind] = [tuple(_nameless(value, database) for value in row) for row in cursor.fetchall()]
        if any(row[0] == "parent" for row in found["tables"]):
            cursor.execute(f"SELECT * FROM {databases.quoted(server, database)}.parent")
            found["rows"] = cursor.fetchall()
    return {kind: [r for r in rows if r[0] != "__vya_backupdb_parked"] for kind, rows in found.items()}


@contextmanager
def _cursor(server: RunningServer) -> Iterator[Any]:
    with closing(databases.connection(server)) as link, link.cursor() as cursor:
        yield cursor


def _nameless(value: Any, database: str) -> Any:
    if not isinstance(value, str):
        return value
    quoted = "`" + database.replace("`", "``") + "`"
    return "." if value == database else value.replace(quoted + ".", "")


def events(server: RunningServer, database: str) -> dict[str, str]:
    """Whether each event runs."""
    with _cursor(server) as cursor:
        cursor.execute(
            "SELECT event_name, status FROM information_schema.events WHERE event_schema = %s", (database,)
        )
        return dict(cursor.fetchall())


def trio(server: RunningServer, new_database) -> tuple[str, str, str]:
    target, fresh = new_database(server, "target"), new_database(server, "fresh")
    small(server, target, "old")
    small(server, fresh, "new")
    return target, fresh, new_database(server, "before", create=False)
