"""The README beside the command line, and every document's options beside the program's help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from python_backup.cli.app import program
from python_backup.cli.exit_codes import EXIT_CODES
from python_backup.model import Format
from python_backup.storage.names import parse_name
from python_backup.storage.sums import SUM_FILES
from python_backup.stream.suffixes import SUFFIXES
from support.markdown import CHECKOUT, code, documents, fences, read, rows, section


def _commands(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, each in inner.items():
        yield from _commands(each, f"{path} {name}".strip())


COMMANDS = dict(_commands(get_command(program())))
EVERYWHERE = {"--help", "-h", "--version", "--install-completion", "--show-completion"}


def _options(command: str) -> set[str]:
    return {
        option
        for parameter in COMMANDS[command].params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }


def _calls(text: str) -> Iterator[tuple[str, set[str]]]:
    """Each call of the program in fenced blocks and code spans: its command and its options."""
    bare = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for fence in fences(text) for line in fence.text.splitlines()] + code(bare)
    for line in lines:
        found = re.match(r"vya-backupdb ((?:[a-z]+ ?)+)(.*)", line.partition(" #")[0])
        if found is None:
            continue
        words = found[1].split()
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in COMMANDS or n == "config"), found[1])
        yield name, set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", " " + found[2]))


def test_the_table_of_commands_has_those_of_the_program_and_no_others() -> None:
    documented = [code(cells[0])[0] for cells in rows(section(read("README.md"), "## Commands"))]
    assert sorted(documented) == sorted(COMMANDS)


def test_the_table_of_exit_codes_has_those_of_the_program_and_no_others() -> None:
    documented = [int(cells[0]) for cells in rows(section(read("README.md"), "## Exit codes"))]
    assert documented == [number for number, _ in EXIT_CODES]


@pytest.mark.parametrize("document", documents())
def test_every_call_in_a_document_is_a_command_with_options_that_it_has(document: str) -> None:
    for command, options in _calls(read(document)):
        assert command in COMMANDS, f"{document} calls {command!r}"
        assert options - EVERYWHERE - _options(command) == set(), f"{document}, {command}"


def test_the_options_that_the_table_of_commands_names_are_those_of_the_command() -> None:
    for name, what in rows(section(read("README.md"), "## Commands")):
        named = {span.split()[0] for span in code(what) if span.startswith("-")}
        assert named - _options(code(name)[0]) == set()


def test_the_table_of_files_has_the_names_that_are_written() -> None:
    artifact, checksum, manifest = rows(section(read("README.md"), "## What lands on disk"))
    (name,) = code(artifact[0])
    known = parse_name(name)
    assert known is not None
    assert (known.database, known.format) == ("shop", Format.ZSTD)
    assert code(checksum[0]) == [name + SUM_FILES[0][0]]
    assert code(manifest[0]) == [name + ".manifest.json"]
    assert set(SUFFIXES.values()) <= set(code(artifact[1]))


def test_the_readmes_first_two_commands_are_the_demo_and_the_tests() -> None:
    first = fences(read("README.md"))[0]
    assert [line.partition("#")[0].strip() for line in first.text.splitlines()] == ["make demo", "make test"]


def test_a_change_log_a_licence_and_the_house_rules_are_there() -> None:
    assert "\n## [Unreleased]\n" in read("CHANGELOG.md")
    assert read("LICENSE").startswith("MIT License\n")
    assert "\n## The house\n" in read("CONTRIBUTING.md")


def test_every_make_target_in_a_document_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    for document in documents():
        spans = code(read(document)) + [line for f in fences(read(document)) for line in f.text.splitlines()]
        called = {word for span in spans for word in re.findall(r"^make ([a-z]+)", span)}
        assert called - targets == set(), document
