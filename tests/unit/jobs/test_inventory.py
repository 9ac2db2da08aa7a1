"""What counts as missing: there before the dump and after it, and not held."""

from __future__ import annotations

from python_backup.jobs.inventory import missing, sentences


def _never() -> dict[str, tuple[str, ...]]:
    raise AssertionError("looked again although nothing is missing")


def test_a_dump_that_holds_everything_and_more_needs_no_second_look() -> None:
    before = {"tables": ("a", "b"), "routines": ("f", "f")}
    held = {"tables": ("a", "b", "c"), "routines": ("f", "f"), "types": ("t",)}
    assert missing(before, held, _never) == {}


def test_what_is_there_before_and_after_and_not_held_is_missing() -> None:
    before = {"tables": ("a", "b"), "triggers": ("x",)}
    assert missing(before, {"tables": ("a",)}, lambda: before) == {"tables": ("b",), "triggers": ("x",)}


def test_what_was_dropped_meanwhile_is_not_missing() -> None:
    before = {"tables": ("a", "b"), "triggers": ("x",)}
    assert missing(before, {"tables": ("a",)}, lambda: {"tables": ("a",)}) == {}


def test_what_was_made_meanwhile_is_not_missing() -> None:
    assert missing({"tables": ("a",)}, {}, lambda: {"tables": ("a", "b")}) == {"tables": ("a",)}


def test_of_overloaded_routines_each_counts() -> None:
    before = {"routines": ("f", "f", "f")}
    assert missing(before, {"routines": ("f",)}, lambda: {"routines": ("f", "f")}) == {"routines": ("f",)}


def test_a_sentence_names_ten_and_counts_the_rest() -> None:
    names = tuple(f"t{n:02}" for n in range(12))
    assert sentences({"tables": names, "large_objects": ("7",)}) == (
        "large objects not in the dump: 7",
        "tables not in the dump: t00, t01, t02, t03, t04, t05, t06, t07, t08, t09 and 2 more",
    )
