r"""The databases that are timed: narrow rows, text, JSON and binary, alike on every engine.

The server makes them from row numbers, so they are the same on every run. ``n`` is the row's number.
"""

from __future__ import annotations

from dataclasses import dataclass

from support import databases
from support.servers import RunningServer


@dataclass(frozen=True, slots=True)
class Table:
    """One table; ``share`` is its part of the dump, ``dense`` how many rows make a megabyte of dump."""

    name: str
    share: float
    dense: int
    columns: tuple[str, ...]
    values: tuple[str, ...]
    index: str = ""


ONE = "rates"
"""The table that is restored alone: a hundredth of the dump."""

_WORDS = (
    "the backup of a database is a stream of bytes with facts",
    "every row is counted while it passes, and nothing is written twice",
    "a restore is the same stream backwards",
    "orders, invoices, customers and their addresses",
    "what cannot be restored was never a backup",
    'it is the "quoted" text that trips a careless reader',
    "tabs, lines and other breaks are escaped in dumps",
    "grün, größer, naïve, 日本語 and other letters",
)
_STEPS = (3, 5, 7, 11, 13, 17)
_LIST = ", ".join(f"'{words}'" for words in _WORDS)

POSTGRESQL = (
    Table(
        "accounts", 0.3, 9_900,
        ("aid int PRIMARY KEY", "bid int NOT NULL", "abalance int", "filler char(84)"),
        ("n", "n / 1000", "n % 9999 - 5000", "md5(n::text)"),
        "bid",
    ),
    Table(
        "history", 0.15, 24_000,
        ("hid bigint PRIMARY KEY", "aid int", "delta numeric(10, 2)", "at timestamp"),
        ("n", "n * 7 % 1000003", "(n % 99999) / 100.0", "timestamp '2024-01-01' + n * interval '13 s'"),
        "aid",
    ),
    Table(
        "articles", 0.25, 2_300,
        ("id int PRIMARY KEY", "title varchar(80)", "body text"),
        (
            "n", "'article ' || md5(n::text)",
            " || E'\\n' || ".join(
                f"(ARRAY[{_LIST}])[1 + (n * {k} + n / {k}) % 8] || substr(md5((n * {k})::text), 1, 12)"
                for k in _STEPS
            ),
        ),
        "title",
    ),
    Table(
        "events", 0.15, 5_700,
        ("id int PRIMARY KEY", "payload jsonb NOT NULL"),
        (
            "n",
            ("jsonb_build_object('user', md5(n::text), 'kind', 'click', 'note', 'a \"quoted\" note',"
            " 'place', jsonb_build_array(n % 1920, n % 1080),"
            " 'tags', jsonb_build_array('t' || n % 10, 't' || n % 7))"),
        ),
    ),
    Table(
        "files", 0.15, 485,
        ("id int PRIMARY KEY", "content bytea"),
        ("n", " || ".join(f"sha256('{k} '::bytea || n::text::bytea)" for k in range(32))),
    ),
    Table(
        ONE, 0.01, 24_000,
        ("id int PRIMARY KEY", "rate numeric"), ("n", "n::bigint * 7919 % 1000003 * 1e20 + n"),
    ),
)  # fmt: skip

MYSQL = (
    Table(
        "accounts", 0.3, 9_300,
        ("aid int PRIMARY KEY", "bid int NOT NULL", "abalance int", "filler char(84)"),
        ("n", "n div 1000", "n % 9999 - 5000", "concat(left(sha2(n, 256), 32), repeat('.', 52))"),
        "bid",
    ),
    Table(
        "history", 0.15, 20_000,
        ("hid bigint PRIMARY KEY", "aid int", "delta decimal(10, 2)", "at datetime"),
        (
            "n", "n * 7 % 1000003", "(n % 99999) / 100",
            "timestamp '2024-01-01 00:00:00' + interval n * 13 second",
        ),
        "aid",
    ),
    Table(
        "articles", 0.25, 2_280,
        ("id int PRIMARY KEY", "title varchar(80)", "body mediumtext"),
        (
            "n", "concat('article ', left(sha2(n, 256), 32))",
            "concat_ws('\\n', " + ", ".join(
                f"concat(elt(1 + (n * {k} + n div {k}) % 8, {_LIST}), substr(sha2(n * {k}, 256), 1, 12))"
                for k in _STEPS
            ) + ")",
        ),
        "title",
    ),
    Table(
        "events", 0.15, 5_000,
        ("id int PRIMARY KEY", "payload json NOT NULL"),
        (
            "n",
            ("json_object('user', left(sha2(n, 256), 32), 'kind', 'click', 'note',"
            " 'a \"quoted\" note', 'place', json_array(n % 1920, n % 1080), 'tags',"
            " json_array(concat('t', n % 10), concat('t', n % 7)))"),
        ),
    ),
    Table(
        "files", 0.15, 930,
        ("id int PRIMARY KEY", "content blob"),
        ("n", "concat(" + ", ".join(f"unhex(sha2(concat('{k} ', n), 256))" for k in range(32)) + ")"),
    ),
    Table(
        ONE, 0.01, 23_000,
        ("id int PRIMARY KEY", "rate decimal(40)"),
        ("n", "n * 7919 % 1000003 * 1e20 + n"),
    ),
)  # fmt: skip


def make(server: RunningServer, name: str, megabytes: int, *, giant: float | None = None) -> None:
    """Makes the database anew; its dump has about so many megabytes, ``giant`` of all in the first table."""
    databases.drop(server, name)
    databases.create(server, name)
    first, *others = POSTGRESQL if server.family == "postgresql" else MYSQL
    share = first.share if giant is None else giant
    left = (1 - share) / sum(table.share for table in others)
    shares = ((first, share), *((table, table.share * left) for table in others))
    for table, share in shares:
        before, numbers = _numbers(server, max(1, int(megabytes * share * table.dense)))
        fill = f"INSERT INTO {table.name} {before} SELECT {', '.join(table.values)} FROM {numbers}"
        index = f"CREATE INDEX {table.name}_{table.index} ON {table.name} ({table.index})"
        databases.execute(
            server,
            name,
            *(("SET SESSION cte_max_recursion_depth = 4294967295",) if server.dbms == "mysql" else ()),
            f"CREATE TABLE {table.name} ({', '.join(table.columns)})",
            fill,
            *((index,) if table.index else ()),
        )
    if server.family == "postgresql":
        databases.execute(server, name, "VACUUM ANALYZE")


def _numbers(server: RunningServer, rows: int) -> tuple[str, str]:
    """What gives the rows' numbers: what stands before the SELECT, and what it selects from."""
    if server.dbms == "postgresql":
        return "", f"generate_series(1, {rows}) n"
    if server.dbms == "mariadb":
        return "", f"(SELECT CAST(seq AS signed) AS n FROM seq_1_to_{rows}) numbers"
    counting = f"SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows}"
    return f"WITH RECURSIVE numbers (n) AS ({counting})", "numbers"
