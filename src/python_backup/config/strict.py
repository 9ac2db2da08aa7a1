"""What every section of a config file is."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Unknown keys are faults, and no value is bent into another type."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        defer_build=True,  # the whole file's validator has all sections in it: only that one is made
    )

    @classmethod
    def left_out(cls) -> Self:
        """The section that a file does not have: its defaults, which no validator is made for."""
        return cls.model_construct()
