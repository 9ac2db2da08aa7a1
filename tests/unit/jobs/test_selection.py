"""Which databases a run takes."""

import pytest

from python_backup.errors import UsageError
from python_backup.jobs.selection import chosen_databases
from python_backup.model import Dbms, Instance

PRESENT = ("app_a", "app_b", "app_b_tmp", "other")


def instance(**changes: tuple[str, ...]) -> Instance:
    return Instance(id="1", name="web", dbms=Dbms.POSTGRESQL, **changes)


def choose(wanted: tuple[str, ...] = (), **changes: tuple[str, ...]) -> tuple[str, ...]:
    return chosen_databases(instance(**changes), PRESENT, wanted, exists={*PRESENT, "postgres"}.__contains__)


def test_without_names_and_patterns_every_database_is_taken() -> None:
    assert choose() == PRESENT


def test_filter_and_ignore_narrow_what_is_taken() -> None:
    assert choose(filter=("app_*",), ignore=("*_tmp",)) == ("app_a", "app_b")


def test_patterns_tell_upper_from_lower_case() -> None:
    assert choose(filter=("APP_*",)) == ()


def test_a_database_asked_for_by_name_is_taken_whatever_the_patterns_say() -> None:
    assert choose(("other", "app_b_tmp", "other"), filter=("app_*",), ignore=("*_tmp",)) == (
        "other",
        "app_b_tmp",
    )


def test_the_engines_own_database_is_taken_when_it_is_asked_for_by_its_whole_name() -> None:
    assert choose(("postgres",)) == ("postgres",)
    assert choose(filter=("postgres", "other")) == ("other", "postgres")
    assert choose(filter=("post*",)) == ()


def test_a_missing_database_is_named_with_those_that_are_there() -> None:
    with pytest.raises(UsageError) as caught:
        choose(("nope", "other"))
    assert caught.value.message == "instance 1 (web) has no database 'nope'"
    assert caught.value.hint == "it has: app_a, app_b, app_b_tmp, other"
