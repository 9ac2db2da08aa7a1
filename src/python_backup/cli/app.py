"""The command line's root."""

from __future__ import annotations


def main() -> None:
    """Runs the program."""
