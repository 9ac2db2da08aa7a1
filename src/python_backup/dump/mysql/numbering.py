"""The next number that a table gives a row, as CREATE TABLE and ALTER TABLE say it: ``AUTO_INCREMENT=7``.

A server leaves the option out while the number is 1. It may be higher than any row: rows were deleted, or
are not committed. Source: MySQL Reference Manual, "AUTO_INCREMENT Handling in InnoDB".
"""

from __future__ import annotations

from collections.abc import Sequence

from python_backup.dump.mysql.created import Definition
from python_backup.dump.mysql.tokens import Kind, Token

_WORD = "AUTO_INCREMENT"


def next_number(found: Sequence[Token], what: Definition) -> int | None:
    """What the statement says of its table's next number; None where it numbers nothing."""
    depth, column, said = 0, False, None
    for at, token in enumerate(found[what.at :], what.at):
        mark = token.text if token.kind is Kind.SYMBOL else b""
        depth += (mark == b"(") - (mark == b")")
        if token.word != _WORD:
            continue
        after = found[at + 1 : at + 3]
        value = after[-1:] if after and after[0].word == "=" else after[:1]
        if depth == 0 and value and value[0].text.isdigit():
            said = int(value[0].text)
        else:
            column = column or depth == 1
    if what.verb == "ALTER":
        return said
    return (said or 1) if column else None
