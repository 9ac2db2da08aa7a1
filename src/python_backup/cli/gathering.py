"""Options that several commands take together, and get as one thing."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


def gathering(name: str, asked: Callable[..., Any], command: Callable[..., None]) -> Callable[..., None]:
    """The command, whose parameter ``name`` is made of options: those of ``asked``, in its place.

    Typer makes options of a signature; so this has that of both.
    """
    signature = inspect.signature(command, eval_str=True)
    options = inspect.signature(asked, eval_str=True).parameters

    @functools.wraps(command)
    def run(**given: Any) -> None:
        made = asked(**{one: given.pop(one) for one in options})
        command(**{name: made}, **given)

    told: dict[str, inspect.Parameter] = {}
    for one, parameter in signature.parameters.items():
        told |= options if one == name else {one: parameter}
    run.__annotations__ = {one: parameter.annotation for one, parameter in told.items()}
    vars(run)["__signature__"] = signature.replace(parameters=list(told.values()))
    return run
