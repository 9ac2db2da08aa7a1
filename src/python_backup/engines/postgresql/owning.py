"""One role is made the owner of all that a restore made, also of what the dump names no owner for.

This program's own dumps name none: their objects are the restoring account's. REASSIGN OWNED would take the
account's other databases along, and does not serve the first superuser.
"""

from __future__ import annotations

import psycopg

from python_backup.engines.postgresql.connection import converting, identifier, query

_MADE = 16384
"""The first object identifier that no server has from the beginning (FirstNormalObjectId, transam.h)."""

_OWNED = b"""
WITH made (class, oid, owner, kind, for_superusers) AS (
    SELECT 'pg_namespace'::regclass, oid, nspowner, 'SCHEMA', false FROM pg_namespace
    WHERE nspname !~ '^pg_'
    UNION ALL SELECT 'pg_class'::regclass, oid, relowner, CASE relkind WHEN 'v' THEN 'VIEW'
        WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE'
        ELSE 'TABLE' END, false
    FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f') OR relkind = 'S' AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = pg_class.oid
        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
    UNION ALL SELECT 'pg_proc'::regclass, oid, proowner, 'ROUTINE', false FROM pg_proc
    UNION ALL SELECT 'pg_type'::regclass, t.oid, typowner, 'TYPE', false FROM pg_type t
    LEFT JOIN pg_class c ON c.oid = typrelid
    WHERE typtype IN ('d', 'e', 'r') OR c.relkind = 'c'
       OR typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
    UNION ALL SELECT 'pg_operator'::regclass, oid, oprowner, 'OPERATOR', false FROM pg_operator
    UNION ALL SELECT 'pg_opclass'::regclass, oid, opcowner, 'OPERATOR CLASS', false FROM pg_opclass
    UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfowner, 'OPERATOR FAMILY', false FROM pg_opfamily
    UNION ALL SELECT 'pg_collation'::regclass, oid, collowner, 'COLLATION', false FROM pg_collation
    UNION ALL SELECT 'pg_conversion'::regclass, oid, conowner, 'CONVERSION', false FROM pg_conversion
    UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictowner, 'TEXT SEARCH DICTIONARY', false FROM pg_ts_dict
    UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgowner, 'TEXT SEARCH CONFIGURATION', false
    FROM pg_ts_config
    UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxowner, 'STATISTICS', false FROM pg_statistic_ext
    UNION ALL SELECT 'pg_largeobject'::regclass, oid, lomowner, 'LARGE OBJECT', false
    FROM pg_largeobject_metadata
    UNION ALL SELECT 'pg_language'::regclass, oid, lanowner, 'LANGUAGE', false FROM pg_language
    UNION ALL SELECT 'pg_foreign_server'::regclass, oid, srvowner, 'SERVER', false FROM pg_foreign_server
    UNION ALL SELECT 'pg_publication'::regclass, oid, pubowner, 'PUBLICATION', puballtables %s
    FROM pg_publication
    UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, fdwowner, 'FOREIGN DATA WRAPPER', true
    FROM pg_foreign_data_wrapper
    UNION ALL SELECT 'pg_event_trigger'::regclass, oid, evtowner, 'EVENT TRIGGER', true FROM pg_event_trigger
)
SELECT 'ALTER ' || kind || ' ' || (pg_identify_object(class, made.oid, 0)).identity
FROM made JOIN pg_roles mine ON mine.oid = made.owner AND mine.rolname = current_user,
     pg_roles chosen
WHERE chosen.rolname = $1 AND made.owner <> chosen.oid AND made.oid >= $2::oid
  AND (chosen.rolsuper OR NOT for_superusers)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = class AND d.objid = made.oid AND d.deptype = 'e')
ORDER BY kind <> 'SCHEMA', class, made.oid"""
"""What the account made in this database; what belongs to an extension goes with it, subscriptions stay."""

_OF_SCHEMAS = b"OR EXISTS (SELECT FROM pg_publication_namespace n WHERE n.pnpubid = pg_publication.oid)"


def give(connection: psycopg.Connection, owner: str) -> int:
    """Makes the role the owner of all that the account made in the database; returns of how much.

    What only a superuser may own (event triggers, foreign data wrappers, publications of all tables or of
    schemas) stays the account's where the role is none.

    Raises:
        NotPermitted: the role may not make something in one of the schemas.
    """
    schemas = _OF_SCHEMAS if connection.pgconn.server_version >= 150000 else b""  # noqa: PLR2004 - came there
    name = owner.encode("utf-8", "surrogateescape")
    hint = "Restore with a superuser, or grant the role CREATE on the schema that is named."
    with converting(f"role {owner!r} cannot be made the owner of what was restored", hint):
        query(connection, b"BEGIN")
        query(connection, b"SET LOCAL search_path TO pg_catalog")
        found = query(connection, _OWNED % schemas, name, str(_MADE).encode())
        for (statement,) in found:
            query(connection, (statement or b"") + b" OWNER TO " + identifier(name))
        query(connection, b"COMMIT")
    return len(found)
