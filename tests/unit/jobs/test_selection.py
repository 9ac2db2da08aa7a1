"""Which databases a run takes."""

from python_backup.instance import Dbms, Instance
from python_backup.jobs.selection import Selection, select_databases

PRESENT = ("app_a", "app_b", "app_b_tmp", "other")
BEFORE = "other__before_20260113_155440"


def instance(**changes: tuple[str, ...]) -> Instance:
    return Instance(id="1", name="web", dbms=Dbms.POSTGRESQL, **changes)


def choose(wanted: tuple[str, ...] = (), **changes: tuple[str, ...]) -> tuple[str, ...]:
    return select(wanted, **changes).databases


def select(wanted: tuple[str, ...] = (), **changes: tuple[str, ...]) -> Selection:
    return select_databases(
        instance(**changes), (*PRESENT, BEFORE), wanted, exists={*PRESENT, BEFORE, "postgres"}.__contains__
    )


def test_without_names_and_patterns_every_database_is_taken() -> None:
    assert choose() == PRESENT


def test_what_a_restore_replaced_is_taken_only_when_it_is_asked_for_by_name() -> None:
    assert choose(filter=("other*",)) == ("other",)
    assert choose((BEFORE,)) == (BEFORE,)


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


def test_a_missing_database_does_not_keep_the_others_from_being_taken() -> None:
    assert select(("nope", "other")) == Selection(("other",), ("nope",))
