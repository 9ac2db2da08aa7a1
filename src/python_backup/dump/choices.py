"""What a person may choose about a restore's changes; all defaults together change the least."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Definers = Literal["default", "keep", "strip", "current"]
Events = Literal["default", "keep", "disable"]


@dataclass(frozen=True, slots=True)
class Choices:
    """One restore's choices, for the rewriters of both engines.

    ``final_name`` is the name that the database has in the end; None: the name it is loaded under.

    MySQL and MariaDB: ``definer`` says who the definers are to be: ``keep`` as the dump has them,
    ``strip`` without a DEFINER clause, ``current`` the restoring account; ``default`` keeps those whose
    account is there. ``definers`` maps accounts as the dump writes them, without quotes
    (``root@localhost``), to others, before that. ``rename_ambiguous`` decides for names that may be the
    source database or something else: None refuses. ``events`` are by default disabled in a database
    that has another name than the source.

    PostgreSQL: ``owner`` is the role that gets everything; None: as the dump says. ``no_acl`` leaves
    out all GRANT, REVOKE and ALTER DEFAULT PRIVILEGES.

    Both: ``stand_ins`` makes local tables of those that are elsewhere (FEDERATED, foreign tables).
    """

    final_name: str | None = None
    definer: Definers = "default"
    definers: Mapping[str, str] = field(default_factory=dict)
    rename_ambiguous: bool | None = None
    events: Events = "default"
    owner: str | None = None
    no_acl: bool = False
    stand_ins: bool = False


AS_THE_DUMP = Choices()
"""Nothing chosen."""
