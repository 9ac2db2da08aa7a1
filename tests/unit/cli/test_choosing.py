"""The options that decide about a restore's changes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from python_backup.cli.choosing import Choosing
from python_backup.dump.choices import Choices
from python_backup.errors import UsageError
from python_backup.jobs import restore
from python_backup.jobs.restore import RestoreRequest


@pytest.mark.parametrize(
    ("arguments", "choices"),
    [
        ((), Choices()),
        (("--definer", "current", "--events", "keep"), Choices(definer="current", events="keep")),
        (
            ("--definer", "map:a@h=b@%", "--definer", "map:c@h=d@h", "--definer", "strip"),
            Choices(definer="strip", definers={"a@h": "b@%", "c@h": "d@h"}),
        ),
        (("--rename-ambiguous", "yes"), Choices(rename_ambiguous=True)),
        (
            ("--rename-ambiguous", "no", "--events", "disable"),
            Choices(rename_ambiguous=False, events="disable"),
        ),
        (("--owner", "app", "--no-acl"), Choices(owner="app", no_acl=True)),
    ],
)
def test_they_reach_the_job(
    vya: Callable, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], choices: Choices
) -> None:
    requests: list[RestoreRequest] = []

    def run(request: RestoreRequest, *_: object) -> None:
        requests.append(request)
        raise KeyboardInterrupt

    monkeypatch.setattr(restore, "restore", run)
    vya("restore", "-f", "x", "-i", "1", *arguments)
    assert [(request.file, request.choices) for request in requests] == [(Path("x"), choices)]


@pytest.mark.parametrize("definer", [("root",), ("keep", "strip"), ("map:a",), ("map:=b",), ("map:a=",)])
def test_what_is_no_choice_is_refused(definer: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        Choosing(definer).choices()
