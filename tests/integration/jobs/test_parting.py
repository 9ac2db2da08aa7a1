"""Which databases of a real server become folders of parts, by the size that it tells of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from python_backup.jobs.backup import BackupRequest, back_up
from python_backup.jobs.connected import connected
from python_backup.jobs.parts.choosing import Parting
from python_backup.model import Format
from support import databases
from support.servers import RunningServer, instance_for
from support.silence import Silence


def test_with_several_jobs_databases_from_a_size_on_become_parts_and_with_one_none(
    family_server: RunningServer, new_database: Callable[..., str], tmp_path: Path
) -> None:
    name, instance = new_database(family_server), instance_for(family_server)
    databases.execute(
        family_server, name,
        "CREATE TABLE t (id int PRIMARY KEY, v text)",
        f"INSERT INTO t SELECT i, 'some text' FROM {databases.numbers(family_server, 2000)}",
    )  # fmt: skip
    with connected(instance) as server:
        size = server.size(name)
    assert size > 0
    became = {}
    for parting in (
        Parting(2, large=size // 2),
        Parting(2, large=size * 100),
        Parting(large=size // 2),
        Parting(2),
    ):
        request = BackupRequest((instance,), (name,), tmp_path, Format.GZIP, parts=parting)
        (result,) = back_up(request, Silence(), lambda: datetime.now(UTC))
        assert result.manifest is not None, result.error
        assert "one file" not in " ".join(result.manifest.warnings)
        became[parting] = result.manifest.artifact.format
        assert result.path is not None
        assert result.path.is_dir() == (became[parting] is Format.PARTS)
    assert list(became.values()) == [Format.PARTS, Format.GZIP, Format.GZIP, Format.GZIP]
