"""Every document is laid out so that any reader of Markdown shows it alike."""

from __future__ import annotations

import re

import pytest

from support.markdown import documents, read


@pytest.mark.parametrize("name", documents())
def test_every_heading_has_a_blank_line_before_it_and_the_end_is_one_line_end(name: str) -> None:
    text = read(name)
    bare = re.sub(r"^```.*?^```$", "", f"\n{text}", flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"(?<=[^\n]\n)#+ .+", bare) == []
    assert text == f"{text.rstrip()}\n"
