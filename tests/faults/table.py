"""All faults, in the order in which they are told."""

from __future__ import annotations

from faults import of_disks, of_parts, of_places, of_restores, of_rights, of_servers, of_tools
from faults.fault import FAMILIES, Fault

FAULTS: tuple[Fault, ...] = (
    *of_tools.FAULTS,
    *of_servers.FAULTS,
    *of_rights.FAULTS,
    *of_places.FAULTS,
    *of_disks.FAULTS,
    *of_parts.FAULTS,
    *of_restores.FAULTS,
)


SAMPLE = frozenset(
    {
        "the tool is killed amid its output",
        "the output ends behind a whole row, exit 0",
        "SIGTERM amid the dump",
        "SIGKILL amid the dump",
        "the connection is cut after 20,000 bytes",
        "the disk is full after 64 KiB",
        "the password is wrong",
        "no SELECT on one table",
        "no TRIGGER",
        "the config is binary",
        "parts: the tool hangs and ignores SIGTERM",
        "restore: one bit of the artifact is changed",
        "restore: SIGTERM amid the load",
        "restore: the artifact is changed while it is loaded",
    }
)
"""What `make test` plays: quick ones of every kind."""


def of_family(family: str) -> tuple[Fault, ...]:
    """The faults that an engine is put through."""
    return tuple(fault for fault in FAULTS if family in fault.families)


__all__ = ["FAMILIES", "FAULTS", "SAMPLE", "Fault", "of_family"]
