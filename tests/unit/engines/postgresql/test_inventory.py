"""Which of pg_dump's options choose a part."""

from __future__ import annotations

import pytest

from python_backup.engines.postgresql.inventory import choosing, warnings


@pytest.mark.parametrize(
    "option", ["-tpublic.a", "-T", "--exclude-table=x*", "--exclude-t", "--section=data", "-s"]
)
def test_an_option_that_chooses_by_pattern_or_section_is_told(option: str) -> None:
    assert choosing(("--no-comments", option)) == (option,)
    assert warnings((option,)) == (
        f"options choose a part of the database ({option}): the dump was not compared with the catalogs",
    )


@pytest.mark.parametrize(
    "option", ["--exclude-table-data=x", "--no-comments", "--inserts", "-x", "--no-policies", "--", "-Z0"]
)
def test_an_option_that_leaves_every_name_is_none(option: str) -> None:
    assert (choosing((option,)), warnings((option,))) == ((), ())
