"""docs/drill.md: its CI jobs can be pasted, and run commands and options that there are."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer
import yaml

from python_backup.cli.app import program
from python_backup.config.find import ENVIRONMENT_NAME
from support.markdown import CHECKOUT, read

DOCUMENT = "docs/drill.md"
OPTION = re.compile(r"--[a-z]+")


def jobs() -> list[dict[Any, Any]]:
    found = re.findall(r"^```yaml\n(.*?)^```", read(DOCUMENT), re.MULTILINE | re.DOTALL)
    return [yaml.safe_load(text) for text in found]


def lines_of(value: object) -> list[str]:
    """Every text in the document that runs the program."""
    if isinstance(value, dict):
        return [line for inner in value.values() for line in lines_of(inner)]
    if isinstance(value, list):
        return [line for inner in value for line in lines_of(inner)]
    return [value] if isinstance(value, str) and value.startswith("vya-backupdb ") else []


def known_options(command: str) -> set[str]:
    group = typer.main.get_command(program())
    found = group.commands[command]  # type: ignore[attr-defined]
    return {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)}


def test_there_is_a_job_for_github_actions_and_one_for_gitlab() -> None:
    github = [job for job in jobs() if "jobs" in job]
    gitlab = [job for job in jobs() if "script" in job.get("drill", {})]
    assert (len(github), len(gitlab)) == (1, 1)
    assert github[0]["jobs"]["drill"]["steps"]
    assert gitlab[0]["drill"]["artifacts"]["reports"] == {"junit": "drill.xml"}
    assert [ENVIRONMENT_NAME in str(job) for job in (*github, *gitlab)] == [True, True]


@pytest.mark.parametrize("line", lines_of(jobs()))
def test_the_jobs_commands_and_options_are_there(line: str) -> None:
    _, command, *words = shlex.split(line)
    assert {word for word in words if OPTION.fullmatch(word)} <= known_options(command)


def test_the_extra_that_the_jobs_install_is_there() -> None:
    assert re.search(r"^embedded = ", (CHECKOUT / "pyproject.toml").read_text(), re.MULTILINE)
    assert len(lines_of(jobs())) == 2
