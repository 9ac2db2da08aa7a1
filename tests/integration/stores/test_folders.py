"""A folder of parts is told from a file in each store, and read in part and whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from python_backup.dump.pick import Pick
from python_backup.jobs.examine import Examiner
from python_backup.jobs.fetch import WHOLE, Fetching, picked
from python_backup.storage.stores.place import parse_place
from support.silence import Silence
from unit.jobs.test_in_part import FAMILIES, listed

NAME = "20260113_155440_mysql_shop"


@pytest.mark.parametrize("pick", [Pick(tables=("other",)), None], ids=["table", "all"])
@pytest.mark.parametrize("store", ["s3", "web", "sftp"])
def test_a_folder_of_parts_says_the_same_as_here(
    store: str, request: pytest.FixtureRequest, folder: Path, pick: Pick | None
) -> None:
    url: str = request.getfixturevalue(store)
    listed(folder / NAME, FAMILIES["mysql"])
    here = Examiner(Silence(), pick=pick).examine(folder / NAME)
    wanted = WHOLE if pick is None else picked(pick)
    with Fetching(Silence()).fetched(parse_place(f"{url}/{NAME}"), wanted) as found:
        there = Examiner(Silence(), pick=pick).examine(found.path)
    assert (there.checks, there.facts, there.picked) == (here.checks, here.facts, here.picked)
    assert here.failed is None
