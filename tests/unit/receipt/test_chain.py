"""Chains with receipts lost, changed, doubled and put in another order."""

import random
from dataclasses import replace
from pathlib import PurePath

from hypothesis import given
from hypothesis import strategies as st

from python_backup.receipt.chain import Link, broken
from python_backup.receipt.statement import Chained


def chain(length: int) -> list[Link]:
    """A whole chain; the sums are made up."""
    return [
        Link(PurePath(f"chain/{n}.json"), Chained(n, f"sum{n - 1}" if n > 1 else None), f"sum{n}")
        for n in range(1, length + 1)
    ]


@given(st.integers(0, 12), st.randoms())
def test_a_whole_chain_is_whole_in_any_order(length: int, order: random.Random) -> None:
    links = chain(length)
    order.shuffle(links)
    assert list(broken(links)) == []


@given(
    st.integers(2, 12).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(1, n - 1), min_size=1)))
)
def test_every_receipt_that_is_missing_is_named(case: tuple[int, set[int]]) -> None:
    length, lost = case
    named: set[int] = set()
    for fault in broken([link for link in chain(length) if link.place.number not in lost]):
        assert "missing" in fault
        words = fault.split()
        first = int(words[1])
        named |= set(range(first, int(words[3]) + 1)) if words[0] == "receipts" else {first}
    assert named == lost


def test_the_missing_one_is_named_with_its_sum() -> None:
    links = chain(5)
    assert list(broken(links[:2] + links[3:])) == ["receipt 3 is missing (sum3)"]
    assert list(broken(links[3:])) == ["receipts 1 to 3 are missing (the last was sum3)"]


def test_a_receipt_that_was_replaced_is_not_the_one_that_was_followed() -> None:
    links = chain(4)
    links[1] = replace(links[1], sha256="another")
    assert list(broken(links)) == ["receipt 2 is missing: 2.json is not the one that number 3 follows (sum2)"]


def test_two_that_changed_places_do_not_follow_each_other() -> None:
    links = chain(4)
    two, three = links[1], links[2]
    links[1], links[2] = replace(three, place=two.place), replace(two, place=three.place)
    assert len(list(broken(links))) == 2


def test_a_receipt_that_no_trusted_key_signed_counts_where_a_later_one_vouches_for_it() -> None:
    rotated = [replace(link, genuine=link.place.number > 2) for link in chain(4)]
    assert list(broken(rotated)) == []
    forged = [replace(link, genuine=link.place.number == 4) for link in chain(4)]
    assert list(broken([forged[0], forged[1], forged[3]])) == [
        "receipt 3 is missing (sum3)",
        "receipt 2 is missing: no trusted key signed 2.json",
        "receipt 1 is missing: no trusted key signed 1.json",
    ]


def test_a_forged_receipt_beside_the_true_one_changes_nothing() -> None:
    forged = Link(PurePath("chain/forged.json"), Chained(2, "sum1"), "forged", genuine=False)
    assert list(broken([*chain(3), forged])) == []


def test_two_receipts_of_one_number_are_told() -> None:
    links = chain(3)
    fork = Link(PurePath("chain/fork.json"), Chained(3, "sum2"), "fork")
    assert list(broken([*links, fork])) == ["number 3 is borne by 2 receipts: 3.json, fork.json"]


def test_a_copy_in_the_same_folder_is_told_and_one_kept_elsewhere_is_not() -> None:
    links = chain(3)
    copy = replace(links[1], path=PurePath("chain/copy.json"))
    assert list(broken([*links, copy])) == ["2.json and copy.json are the same receipt, number 2"]
    assert list(broken([*links, replace(links[1], path=PurePath("elsewhere/2.json"))])) == []


def test_the_receipt_kept_elsewhere_shows_that_the_latest_are_gone() -> None:
    links = chain(6)
    kept = replace(links[5], path=PurePath("elsewhere/6.json"))
    assert list(broken([*links[:4], kept])) == ["receipt 5 is missing (sum5)"]


def test_a_huge_number_takes_no_time() -> None:
    link = Link(PurePath("a"), Chained(10**18, "x"), "y")
    assert list(broken([link])) == [f"receipts 1 to {10**18 - 1} are missing (the last was x)"]
