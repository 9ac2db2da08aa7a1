"""A config file as a whole."""

from pathlib import Path
from textwrap import dedent

import pytest

from python_backup.config.load import load
from python_backup.config.schema import ConfigFile
from python_backup.errors import ConfigError, UsageError
from python_backup.instance import Dbms, Limits, Retry, Throttle, Tls, TlsMode, Tools
from python_backup.model import Format
from python_backup.policy.anomalies import Rule
from support.configs import ONE, START, written

EXAMPLE = Path(__file__).parents[3] / "config.example.yaml"


def test_the_example_is_valid_and_says_zstd() -> None:
    config = load(EXAMPLE, {})
    assert (config.format, config.level) == (Format.ZSTD, 3)
    assert [i.dbms for i in config.instances] == [Dbms.MYSQL, Dbms.MARIADB] + [Dbms.POSTGRESQL] * 2
    assert [i.id for i in config.instances] == ["1", "shop", "main", "archive"]


def test_the_example_shows_every_key() -> None:
    text = EXAMPLE.read_text()
    definitions = ConfigFile.model_json_schema()["$defs"].values()
    keys = {key for definition in definitions for key in definition["properties"]}
    assert {key for key in keys if f"{key}:" not in text} == set()


def test_a_full_instance_is_settled(tmp_path: Path) -> None:
    text = START + dedent("""\
        - id: web
          name: The web
          dbms: mariadb
          host: db.example
          port: ${PORT}
          username: u
          password: p
          filter: [a*]
          ignore: [b*]
          enabled: ${ON:-no}
          tls: {mode: require, ca: ca.pem}
          options: [--x]
          tools: {command: [docker, exec], socket: /s}
    """)
    config = load(written(tmp_path, text), {"PORT": "1234"})
    instance = config.instance("web")
    assert (instance.id, instance.name, instance.dbms) == ("web", "The web", Dbms.MARIADB)
    assert (instance.host, instance.port, instance.socket, instance.username) == (
        "db.example",
        1234,
        None,
        "u",
    )
    assert instance.password is not None
    assert (instance.password.reveal(), repr(instance.password)) == ("p", "Secret(***)")
    assert (instance.filter, instance.ignore, instance.options) == (("a*",), ("b*",), ("--x",))
    assert instance.enabled is False
    assert instance.tls == Tls(TlsMode.REQUIRE, ca=tmp_path / "ca.pem")
    assert instance.tools == Tools(command=("docker", "exec"), socket="/s")


def test_what_the_config_leaves_out_has_the_documented_defaults(tmp_path: Path) -> None:
    text = START + f"  - {ONE}\n  - {{id: b, dbms: postgresql, username: u}}\n"
    config = load(written(tmp_path, text), {})
    assert (config.format, config.level, config.warnings) == (Format.NONE, None, ())
    assert [i.port for i in config.instances] == [3306, 5432]
    assert [(i.host, i.name, i.enabled, i.custom_format) for i in config.instances] == [
        ("127.0.0.1", "1", True, False),
        ("127.0.0.1", "b", True, False),
    ]


def test_limits_and_retries_are_the_backups_or_the_instances_own(tmp_path: Path) -> None:
    text = """\
backup:
  directory: b
  timeout: 60
  lock_timeout: null
  retry: {attempts: 5, backoff: 1.5}
instances:
  - {id: 1, dbms: mysql, username: u}
  - {id: 2, dbms: mysql, username: u, timeout: 9, lock_timeout: 8, idle_timeout: 7, retry: {attempts: 1}}
"""
    first, second = load(written(tmp_path, text), {}).instances
    assert (first.limits, first.retry) == (Limits(60, None, 1800), Retry(5, 5, 1.5, 60))
    assert (second.limits, second.retry) == (Limits(9, 8, 7), Retry(1, 5, 2, 60))


def test_relative_paths_start_at_the_config_files_folder(tmp_path: Path) -> None:
    text = f"backup: {{directory: backups}}\ninstances: [{ONE}]\n"
    assert load(written(tmp_path, text), {}).directory == tmp_path / "backups"


def test_an_unknown_instance_lists_those_that_there_are(tmp_path: Path) -> None:
    config = load(
        written(tmp_path, f"{START}  - {ONE}\n  - {{id: b, name: Bee, dbms: mysql, username: u}}\n"), {}
    )
    with pytest.raises(UsageError, match="no instance '2'") as caught:
        config.instance("2")
    assert caught.value.hint == "The config has: 1, b (Bee)."


@pytest.mark.parametrize(
    ("password", "mode", "warned"),
    [("plain", 0o644, True), ("plain", 0o600, False), ("${X}", 0o644, False), ("{env: X}", 0o644, False)],
)
def test_a_plain_password_that_others_can_read_is_a_warning(
    tmp_path: Path, password: str, mode: int, warned: bool
) -> None:
    text = f"{START}  - {{id: 1, dbms: mysql, username: u, password: {password}}}\n".replace("${X}", "'${X}'")
    config = load(written(tmp_path, text, mode), {"X": "x"})
    assert len(config.warnings) == warned
    assert all("chmod 600" in warning for warning in config.warnings)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match="is not UTF-8 text, byte 3"):
        load(path, {})


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {})


def test_all_that_must_not_be_seen_is_known(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("open sesame")
    (tmp_path / "passphrase").chmod(0o600)
    text = """\
backup: {directory: b}
vault: {path: v, passphrase: {file: passphrase}}
instances:
  - {id: 1, dbms: mysql, username: u, password: "in clear"}
  - {id: 2, dbms: mysql, username: u}
"""
    secrets = load(written(tmp_path, text), {}).secrets
    assert [secret.revealed for secret in secrets] == [None, None]  # none is fetched before it is used
    assert [secret.reveal() for secret in secrets] == ["in clear", "open sesame"]
    assert [secret.revealed for secret in secrets] == ["in clear", "open sesame"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("10 MB", 10_000_000),
        ("512k", 512_000),
        ("1 GiB", 1 << 30),
        ("2MiB", 2 << 20),
        (4096, 4096),
        ("77", 77),
    ],
)
def test_a_size_may_have_a_unit(tmp_path: Path, given: object, expected: int) -> None:
    text = f"""\
backup: {{directory: b}}
logging: {{file: log, max_size: {given}}}
instances: [{{id: 1, dbms: mysql, username: u}}]
"""
    logging = load(written(tmp_path, text), {}).logging
    assert (logging.max_size, logging.file) == (expected, tmp_path / "log")


def test_what_is_expected_holds_for_all_then_for_some_then_for_an_instance(tmp_path: Path) -> None:
    text = """\
backup: {directory: b}
expect: {max_shrink: 30%, databases: [{database: "shop*", min_rows: {users: 1}}]}
instances:
  - {id: 1, dbms: mysql, username: u, expect: {max_shrink: 12.5%, ignore: [log]}}
"""
    config = load(written(tmp_path, text), {})
    assert config.expected == (
        Rule(max_shrink=0.3),
        Rule(database="shop*", min_rows={"users": 1}),
        Rule("1", max_shrink=0.125, ignore=["log"]),
    )


@pytest.mark.parametrize("key", ["k", "{file: k}", "{env: K}"])
def test_the_receipts_key_is_a_secret_from_a_path_or_a_source(tmp_path: Path, key: str) -> None:
    (tmp_path / "k").write_text("the key\n")
    (tmp_path / "k").chmod(0o600)
    text = f"receipt: {{key: {key}}}\nbackup: {{directory: b}}\ninstances: [{{id: 1, dbms: mysql, username: u}}]\n"
    config = load(written(tmp_path, text), {"K": "the key"})
    assert config.receipts is not None
    assert config.receipts.key.reveal() == "the key"
    assert config.receipts.file == (None if "env" in key else tmp_path / "k")
    assert "the key" in [secret.revealed for secret in config.secrets]


SCRATCH = "  - {id: ci, dbms: mariadb, host: ci, username: u, password: sss, scratch: yes}\n"


def test_a_scratch_instance_is_there_for_drills_alone(tmp_path: Path) -> None:
    config = load(written(tmp_path, f"{START}  - {ONE}\n{SCRATCH}"), {})
    assert [instance.id for instance in config.instances] == ["1"]
    assert [instance.id for instance in config.drilling.scratch] == ["ci"]
    assert "sss" in [secret.reveal() for secret in config.secrets]
    with pytest.raises(UsageError, match="is a scratch instance") as caught:
        config.instance("ci")
    assert "drill --all --on ci" in (caught.value.hint or "")


def test_how_runs_hold_themselves_back_is_said_for_all_and_for_one(tmp_path: Path) -> None:
    text = """\
backup: {directory: b}
throttle: {bwlimit: 20 MB, max_lag: 30, nice: true}
instances:
  - {id: 1, dbms: mysql, username: u, throttle: {max_load: 9, max_lag: 5, max_pause: 60}, replicas: [2]}
  - {id: 2, dbms: mariadb, username: u}
"""
    config = load(written(tmp_path, text), {})
    first, second = config.instances
    assert (config.nice, config.throttle) == (True, Throttle(20_000_000, 30))
    assert first.throttle == Throttle(20_000_000, 5, 9, 60)
    assert (second.throttle, first.replicas) == (config.throttle, (second,))
