"""Whose rights a view, routine, trigger or event is to run with on the target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from python_backup.dump.choices import Choices
from python_backup.dump.mysql.created import after_definer
from python_backup.dump.mysql.edits import Edit
from python_backup.dump.mysql.names import decode, quote
from python_backup.dump.mysql.tokens import Token

Account = tuple[str, str]
"""User and host."""

_HEAD = 12


class Accounts(Protocol):
    """What of the target counts here; see `rewriter.Target`."""

    @property
    def accounts(self) -> AbstractSet[Account] | None:
        """All that there are, or None where they may not be listed."""
        ...

    @property
    def current(self) -> Account:
        """The account that restores."""
        ...

    @property
    def may_set_definer(self) -> bool:
        """Whether it may name others as definers."""
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """One definer that changes; ``warning`` is to be said once."""

    kind: str
    edit: Edit
    warning: str = ""


def definers(sql: bytes, found: Sequence[Token], choices: Choices, target: Accounts) -> Iterator[Change]:
    """What becomes of the definers that a CREATE or ALTER names."""
    if not found or found[0].word not in ("CREATE", "ALTER"):
        return
    for at, token in enumerate(found[:_HEAD]):
        if token.word == "DEFINER" and at + 2 < len(found) and found[at + 1].word == "=":
            end = after_definer(found, at)
            account = _account(found[at + 2 : end])
            clause = Edit(token.start, found[end - 1].end, b"")
            named = Edit(found[at + 2].start, found[end - 1].end, b"CURRENT_USER")
            yield from _changed(account, clause, named, choices, target, sql)


def _changed(
    account: Account | None, clause: Edit, named: Edit, choices: Choices, target: Accounts, sql: bytes
) -> Iterator[Change]:
    mapped = next((choices.definers[n] for n in _spellings(account) if n in choices.definers), None)
    right = _respelled(account, target) if account else None
    if mapped is not None:
        yield Change("definer mapped", Edit(named.start, named.end, _quoted(mapped)))
    elif choices.definer == "strip":
        yield Change("definer left out", clause)
    elif account is not None and choices.definer == "current":
        yield Change("definer replaced", named)
    elif account is not None and choices.definer == "default" and not _may_define(right or account, target):
        text = decode(sql[named.start : named.end])
        yield Change("definer replaced", named, f"definer {text} is replaced by the account that restores")
    elif right is not None:
        yield Change("definer parted rightly", Edit(named.start, named.end, _quoted("@".join(right))))


def _spellings(account: Account | None) -> Iterator[str]:
    """How a person may write the account: a role without its ``@``, a user of any host without ``@%``."""
    if account is not None:
        yield "@".join(account)
        yield from (account[0], f"{account[0]}@%") if account[1] in ("", "%") else ()


def _may_define(account: Account, target: Accounts) -> bool:
    if account == target.current:
        return True
    if target.accounts is None or not target.may_set_definer:
        return False
    user, host = account
    hosts = ("", "%") if not host else (host.lower(),)
    return any(user == u and h.lower() in hosts for u, h in target.accounts)


def _respelled(account: Account, target: Accounts) -> Account | None:
    """The account that was meant where mariadb-dump cut an event's definer at the first of two ``@``.

    It writes ```joe`@`corp.com@%``` for ``'joe@corp.com'@'%'`` (seen with 10.5 to 11.8).
    """
    if "@" not in account[1]:
        return None
    user, _, host = "@".join(account).rpartition("@")
    return (user, host) if (user, host) in (target.accounts or ()) else None


def _account(found: Sequence[Token]) -> Account | None:
    """User and host of ```root`@`localhost```; None for CURRENT_USER. A role of MariaDB's has no host."""
    if not found or found[0].word == "CURRENT_USER":
        return None
    return _part(found[0]), "" if len(found) == 1 else _part(found[-1])


def _part(token: Token) -> str:
    text = token.text.removeprefix(b"@")
    if text[:1] in (b"'", b'"', b"`") and len(text) > 1:
        text = text[1:-1].replace(text[:1] * 2, text[:1])
    return decode(text)


def _quoted(account: str) -> bytes:
    """``user@host`` between backquotes; ``user`` is of any host, ``role@`` is a role of MariaDB's."""
    user, at, host = account.rpartition("@")
    if at and not host:
        return quote(user)
    return quote(user if at else host) + b"@" + quote(host if at else "%")
