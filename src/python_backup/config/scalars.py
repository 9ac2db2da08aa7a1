"""What single values of a config file may look like: sizes, ages, percentages, words, switches."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field

_SIZE = re.compile(r"(\d+) ?([kMG])?(i)?B?", re.IGNORECASE)


AGE_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

AGE_PATTERN = r"^[1-9][0-9]{0,4}[mhdw]$"

SLOWEST = 100_000
"""Bytes a second."""

PERCENT_PATTERN = r"^(100|[1-9]?[0-9](\.[0-9]+)?)%$"


def _number(value: object) -> object:
    """A number that came out of ``${NAME}`` is text; it counts as the number."""
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return value


def _bytes(value: object) -> object:
    """``10 MB``, ``512k``, ``1 GiB`` and mere numbers, as bytes."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return value
    return int(match[1]) * (1024 if match[3] else 1000) ** " kmg".index((match[2] or " ").lower())


def _rate(value: object) -> object:
    """Bytes a second; a block of 1 MiB must pass before a server gives its reader up (60 s, MariaDB)."""
    found = _bytes(_number(value))
    if isinstance(found, str) or (isinstance(found, int) and not isinstance(found, bool) and found < SLOWEST):
        raise ValueError(f"must be bytes a second of at least {SLOWEST // 1000} kB: 500k, 20 MB, 1 GiB")
    return found


def rate(text: str) -> int | None:
    """What ``20 MB`` means as bytes a second; None where it is nothing such."""
    try:
        found = _rate(text)
    except ValueError:
        return None
    return found if isinstance(found, int) else None


def _age(value: object) -> object:
    """``90m``, ``26h``, ``2d``; `age` gives it as a span of time."""
    if not isinstance(value, str) or not re.fullmatch(AGE_PATTERN, value):
        raise ValueError("must be a whole number and one of m, h, d, w: 26h")
    return value


def age(text: str | None) -> timedelta | None:
    """What a checked age of the config means."""
    if text is None:
        return None
    return timedelta(**{AGE_UNITS[text[-1]]: int(text[:-1])})


def _percent(value: object) -> object:
    """``30%``; `share` gives it as a part of one."""
    if not isinstance(value, str) or not re.fullmatch(PERCENT_PATTERN, value):
        raise ValueError("must be a percentage from 0% to 100%: 30%")
    return value


def share(percentage: str | None) -> float | None:
    """What a checked percentage of the config means."""
    return None if percentage is None else float(percentage[:-1]) / 100


def _switch(value: object) -> object:
    """The words that people use for true and false, and what came out of ``${NAME}``."""
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    return words.get(value.lower(), value) if isinstance(value, str) else value


def as_id(value: object) -> object:
    """A number that names something, as the text that names it."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Number = Annotated[int, BeforeValidator(_number, json_schema_input_type=int | str)]
Seconds = Annotated[
    int,
    Field(ge=1),
    BeforeValidator(_number, json_schema_input_type=Annotated[int, Field(ge=1)] | str),
]
Bytes = Annotated[
    int,
    Field(ge=1),
    BeforeValidator(_bytes, json_schema_input_type=Annotated[int, Field(ge=1)] | str),
]
Rate = Annotated[
    int,
    BeforeValidator(_rate, json_schema_input_type=Annotated[int, Field(ge=SLOWEST)] | str),
]
Age = Annotated[
    str,
    BeforeValidator(_age, json_schema_input_type=Annotated[str, Field(pattern=AGE_PATTERN)]),
]
Percentage = Annotated[
    str,
    BeforeValidator(_percent, json_schema_input_type=Annotated[str, Field(pattern=PERCENT_PATTERN)]),
]
Port = Annotated[
    int,
    Field(ge=1, le=65535),
    BeforeValidator(_number, json_schema_input_type=Annotated[int, Field(ge=1, le=65535)] | str),
]
Switch = Annotated[bool, BeforeValidator(_switch, json_schema_input_type=bool | str)]
Word = Annotated[str, Field(min_length=1)]
Words = Annotated[list[Word], Field(default_factory=list)]
