"""The sample that CI takes of the tests."""

from __future__ import annotations

from support.sample import Case, sampled

SERVERS = {"pg": ("pg-13", "pg-18"), "my": ("my-9", "ma-10", "ma-11")}
ON_ALL = [
    Case(f"tests/a.py::test_{number}[{server}-{form}]", family, server)
    for number in range(30)
    for family, servers in SERVERS.items()
    for server in servers
    for form in ("x", "y")
]
SWEEP = [Case(f"tests/b.py::test_many[{number}]", sweep=True) for number in range(40)]
ALONE = [Case(f"tests/c.py::test_{number}") for number in range(5)]


def test_each_test_goes_to_one_server_of_each_family_with_all_its_forms() -> None:
    drawn = sampled(ON_ALL, "word")
    for number in range(30):
        mine = [case for case in ON_ALL if case.name in drawn and f"test_{number}[" in case.name]
        assert [case.family for case in mine] == ["pg", "pg", "my", "my"]
        assert len({case.server for case in mine}) == len(SERVERS)


def test_a_third_of_a_sweep_goes_and_all_of_what_is_neither() -> None:
    drawn = sampled([*SWEEP, *ALONE], "word")
    assert len([case for case in SWEEP if case.name in drawn]) == 14
    assert {case.name for case in ALONE} <= drawn


def test_a_sweep_goes_to_one_server_and_only_a_third_of_its_cases_there() -> None:
    cases = [
        Case(f"{c.name}[{s}-{n}]", "pg", s, sweep=True)
        for c in SWEEP[:1]
        for s in SERVERS["pg"]
        for n in range(9)
    ]
    drawn = sampled(cases, "word")
    assert len(drawn) == 3
    assert len({case.server for case in cases if case.name in drawn}) == 1


def test_a_word_draws_the_same_again_and_some_words_together_draw_all() -> None:
    cases = [*ON_ALL, *SWEEP]
    assert sampled(cases, "one") == sampled(reversed(cases), "one")
    assert sampled(cases, "one") != sampled(cases, "two")
    assert set().union(*(sampled(cases, str(word)) for word in range(60))) == {case.name for case in cases}
