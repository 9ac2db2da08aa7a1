"""The plan as a file: what ``plan --output`` writes, and what ``restore --plan`` takes back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from python_backup.dump.choices import AS_THE_DUMP, Choices
from python_backup.dump.pick import Pick
from python_backup.errors import ArtifactError, ArtifactMissing, Refused
from python_backup.jobs.fingerprint import Fingerprint
from python_backup.jobs.plan import Plan, Verdict
from python_backup.jobs.restore import RestoreRequest
from python_backup.stream.publish import write_named

FORMAT = "vya-backupdb/plan"
VERSION = 1
_LARGEST = 256 << 20


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be restored where, and how: the part of a request that a plan settles.

    ``file`` is a path or a URL.
    """

    file: str
    instance: str
    target: str
    source: str | None = None
    disconnect: bool = False
    keep_properties: bool = True
    in_place: bool | None = None
    pick: Pick | None = None
    choices: Choices = AS_THE_DUMP

    @classmethod
    def of(cls, request: RestoreRequest, plan: Plan) -> Order:
        """The order for what was planned."""
        return cls(
            file=str(plan.file),
            instance=request.instance.id,
            target=plan.target,
            source=request.source,
            disconnect=request.disconnect,
            keep_properties=request.keep_properties,
            in_place=request.in_place,
            pick=request.pick,
            choices=request.choices,
        )


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan that was read back."""

    format: Literal["vya-backupdb/plan"]
    version: Literal[1]
    verdict: Verdict
    order: Order
    fingerprint: Fingerprint
    findings: tuple[dict[str, object], ...] = field(default=())


def write_plan(path: Path, content: bytes) -> None:
    """Writes the plan's document (JSON); a plan that stood there is replaced.

    Raises:
        StorageFailed: it cannot be written.
    """
    write_named(path, content + b"\n")


def read_plan(path: Path) -> Planned:
    """The plan in this file.

    Raises:
        ArtifactError: there is none, or it is none.
        Refused: the plan is blocked.
    """
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - costs start-up time

    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST)
        planned = TypeAdapter(Planned).validate_python(json.loads(content))
    except FileNotFoundError as exc:
        raise ArtifactMissing(
            f"there is no plan {path}", hint="Make one: vya-backupdb plan --output PLAN.json."
        ) from exc
    except OSError as exc:
        raise ArtifactError(f"{path} cannot be read: {exc.strerror}") from exc
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        raise ArtifactError(f"{path} is no plan of this program: {where}: {first['msg'].lower()}") from exc
    except (ValueError, RecursionError) as exc:
        raise ArtifactError(f"{path} is no plan of this program: no JSON") from exc
    if planned.verdict is Verdict.BLOCKED:
        why = [f"{f.get('text')}" for f in planned.findings if f.get("severity") == "blocks"]
        raise Refused(
            f"the plan is blocked:{''.join(f'{chr(10)}  {text}' for text in why)}",
            hint="Mend what blocks it, and make another: vya-backupdb plan --output PLAN.json.",
        )
    return planned
