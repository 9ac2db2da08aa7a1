"""What a check's query should give, and does."""

from __future__ import annotations

import pytest

from python_backup.policy.expect import Answer, met, shown, unlike


@pytest.mark.parametrize(
    ("expected", "answer", "whether"),
    [
        ("> 0", [["1"]], True),
        ("> 0", [["0"]], False),
        (">= 0", [["0"]], True),
        ("=12", [["12.0"]], True),
        ("!= 3.5", [["3.5"]], False),
        ("< -1", [["-2"]], True),
        ("> 0", [], False),
        ("> 0", [[None]], False),
        ("> 0", [["many"]], False),
        ("> 0", [["1", "2"]], False),
        ("> 0", [["1"], ["2"]], False),
        ("shipped", [["shipped"]], True),
        ("shipped", [["lost"]], False),
        ("1\ta\n2\t\n", [["1", "a"], ["2", None]], True),
        ("", [], True),
        ("> many", [["> many"]], True),
    ],
)
def test_an_answer_is_compared_as_a_number_or_as_text(expected: str, answer: Answer, whether: bool) -> None:
    assert met(expected, answer) is whether


def test_an_answer_is_shown_with_tabs_and_line_ends() -> None:
    assert shown([["1", None], ["2", "b"]]) == "1\t\n2\tb"


@pytest.mark.parametrize(
    ("rows", "answer", "told"),
    [
        ("1\ta\r\n2\t\r\n", [["1", "a"], ["2", None]], None),
        ("> 0\n", [["> 0"]], None),
        ("> 0\n", [["1"]], "row 1 is '1', not '> 0'"),
        ("1\n2\n", [["1"], ["3"]], "row 2 is '3', not '2'"),
        ("1\n2\n", [["1"]], "rows: 1, not 2"),
        ("", [], None),
        ("", [["1"]], "rows: 1, not 0"),
        ("1\n", [], "rows: 0, not 1"),
        ("1\n\n", [["1"], [None]], None),
        ("1\n", [["1"], [None]], "rows: 2, not 1"),
        ("\n", [[None]], None),
        ("a\nb", [["a\r\nb"]], None),
    ],
)
def test_rows_of_a_file_are_compared_as_they_stand(rows: str, answer: Answer, told: str | None) -> None:
    assert unlike(rows, answer) == told
