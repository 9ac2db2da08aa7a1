"""Gives a database another's name on servers that cannot rename one: tables are moved, the rest made anew.

First everything is written to a journal on the server; then one RENAME TABLE moves all tables, the
old ones away and the new ones in. Triggers would bar it and are dropped just before. Where each
table is tells how far a run came, so that any later session can go on or undo it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from python_backup.engines.mysql import holding, movable, sessions, steps
from python_backup.engines.mysql import journal as journals
from python_backup.engines.mysql.connection import Opener, Session
from python_backup.engines.mysql.journal import Journal
from python_backup.engines.mysql.refused import ServerSaid
from python_backup.engines.mysql.survey import exists
from python_backup.engines.replacing import Swap
from python_backup.errors import BackupError, Refused
from python_backup.policy.beside import RESTORING, is_beside_of

LOCK_SECONDS = 10
"""How long a swap waits for statements and transactions that use the tables."""

_SETTLE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Terms:
    """``own`` are the numbers of sessions that are not others'; ``wait`` is in seconds, for each lock."""

    own: Collection[int] = ()
    wait: int = LOCK_SECONDS


def take_over(open_another: Opener, swap: Swap, terms: Terms) -> tuple[str, ...]:
    """See `python_backup.engines.engine.Server.take_over`.

    Raises:
        Unmovable: this server cannot move these tables; nothing was touched.
        Refused: others use the target, or a name is taken or missing; nothing was touched.
    """
    session = open_another()
    try:
        return _taken_over(open_another, session, swap, terms)
    finally:
        session.close()


def _taken_over(open_another: Opener, session: Session, swap: Swap, terms: Terms) -> tuple[str, ...]:
    holding.hold_swap(session, swap.target)
    session.rows(f"SET SESSION lock_wait_timeout = {int(terms.wait)}")
    own = {*terms.own, sessions.number_of(session)}
    warnings = _checked(session, swap, own)
    run = steps.Run(session, Journal(swap, *steps.contents(session, swap), written=True), warnings)
    movable.check_definitions(session, run.journal.old.definitions + run.journal.new.definitions)
    try:
        journals.begin(session, swap)
        steps.prepare(run)
        journals.write(session, run.journal)
        steps.hush(run)
        _clear(session, swap, own)
        steps.finish(run, unchanged=True)
    except BaseException as exc:
        session.close()
        if not _undone(open_another, session, swap, exc) and isinstance(exc, BackupError):
            return tuple(dict.fromkeys(warnings))  # the connection was lost after the last step
        raise
    return tuple(dict.fromkeys(warnings))


def _checked(session: Session, swap: Swap, own: Collection[int]) -> list[str]:
    """Sees that nothing stands in the way; returns warnings."""
    left = journals.find(session, swap.target)
    if left is not None:
        raise Refused(
            f"an earlier run left {swap.target!r} amid a swap with {left.swap.fresh!r}",
            hint=_resume(session.instance.id, swap.target),
        )
    movable.check_names(session, swap)
    movable.check_move(session, swap)
    if not swap.disconnect:
        sessions.refuse_lasting(session, swap.target, own)
    warnings = [*movable.cut_by_crashes(session)] if swap.before is not None else []
    if sessions.may_see_all(session):
        return warnings
    return [*warnings, f"other accounts' sessions on {swap.target!r} cannot be seen: grant PROCESS"]


def _clear(session: Session, swap: Swap, own: Collection[int]) -> None:
    if swap.disconnect:
        sessions.end(session, swap.target, own)
    else:
        sessions.refuse_lasting(session, swap.target, own)


def _resume(instance: str, target: str) -> str:
    return f"Run vya-backupdb restore --resume-or-undo {target} --instance {instance}."


def _undone(open_another: Opener, failed: Session, swap: Swap, cause: BaseException) -> bool:
    """Undoes a swap that failed, on a session of its own; False where it had come to its end."""
    try:
        session = open_another()
        try:
            holding.hold_swap(session, swap.target)
            session.rows(f"SET SESSION lock_wait_timeout = {_SETTLE_SECONDS}")
            found = journals.find(session, swap.target)
            if found is None:
                return exists(session, swap.fresh)
            steps.undo(steps.Run(session, found))
        finally:
            session.close()
    except BackupError as exc:
        raise BackupError(
            f"{swap.target!r} was to be replaced, which failed ({cause}), and could not be put back: {exc}",
            hint=_resume(failed.instance.id, swap.target),
        ) from cause
    return True


def unfinished(session: Session, target: str) -> str | None:
    """See `python_backup.engines.engine.Server.unfinished`."""
    found = journals.find(session, target)
    if found is None:
        return None
    holder = holding.swapping(session, target)
    if holder is not None:
        return f"{found.swap.fresh!r} is taking the place of {target!r} just now, in session {holder}"
    return f"{found.swap.fresh!r} was to take the place of {target!r}, and the run was ended amid it"


def settle(open_another: Opener, target: str) -> str:
    """See `python_backup.engines.engine.Server.settle`.

    Raises:
        Refused: the run is still at it.
    """
    session = open_another()
    try:
        holding.hold_swap(session, target)
        found = journals.find(session, target)
        if found is None:
            return f"nothing was left to settle for {target!r}"
        session.rows(f"SET SESSION lock_wait_timeout = {_SETTLE_SECONDS}")
        run = steps.Run(session, found)
        if steps.moved(run):
            try:
                steps.finish(run)
            except BackupError as exc:
                return f"{_turned_back(run)}, since {exc}"
            said = f"{target!r} holds what was restored: the swap was brought to its end"
        else:
            said = _turned_back(run)
        return "; ".join(dict.fromkeys((said, *run.warnings)))
    finally:
        session.close()


def _turned_back(run: steps.Run) -> str:
    """Undoes the swap; of a restore under a new name nothing need be kept, so a cut one is dropped."""
    swap = run.swap
    try:
        steps.undo(run)
    except ServerSaid as exc:
        made = swap.before is None and is_beside_of(swap.target, swap.fresh, RESTORING, movable.fits)
        if not made or not movable.cut_by_crashes(run.session):
            raise
        steps.drop_cut(run)
        return (
            f"{swap.target!r}, which was not there before, was dropped: it was cut by a crash ({exc.reason})"
        )
    return f"{swap.target!r} holds what it held before: the swap was undone"
