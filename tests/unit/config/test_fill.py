"""Filling in from the environment."""

import pytest

from python_backup.config.fill import fill

ENVIRON = {"NAME": "value", "EMPTY": "", "NESTED": "${NAME}"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a${NAME}b", "avalueb"),
        ("${NAME}${NAME}", "valuevalue"),
        ("${MISSING:-default}", "default"),
        ("${EMPTY:-default}", "default"),
        ("${EMPTY}", ""),
        ("${MISSING:-}", ""),
        ("${MISSING:-a:-b}", "a:-b"),
        ("$${NAME}", "${NAME}"),
        ("a$b$", "a$b$"),
        ("$$$$", "$$"),
        ("${NESTED}", "${NAME}"),
    ],
)
def test_text_is_filled_in_once(text: str, expected: str) -> None:
    assert fill(text, ENVIRON) == (expected, ())


@pytest.mark.parametrize("text", ["${", "${NAME", "${}", "${1A}", "${A-b}"])
def test_what_is_no_place_is_a_fault_that_does_not_show_the_text(text: str) -> None:
    _, faults = fill(f"secret{text}", ENVIRON)
    assert faults == ("holds ${ that begins no ${NAME} or ${NAME:-default}; write $$ for a dollar sign",)


def test_a_missing_variable_is_named() -> None:
    assert fill("${MISSING}", ENVIRON)[1] == ("the environment has no MISSING",)
