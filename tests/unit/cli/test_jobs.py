"""How many statements a server is given at once: what the command line says, else the config, else the cores."""

from __future__ import annotations

import os

import pytest

from python_backup.cli.jobs import MOST_BY_ITSELF, jobs_of
from python_backup.errors import UsageError


@pytest.mark.parametrize(
    ("told", "configured", "jobs"), [("3", 2, 3), (None, 2, 2), ("1", None, 1), ("64", None, 64)]
)
def test_the_command_line_wins_over_the_config(told, configured, jobs):
    assert jobs_of(told, configured) == jobs


@pytest.mark.parametrize(("told", "configured"), [(None, None), ("auto", None), ("auto", 7)])
@pytest.mark.parametrize(("cores", "jobs"), [(1, 1), (4, 4), (96, MOST_BY_ITSELF)])
def test_auto_is_one_for_each_core(monkeypatch, told, configured, cores, jobs):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    assert jobs_of(told, configured) == jobs


@pytest.mark.parametrize("told", ["0", "-1", "65", "many", "", "1.5"])
def test_what_is_no_number_of_jobs_is_a_usage_error(told):
    with pytest.raises(UsageError, match="is no number of jobs"):
        jobs_of(told, None)
