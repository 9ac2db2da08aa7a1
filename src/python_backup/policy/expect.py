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
