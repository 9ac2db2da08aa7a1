"""The public exit codes."""

import re
from pathlib import Path

from python_backup import errors
from python_backup.cli import config
from python_backup.cli.app import program
from python_backup.cli.exit_codes import EXIT_CODES, epilog
from python_backup.cli.signals import ENDING


def test_the_table_has_just_the_codes_of_success_the_error_classes_and_the_signals() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.BackupError)]
    assert [code for code, _ in EXIT_CODES] == sorted(
        {0, *(c.exit_code for c in classes), *(128 + number for number in ENDING)}
    )


def test_the_epilog_has_a_line_for_each_code() -> None:
    assert len(epilog().splitlines()) == len(EXIT_CODES) + 2


def test_the_readme_has_every_code() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    section = readme.partition("## Exit codes")[2].partition("\n## ")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)] == [
        c for c, _ in EXIT_CODES
    ]


def test_the_readme_has_every_command() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    commands = {command.name for command in program().registered_commands} | {
        f"config {command.name or command.callback.__name__}"
        for command in config.app.registered_commands
        if command.callback
    }
    assert {name for name in commands if f"| `{name}` |" not in readme} == set()
