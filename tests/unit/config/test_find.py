"""The five places of a config file."""

from pathlib import Path

import pytest

from python_backup.config.find import find_config, places
from python_backup.errors import ConfigError


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    return path


def test_the_named_file_wins_over_all_others(tmp_path: Path) -> None:
    named, other = made(tmp_path / "named"), made(tmp_path / "other")
    made(tmp_path / "config.yaml")
    assert find_config(named, {"VYA_BACKUPDB_CONFIG": str(other)}, tmp_path) == named


def test_the_environment_wins_over_the_current_folder(tmp_path: Path) -> None:
    other = made(tmp_path / "other")
    made(tmp_path / "config.yaml")
    assert find_config(None, {"VYA_BACKUPDB_CONFIG": str(other)}, tmp_path) == other


def test_the_current_folder_wins_over_home(tmp_path: Path) -> None:
    here = made(tmp_path / "here/config.yaml")
    made(tmp_path / "home/.config/vya-backupdb/config.yaml")
    assert find_config(None, {"HOME": str(tmp_path / "home")}, tmp_path / "here") == here


def test_home_is_next_and_etc_is_last(tmp_path: Path) -> None:
    home = made(tmp_path / "home/.config/vya-backupdb/config.yaml")
    environ = {"HOME": str(tmp_path / "home")}
    assert find_config(None, environ, tmp_path / "here") == home
    assert places(environ, tmp_path / "here")[-1] == Path("/etc/vya-backupdb/config.yaml")


@pytest.mark.parametrize("environ", [{}, {"VYA_BACKUPDB_CONFIG": "/nowhere/config.yaml"}])
def test_a_named_file_that_is_not_there_is_an_error(environ: dict[str, str]) -> None:
    named = None if environ else Path("/nowhere/config.yaml")
    with pytest.raises(ConfigError, match=r"'/nowhere/config\.yaml'"):
        find_config(named, environ, Path("/"))


def test_no_file_at_all_lists_where_it_looked(tmp_path: Path) -> None:
    if Path("/etc/vya-backupdb/config.yaml").exists():
        pytest.skip("this machine has a config in /etc, so nothing is missing")
    with pytest.raises(ConfigError) as caught:
        find_config(None, {"HOME": str(tmp_path)}, tmp_path)
    assert caught.value.message.splitlines()[1:] == [
        f"  {p}" for p in places({"HOME": str(tmp_path)}, tmp_path)
    ]
    assert "vya-backupdb config init" in str(caught.value.hint)
