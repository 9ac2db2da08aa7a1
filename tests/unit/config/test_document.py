"""YAML read with positions."""

import pytest

from python_backup.config.document import read_document


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("010", 10),
        ("0x10", "0x10"),
        ("12:30:45", "12:30:45"),
        ("2026-01-13", "2026-01-13"),
        ("1_000", "1_000"),
        ("true", True),
        ("~", None),
        ("null", None),
        ("'1'", "1"),
        ("1.5", 1.5),
        ("-7", -7),
        ("!!str 7", "7"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, expected: object) -> None:
    assert read_document(f"a: {text}", {}).value == {"a": expected}


def test_an_empty_value_is_null() -> None:
    assert read_document("a:\n", {}).value == {"a": None}


def test_every_key_and_item_has_its_line() -> None:
    read = read_document("a: 1\nb:\n  - x\n  - c: 2\n", {})
    assert read.lines == {(): 1, ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4}
    assert read.line(("b", 1, "missing", "below")) == 4


def test_a_key_given_twice_is_a_fault_at_its_second_line() -> None:
    read = read_document("a: 1\nb:\n  c: 1\n  c: 2\n", {})
    assert [(f.place, f.line, f.message) for f in read.faults] == [("b.c", 4, "given twice; first on line 3")]


def test_anchors_and_merges_work_and_own_keys_win() -> None:
    read = read_document("d: &d {x: 1, y: 2}\ne:\n  <<: *d\n  y: 3\nf: {<<: [*d, {z: 4}]}\n", {})
    assert read.value == {"d": {"x": 1, "y": 2}, "e": {"x": 1, "y": 3}, "f": {"x": 1, "y": 2, "z": 4}}
    assert read.faults == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [*a]", "holds itself through an alias"),
        ("[a]: 1", "a key must be a word"),
        ("a: !!python/object:os.system x", "no such tag: tag:yaml.org,2002:python/object:os.system"),
        ("a: !!int x", "'x' is not int"),
        ("<<: 1", "<< takes a mapping"),
        ("a: [", "no YAML: expected the node content, but found '<stream end>'"),
        ("a: 1\n---\nb: 2", "no YAML: but found another document"),
        ("a: \x00", "no YAML: unacceptable character #x0000: special characters are not allowed"),
    ],
)
def test_bad_yaml_is_a_fault(text: str, message: str) -> None:
    faults = read_document(text, {}).faults
    assert [f.message[: len(message)] for f in faults] == [message]


def test_strings_are_filled_in_and_remembered() -> None:
    read = read_document("a: ${X}\nb: ['${X:-1}', $$, plain]\n", {"X": "value"})
    assert read.value == {"a": "value", "b": ["value", "$", "plain"]}
    assert read.filled == {("a",), ("b", 0)}


def test_what_is_filled_in_is_never_read_as_yaml() -> None:
    assert read_document("a: ${X}", {"X": "{b: [1]}"}).value == {"a": "{b: [1]}"}
