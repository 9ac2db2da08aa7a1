"""What dead runs left in the backup folder."""

from __future__ import annotations

import os
import shlex

from python_backup.jobs.health.leftovers import leftover_files
from python_backup.model import Verdict
from python_backup.stream.publish import publishing


def test_an_unfinished_file_that_nobody_writes_is_told_with_the_command_that_removes_it(tmp_path) -> None:
    dead = tmp_path / ".a b.sql.partial-0123abcd"
    dead.write_bytes(b"x" * 1234)
    (check,) = leftover_files((tmp_path,))
    assert check.verdict is Verdict.WARNING
    assert "1,234 bytes" in check.found
    assert shlex.split(check.hint) == ["rm", "--", str(dead)]
    os.system(check.hint)
    (check,) = leftover_files((tmp_path,))
    assert check.verdict is Verdict.OK


def test_a_file_that_is_being_written_is_no_leftover(tmp_path) -> None:
    with publishing(tmp_path / "new.sql"):
        (check,) = leftover_files((tmp_path,))
    assert (check.verdict, check.found) == (Verdict.OK, "no unfinished file of a dead run; 1 being written")


def test_backups_and_missing_folders_are_no_leftovers(tmp_path) -> None:
    (tmp_path / "20260113_155440_mysql_shop.sql").write_text("")
    (check,) = leftover_files((tmp_path, tmp_path / "none"))
    assert check.verdict is Verdict.OK
