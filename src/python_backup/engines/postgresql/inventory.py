"""What a dump of one database should hold: what its catalogs list, but for what the options leave out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg

from python_backup.engines.postgresql.survey import objects

_BY_PATTERN = (
    *("--table", "--exclude-table", "--table-and-children", "--exclude-table-and-children", "--schema"),
    *("--exclude-schema", "--extension", "--exclude-extension", "--filter", "--section"),
    *("--data-only", "--schema-only", "--no-schema", "--statistics-only"),
)
_BY_PATTERN_SHORT = ("-t", "-T", "-n", "-N", "-e", "-a", "-s")
_KINDS = {
    "--no-policies": "policies",
    "--no-large-objects": "large_objects",
    "--no-blobs": "large_objects",
    "-B": "large_objects",
}


def choosing(options: Sequence[str]) -> tuple[str, ...]:
    """Those of pg_dump's options that choose a part of the database by patterns or sections.

    What they leave out pg_dump alone can tell. ``--exclude-table-data`` is none: the tables stay.
    """
    return tuple(
        option
        for option in options
        if (option.startswith(_BY_PATTERN_SHORT) if not option.startswith("--") else _long(option))
    )


def _long(option: str) -> bool:
    """Whether it is one of the long ones, which pg_dump takes in any length that is unmistakable."""
    name = option.split("=", 1)[0]
    return len(name) > len("--") and any(known.startswith(name) for known in _BY_PATTERN)


def warnings(options: Sequence[str]) -> tuple[str, ...]:
    """What is to be said of such options."""
    found = choosing(options)
    what = f"options choose a part of the database ({' '.join(found)})"
    return (f"{what}: the dump was not compared with the catalogs",) if found else ()


def expected(connection: psycopg.Connection, options: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """The objects by kind that a dump with these options holds when nothing is missing."""
    if choosing(options):
        return {}
    left = {_KINDS[option] for option in options if option in _KINDS}
    return {kind: names for kind, names in objects(connection).items() if kind not in left}
