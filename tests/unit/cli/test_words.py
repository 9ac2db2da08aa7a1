"""Numbers and names for people."""

from datetime import timedelta

import pytest

from python_backup.cli import words


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (1_234_567, "1.23 MB"),
        (45_678_901, "45.7 MB"),
        (999_499_999, "999 MB"),
        (999_999_999, "1.00 GB"),
        (9_999_999, "10.0 MB"),
        (10**18, "1000 PB"),
    ],
)
def test_a_size_has_three_digits(count: int, expected: str) -> None:
    assert words.size(count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0.00 s"), (0.42, "0.42 s"), (9.999, "10.0 s"), (59.4, "59.4 s"), (59.6, "1:00"), (3723, "1:02:03")],
)
def test_a_duration_reads_well(seconds: float, expected: str) -> None:
    assert words.duration(seconds) == expected


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(seconds=-5), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5, minutes=59), "5 hours ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_an_age_reads_well(since: timedelta, expected: str) -> None:
    assert words.age(since) == expected


def test_rates_and_ratios_of_nothing_are_dashes() -> None:
    assert (words.rate(10, 0), words.ratio(10, 0), words.number(None)) == ("-", "-", "-")
    assert (words.rate(10_000_000, 2), words.ratio(34, 10), words.number(1234567)) == (
        "5.00 MB/s",
        "3.4x",
        "1,234,567",
    )
