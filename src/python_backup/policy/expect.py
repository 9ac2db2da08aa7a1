"""What a check's query should give: a comparison with a number, a text, or rows."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

Answer = Sequence[Sequence[str | None]]
"""A query's rows, every value as text; None for NULL."""

_OPERATORS: Mapping[str, Callable[[Decimal, Decimal], bool]] = MappingProxyType(
    {
        "<": operator.lt,
        "<=": operator.le,
        "=": operator.eq,
        "!=": operator.ne,
        ">=": operator.ge,
        ">": operator.gt,
    }
)
_COMPARED = re.compile(r"(<=|>=|!=|<|>|=)\s*(-?\d+(?:\.\d+)?)\Z")


def met(expected: str, answer: Answer) -> bool:
    """Whether the answer is what is expected.

    ``> 0``, ``= 12``, ``!= 3.5`` compare the one value as a number. Anything else is the answer as
    text: values joined by tabs, rows by line ends, NULL as nothing; line ends around it do not count.
    """
    compared = _COMPARED.match(expected.strip())
    if compared is None:
        return shown(answer) == expected.strip("\r\n")
    value = _number(answer)
    return value is not None and _OPERATORS[compared[1]](value, Decimal(compared[2]))


def unlike(rows: str, answer: Answer) -> str | None:
    """What the answer's first row is that is not as these ``rows``, or how many there are; None: all are.

    ``rows`` is a file's text as `shown` makes it, each row with its line end, of any kind; the last one's
    may be left out. A value's own line end parts lines as well, in both.
    """
    wanted = rows.replace("\r\n", "\n").removesuffix("\n").split("\n") if rows else []
    found = shown(answer).replace("\r\n", "\n").split("\n") if answer else []
    for number, (want, have) in enumerate(zip(wanted, found, strict=False), 1):
        if want != have:
            return f"row {number} is {have!r}, not {want!r}"
    if len(wanted) != len(found):
        return f"rows: {len(found):,}, not {len(wanted):,}"
    return None


def shown(answer: Answer) -> str:
    """The answer as text."""
    return "\n".join("\t".join("" if value is None else value for value in row) for row in answer)


def _number(answer: Answer) -> Decimal | None:
    """The one value, where it is a number."""
    if len(answer) != 1 or len(answer[0]) != 1 or answer[0][0] is None:
        return None
    try:
        return Decimal(answer[0][0])
    except InvalidOperation:
        return None
