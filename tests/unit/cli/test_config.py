"""vya-backupdb config."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from python_backup.config.load import load
from python_backup.config.sources import PasswordSource
from python_backup.instance import Dbms


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_init_writes_a_private_valid_file_from_options(vya: Callable, tmp_path: Path) -> None:
    options = {
        "--config": "new/c.yaml",
        "--dbms": "mariadb",
        "--host": "db",
        "--port": "3307",
        "--username": "u",
        "--directory": "/b",
        "--password-file": "/pw",
    }
    ran = vya("config", "init", *(word for pair in options.items() for word in pair))
    assert (ran.code, ran.out) == (0, "wrote new/c.yaml\n")
    path = tmp_path / "new/c.yaml"
    assert path.stat().st_mode & 0o777 == 0o600
    instance = load(path, {}).instances[0]
    assert (instance.dbms, instance.host, instance.port, instance.username) == (Dbms.MARIADB, "db", 3307, "u")
    assert vya("config", "validate", "--config", "new/c.yaml").code == 0


def test_init_asks_on_a_terminal_until_the_answer_will_do(
    vya: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("oracle\nmysql\n\nport\n3307\n/b\nme\nMY_PW\n"))
    monkeypatch.setattr("sys.stderr", Terminal())
    assert vya("config", "init", "--config", "c.yaml").code == 0
    made = yaml.safe_load((tmp_path / "c.yaml").read_text())
    instance = made["instances"][0]
    assert (made["backup"]["directory"], instance["dbms"], instance["host"], instance["port"]) == (
        "/b",
        "mysql",
        "127.0.0.1",
        3307,
    )
    assert (instance["username"], instance["password"]) == ("me", {"env": "MY_PW"})
    assert PasswordSource.model_validate(instance["password"]).env == "MY_PW"


def test_init_over_a_socket_needs_no_password(vya: Callable, tmp_path: Path) -> None:
    assert vya("config", "init", "--config", "c.yaml", "--socket", "/run/db").code == 0
    instance = load(tmp_path / "c.yaml", {}).instances[0]
    assert (instance.socket, instance.password) == ("/run/db", None)


def test_init_overwrites_nothing_without_force(vya: Callable, config: Path) -> None:
    before = config.read_text()
    assert (vya("config", "init").code, config.read_text()) == (8, before)
    assert vya("config", "init", "--force").code == 0
    assert config.read_text() != before


@pytest.mark.parametrize(
    "arguments",
    [
        ("--password-env", "A", "--password-file", "B"),
        ("--socket", "/s", "--host", "h"),
        ("--password-env", "a b"),
        ("--port", "0"),
    ],
)
def test_init_refuses_options_that_make_no_sense(
    vya: Callable, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    assert vya("config", "init", "--config", "c.yaml", *arguments).code == 2
    assert not (tmp_path / "c.yaml").exists()


def test_validate_names_every_fault_and_exits_3(vya: Callable, config: Path) -> None:
    config.write_text("backup: {directory: b}\ninstances: [{id: 1, dbms: mysq, usernam: u}]\n")
    ran = vya("config", "validate")
    assert (ran.code, ran.out) == (3, "")
    assert ran.err.splitlines()[0] == "error: 3 faults in the config"
    assert f"  {config}:2: instances[0].usernam: unknown key; did you mean username?" in ran.err.splitlines()


def test_validate_with_json_is_one_document_either_way(vya: Callable, config: Path) -> None:
    assert vya("config", "validate", "--json").document["valid"] is True
    config.write_text("")
    ran = vya("config", "validate", "--json")
    assert (ran.code, ran.document["error"]["type"], ran.document["error"]["exit_code"]) == (
        3,
        "ConfigError",
        3,
    )


def test_no_config_at_all_says_where_it_was_looked_for(vya: Callable, config: Path) -> None:
    config.unlink()
    ran = vya("config", "validate")
    assert ran.code == 3
    assert "no config file" in ran.err


def test_show_masks_passwords(vya: Callable, config: Path) -> None:
    config.write_text(config.read_text().replace("username: u}", "username: u, password: hunter2}", 1))
    shown, document = vya("config", "show").out, vya("config", "show", "--json").out
    assert "hunter2" not in shown + document
    assert yaml.safe_load(shown)["instances"][0]["password"] == "***"
    assert json.loads(document)["config"]["instances"][0]["port"] == 3306


def test_schema_is_json_schema(vya: Callable) -> None:
    assert vya("config", "schema").document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
