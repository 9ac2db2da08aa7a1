import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.dump.pick import Choice, Pick
from python_backup.errors import UsageError
from python_backup.model import label


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("orders", {"public.orders", "old.orders"}),
        ("public.orders", {"public.orders"}),
        ("o*", {"public.orders", "old.orders"}),
        ("old.*", {"old.orders", "old.users", 'old."a.b"'}),
        ("*", {"public.orders", "public.users", "old.orders", "old.users", 'old."a.b"'}),
        ("a.b", {'old."a.b"'}),
        ('"a.b"', {'old."a.b"'}),
        ("us[e]rs", {"public.users", "old.users"}),
        ("ORDERS", set()),
    ],
)
def test_a_pattern_takes_tables_by_name_or_by_schema_and_name(pattern, taken):
    tables = [("public", "orders"), ("public", "users"), ("old", "orders"), ("old", "users"), ("old", "a.b")]
    choice = Choice(Pick(tables=(pattern,)))
    assert {label(s, t) for s, t in tables if choice.takes(t, s)} == taken


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_table_is_taken_by_its_own_name_and_label_whatever_they_hold(schema, name):
    for pattern in (name, label(name), label(schema, name), f"{schema}.{name}"):
        if pattern in (name, label(name)) or "." in pattern:
            assert Choice(Pick(tables=(pattern,))).takes(name, schema)


@given(st.text(min_size=1))
def test_an_excluded_table_is_never_taken(name):
    assert not Choice(Pick(tables=("*",), excluded=(name,))).takes(name, "public")


def test_a_pattern_that_matches_nothing_is_said_with_the_first_twenty_tables():
    choice = Choice(Pick(tables=("order",)))
    for number in range(25):
        choice.takes(f"t{number:02}", "public")
    with pytest.raises(UsageError, match="--table 'order' matches nothing") as caught:
        choice.check()
    assert caught.value.hint == (
        "It holds tables: " + ", ".join(f"public.t{n:02}" for n in range(20)) + " and 5 more."
    )


def test_definitions_only_and_rows_only_leave_nothing():
    with pytest.raises(UsageError):
        Pick(schema_only=True, data_only=True)
