from __future__ import annotations

from pathlib import Path

import pytest

from python_backup.engines.postgresql.tools import Toolbox
from python_backup.errors import ToolMissing
from python_backup.instance import Tools


def program(folder: Path, version: str, name: str = "pg_dump") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) {version}"\necho run >> {folder}/runs\n')
    path.chmod(0o755)
    return path


def toolbox(*folders: Path, tools: Tools | None = None) -> Toolbox:
    return Toolbox(tools or Tools(), {"PATH": "/usr/bin:/bin"}, lambda _environ: iter(folders))


@pytest.mark.parametrize(("server", "chosen"), [(13, "13.9"), (14, "16.1"), (16, "16.1"), (17, "17.4")])
def test_the_oldest_that_is_not_older_than_the_server_is_chosen(tmp_path, server, chosen):
    for version in ("17.4", "13.9", "16.1"):
        program(tmp_path / version, version)
    box = toolbox(*(tmp_path / v for v in ("17.4", "13.9", "16.1")))
    assert box.choose("pg_dump", server).version == chosen


def test_of_one_major_version_the_newest_minor_is_chosen(tmp_path):
    program(tmp_path / "a", "16.1")
    program(tmp_path / "b", "16.10")
    assert toolbox(tmp_path / "a", tmp_path / "b").choose("pg_dump", 15).version == "16.10"


def test_a_beta_version_is_understood(tmp_path):
    program(tmp_path, "19beta1")
    assert toolbox(tmp_path).choose("pg_dump", 18).version == "19beta1"


def test_the_configured_folder_goes_before_all_others(tmp_path):
    program(tmp_path / "own", "18.1")
    program(tmp_path / "other", "15.1")
    box = toolbox(tmp_path / "other", tools=Tools(path=tmp_path / "own"))
    assert box.choose("pg_dump", 15).argv == (str(tmp_path / "own" / "pg_dump"),)


def test_a_configured_folder_that_is_too_old_gives_way(tmp_path):
    program(tmp_path / "own", "13.1")
    program(tmp_path / "other", "15.1")
    box = toolbox(tmp_path / "other", tools=Tools(path=tmp_path / "own"))
    assert box.choose("pg_dump", 15).version == "15.1"


def test_where_none_fits_the_error_says_what_to_install(tmp_path):
    program(tmp_path, "15.2")
    with pytest.raises(ToolMissing) as caught:
        toolbox(tmp_path).choose("pg_dump", 17)
    assert (
        caught.value.message == f"no pg_dump for PostgreSQL 17 is on this machine (found: 15.2 in {tmp_path})"
    )
    assert "apt install postgresql-client-17" in (caught.value.hint or "")


def test_each_program_is_asked_for_its_version_once(tmp_path):
    program(tmp_path, "15.2")
    box = toolbox(tmp_path)
    for _ in range(3):
        box.choose("pg_dump", 15)
    assert (tmp_path / "runs").read_text() == "run\n"


def test_debians_wrapper_and_programs_that_do_not_run_are_passed_over(tmp_path):
    wrapper = program(tmp_path / "wrapper", "15.1", "pg_wrapper")
    (tmp_path / "wrapper" / "pg_dump").symlink_to(wrapper)
    broken = program(tmp_path / "broken", "15.1")
    broken.write_text("#!/bin/sh\nexit 1\n")
    program(tmp_path / "good", "16.1")
    box = toolbox(tmp_path / "wrapper", tmp_path / "broken", tmp_path / "good", tmp_path / "none")
    assert box.choose("pg_dump", 15).version == "16.1"


def test_a_command_is_put_before_the_program_and_asked_through(tmp_path):
    program(tmp_path, "18.1")
    command = ("/usr/bin/env", f"PATH={tmp_path}:/usr/bin:/bin")
    tool = toolbox(tools=Tools(command=command)).choose("pg_dump", 18)
    assert (tool.argv, tool.version) == ((*command, "pg_dump"), "18.1")


def test_a_command_that_reaches_an_older_program_is_an_error(tmp_path):
    program(tmp_path, "15.1")
    command = ("/usr/bin/env", f"PATH={tmp_path}:/usr/bin:/bin")
    with pytest.raises(ToolMissing, match=r"pg_dump 15\.1 through .* is older than the server"):
        toolbox(tools=Tools(command=command)).choose("pg_dump", 18)


def test_a_child_gets_no_settings_of_postgresql_and_no_home():
    box = Toolbox(
        Tools(), {"PATH": "/bin", "PGHOST": "x", "PGOPTIONS": "y", "HOME": "/root", "PGSERVICE": "z"}
    )
    assert box.environment() == {"PATH": "/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": "/dev/null"}


def test_a_command_into_a_container_gets_no_home_folder_that_is_none() -> None:
    box = Toolbox(Tools(command=("docker", "exec", "-i", "db")), {"PATH": "/bin", "HOME": "/root"})
    assert box.environment() == {"PATH": "/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
