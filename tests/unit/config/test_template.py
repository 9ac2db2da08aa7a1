"""The file that config init writes."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.config.load import load, read_config
from python_backup.config.schema import InstanceSection
from python_backup.config.sources import PasswordSource
from python_backup.config.template import Answers, config_text, write_new
from python_backup.errors import Refused, StorageFailed
from python_backup.instance import Dbms
from python_backup.model import Format

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def only_instance(answers: Answers) -> InstanceSection:
    (instance,) = read_config(config_text(answers), Path("c"), {})[1].instances
    return instance


@pytest.mark.parametrize("dbms", list(Dbms))
def test_the_default_answers_make_a_valid_file_that_says_zstd(tmp_path: Path, dbms: Dbms) -> None:
    write_new(tmp_path / "c", config_text(Answers(dbms=dbms)), force=False)
    config = load(tmp_path / "c", {})
    assert (config.format, config.instances[0].dbms) == (Format.ZSTD, dbms)


@given(name=TEXTS, username=TEXTS, directory=TEXTS.filter(lambda t: "\0" not in t))
def test_any_text_is_read_back_as_it_was_given(name: str, username: str, directory: str) -> None:
    instance = only_instance(Answers(name=name, username=username, directory=directory))
    assert (instance.name, instance.username) == (name, username)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n")))
def test_any_password_is_read_back(password: str) -> None:
    assert only_instance(Answers(password={"text": password})).password == password


@pytest.mark.parametrize("kind", ["env", "file"])
def test_a_password_elsewhere_is_written_as_such(kind: str) -> None:
    assert only_instance(Answers(password={kind: "PLACE"})).password == PasswordSource.model_validate(
        {kind: "PLACE"}
    )


def test_a_socket_takes_the_place_of_host_and_port() -> None:
    instance = only_instance(Answers(socket="/run/db.sock"))
    assert (instance.socket, instance.port) == ("/run/db.sock", None)


def test_no_password_leaves_an_example_of_one() -> None:
    answers = Answers(password={})
    assert only_instance(answers).password is None
    assert "# password: {env: NAME}" in config_text(answers)


def test_the_file_is_private_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new/c"
    write_new(path, "x", force=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["c"]


def test_a_file_that_is_there_stays_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_text("old")
    with pytest.raises(Refused, match="is there already"):
        write_new(path, "new", force=False)
    assert (path.read_text(), list(tmp_path.iterdir())) == ("old", [path])
    write_new(path, "new", force=True)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("new", 0o600)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot be written"):
        write_new(tmp_path / "file/c", "x", force=False)
