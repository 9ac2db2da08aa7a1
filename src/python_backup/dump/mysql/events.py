"""Makes events so that they do not run until somebody enables them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from python_backup.dump.mysql.created import definition
from python_backup.dump.mysql.edits import Edit
from python_backup.dump.mysql.tokens import Token

_AFTER_STATE = frozenset(("COMMENT", "DO"))


def disabled(found: Sequence[Token]) -> Iterator[Edit]:
    """The edit that disables what a CREATE or ALTER EVENT makes; none where it is disabled as it stands.

    ``ON SCHEDULE … [ON COMPLETION …] [ENABLE | DISABLE …] [COMMENT …] DO …``.
    Source: MySQL Reference Manual, "CREATE EVENT Statement".
    """
    what = definition(found)
    if what is None or what.kind != "EVENT" or what.verb == "DROP" or what.name is None:
        return
    depth = 0
    for token in found[what.name.after :]:
        depth += (token.word == "(") - (token.word == ")")
        if depth:
            continue
        if token.word == "DISABLE":
            return
        if token.word == "ENABLE":
            yield Edit(token.start, token.end, b"DISABLE")
            return
        if token.word in _AFTER_STATE:
            if what.verb == "CREATE":
                yield Edit(token.start, token.start, b"DISABLE ")
            return
