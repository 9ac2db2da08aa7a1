"""The config as it is shown."""

from pathlib import Path

from python_backup.config.load import read_config
from python_backup.config.schema import json_schema
from python_backup.config.show import as_yaml, effective

TEXT = """\
backup: {directory: /b}
instances:
  - {id: 1, dbms: mysql, username: u, password: hunter2}
  - {id: 2, dbms: mariadb, username: u, password: "${PW}", socket: /s}
  - {id: 3, dbms: postgresql, username: u, password: {env: PW}}
  - {id: 4, dbms: postgresql, password: {vault: 4}}
vault: {path: v, passphrase: {file: f}}
"""


def shown(text: str) -> str:
    return as_yaml(effective(read_config(text, Path("c"), {"PW": "hunter3"})[1]))


def test_no_password_is_shown_but_where_one_comes_from_is() -> None:
    passwords = [i["password"] for i in effective(read_config(TEXT, Path("c"), {"PW": "x"})[1])["instances"]]
    assert passwords == ["***", "***", {"env": "PW"}, {"vault": "4"}]
    assert "hunter" not in shown(TEXT)


def test_what_is_shown_is_a_config_again_with_the_defaults_filled_in() -> None:
    again = read_config(shown(TEXT), Path("c"), {})[1]
    assert [(i.port, i.socket) for i in again.instances] == [
        (3306, None),
        (None, "/s"),
        (5432, None),
        (5432, None),
    ]
    assert as_yaml(effective(again)) == shown(TEXT)


def test_the_schema_forbids_unknown_keys_everywhere() -> None:
    schema = json_schema()
    models = [schema, *schema["$defs"].values()]
    assert [m["title"] for m in models if m.get("additionalProperties") is not False] == []
