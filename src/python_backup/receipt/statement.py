"""What a receipt states: an in-toto Statement, version 1, about one artifact and one drill of it.

The specification is github.com/in-toto/attestation, spec/v1/statement.md; the predicate is our own, and
docs/receipts.md has its fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from python_backup.errors import ArtifactCorrupt

STATEMENT = "https://in-toto.io/Statement/v1"

PREDICATE = "https://vya-backupdb.invalid/drill/v1"
"""The predicate's type: a name that never leads anywhere (RFC 6761, 6.4), so nobody can come to own it."""

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Chained:
    """A receipt's place: the ``number`` counts from 1; ``previous`` is the SHA-256 of the file before it."""

    number: int
    previous: str | None


@dataclass(frozen=True, slots=True)
class Statement:
    """One drill's statement. ``instance`` is None where the artifact does not say whose it is.

    ``shown`` is the rest of the predicate: what the drill showed, in JSON's own types.
    """

    artifact: str
    sha256: str
    instance: str | None
    database: str
    verdict: str
    started: datetime
    chain: Chained
    shown: Mapping[str, Any]


def dump_statement(statement: Statement) -> bytes:
    """The statement as JSON, ASCII, without line ends."""
    predicate = {
        "verdict": statement.verdict,
        "instance": statement.instance,
        "database": statement.database,
        "started": statement.started.isoformat(),
        **statement.shown,
        "chain": {"number": statement.chain.number, "previous": statement.chain.previous},
    }
    document = {
        "_type": STATEMENT,
        "subject": [{"name": statement.artifact, "digest": {"sha256": statement.sha256}}],
        "predicateType": PREDICATE,
        "predicate": predicate,
    }
    return json.dumps(document).encode("ascii")


def load_statement(payload: bytes) -> Statement:
    """The statement in an envelope's payload; keys that are not known are kept in ``shown``.

    Raises:
        ArtifactCorrupt: it is no statement about a drill, or lacks what every one has.
    """
    try:
        document: Any = json.loads(payload)
        kind, about = document["_type"], document["predicateType"]
    except (ValueError, LookupError, TypeError, RecursionError) as exc:
        raise ArtifactCorrupt("the payload is no in-toto statement") from exc
    if (kind, about) != (STATEMENT, PREDICATE):
        raise ArtifactCorrupt(f"the statement is {kind} about {about}, not {STATEMENT} about {PREDICATE}")
    try:
        return _statement(document)
    except (ValueError, LookupError, TypeError, AttributeError) as exc:
        raise ArtifactCorrupt("the statement is no whole one of a drill") from exc


def _statement(document: dict[str, Any]) -> Statement:
    (subject,) = document["subject"]
    shown = dict(document["predicate"])
    chain = shown.pop("chain")
    number, previous = chain["number"], chain["previous"]
    statement = Statement(
        subject["name"],
        subject["digest"]["sha256"],
        shown.pop("instance"),
        shown.pop("database"),
        shown.pop("verdict"),
        datetime.fromisoformat(shown.pop("started")),
        Chained(number, previous),
        shown,
    )
    texts = (statement.artifact, statement.database, statement.verdict, statement.sha256, previous or "")
    whole = (
        all(isinstance(text, str) for text in texts),
        statement.instance is None or isinstance(statement.instance, str),
        type(number) is int and number > 0,
        previous is None if number == 1 else _SHA256.match(previous),
        _SHA256.match(statement.sha256),
        statement.started.tzinfo is not None,
    )
    if not all(whole):
        raise ValueError(number)
    return statement
