"""Statements survive their bytes, and what is none is refused."""

import json
from typing import Any

import pytest

from python_backup.errors import ArtifactCorrupt
from python_backup.receipt.statement import PREDICATE, STATEMENT, Statement, dump_statement, load_statement


def test_a_statement_survives_its_bytes(statement: Statement) -> None:
    assert load_statement(dump_statement(statement)) == statement


def test_it_has_the_shape_of_an_in_toto_statement(statement: Statement) -> None:
    document = json.loads(dump_statement(statement))
    assert list(document) == ["_type", "subject", "predicateType", "predicate"]
    assert (document["_type"], document["predicateType"]) == (STATEMENT, PREDICATE)
    assert document["subject"] == [{"name": statement.artifact, "digest": {"sha256": statement.sha256}}]
    assert document["predicate"]["chain"] == {"number": 2, "previous": "cd" * 32}


def _changed(statement: Statement, path: tuple[Any, ...], value: Any) -> bytes:
    document = json.loads(dump_statement(statement))
    place = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("_type",), "https://in-toto.io/Statement/v0.1"),
        (("predicateType",), "https://slsa.dev/provenance/v1"),
        (("subject",), []),
        (("subject", 0, "name"), 5),
        (("subject", 0, "digest"), {"sha1": "ab"}),
        (("subject", 0, "digest", "sha256"), "AB" * 32),
        (("predicate",), []),
        (("predicate", "verdict"), None),
        (("predicate", "instance"), 1),
        (("predicate", "started"), "2026-01-13T15:54:40"),
        (("predicate", "started"), "yesterday"),
        (("predicate", "chain"), None),
        (("predicate", "chain", "number"), 0),
        (("predicate", "chain", "number"), True),
        (("predicate", "chain", "number"), 1),
        (("predicate", "chain", "previous"), None),
        (("predicate", "chain", "previous"), 7),
    ],
)
def test_what_is_no_whole_statement_is_refused(
    statement: Statement, path: tuple[Any, ...], value: Any
) -> None:
    with pytest.raises(ArtifactCorrupt):
        load_statement(_changed(statement, path, value))


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"null", b"\xff"])
def test_what_is_no_statement_at_all_is_refused(payload: bytes) -> None:
    with pytest.raises(ArtifactCorrupt, match="no in-toto statement"):
        load_statement(payload)


def test_keys_that_are_not_known_are_kept(statement: Statement) -> None:
    again = load_statement(_changed(statement, ("predicate", "later"), {"a": 1}))
    assert again.shown["later"] == {"a": 1}
