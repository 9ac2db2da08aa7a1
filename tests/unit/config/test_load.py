"""A config file as a whole."""

from pathlib import Path
from textwrap import dedent, indent

import pytest

from python_backup.config.load import load, read_config
from python_backup.config.schema import ConfigFile
from python_backup.errors import ConfigError, UsageError
from python_backup.model import Dbms, Format, Limits, Retry, Throttle, Tls, TlsMode, Tools
from python_backup.policy.anomalies import Rule

EXAMPLE = Path(__file__).parents[3] / "config.example.yaml"
START = "backup: {directory: /b}\ninstances:\n"
ONE = "{id: 1, dbms: mysql, username: u}"


def faults_of(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_config(text, Path("c.yaml"), environ or {})
    return [line.removeprefix("  c.yaml:") for line in caught.value.message.splitlines()[1:]]


def instance_faults(keys: str, dbms: str = "mysql") -> list[str]:
    """The faults of one instance that has these further keys."""
    text = START + f"  - id: 1\n    dbms: {dbms}\n    username: u\n" + indent(dedent(keys), "    ")
    return [line.split(": ", 1)[1] if "instances[0]: " in line else line for line in faults_of(text)]


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    path.chmod(mode)
    return path


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


def test_all_faults_are_reported_at_once_with_path_line_and_what_was_meant() -> None:
    text = """\
backup:
  directory: ${NOPE}
  compresion: {format: gzip}
instances:
  - id: 1
    dbms: postgres
    port: 99999
    usernam: x
  - id: 1
    dbms: mysql
    dbms: mysql
    username: ""
    tls: []
"""
    assert faults_of(text) == [
        "2: backup.directory: the environment has no NOPE",
        "3: backup.compresion: unknown key; did you mean compression?",
        "5: instances[0].username: is needed",
        "6: instances[0].dbms: must be 'mysql', 'mariadb' or 'postgresql', not 'postgres'; did you mean postgresql?",
        "7: instances[0].port: must be at most 65535",
        "8: instances[0].usernam: unknown key; did you mean username?",
        "9: instances[1].id: 1 is taken by instances[0]",
        "11: instances[1].dbms: given twice; first on line 10",
        "12: instances[1].username: must not be empty",
        "13: instances[1].tls: must be a mapping of keys",
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("host: a\nsocket: /s", ["6: instances[0].host: give host and port, or socket, not both"]),
        ("port: 1\nsocket: /s", ["6: instances[0].port: give host and port, or socket, not both"]),
        ("port: 0", ["6: instances[0].port: must be at least 1"]),
        ("port: x", ["6: instances[0].port: must be a whole number"]),
        ("port: true", ["6: instances[0].port: must be a whole number"]),
        ("format: custom", ["6: instances[0].format: is for postgresql alone, not for mysql"]),
        ("password: 7", ["6: instances[0].password: must be text; put it in quotes"]),
        (
            "password: {}",
            ["6: instances[0].password: takes just one of env, file, command, keyring, systemd and vault"],
        ),
        (
            "password: {env: A, file: B}",
            ["6: instances[0].password: takes just one of env, file, command, keyring, systemd and vault"],
        ),
        ("password: {en: A}", ["6: instances[0].password.en: unknown key; did you mean env?"]),
        ("password: {command: pass}", ["6: instances[0].password.command: must be a list"]),
        ("password: {keyring: {service: a}}", ["6: instances[0].password.keyring.username: is needed"]),
        (
            "password: {systemd: a/b}",
            ["6: instances[0].password.systemd: is a credential's name, not a path"],
        ),
        ("password: {systemd: ..}", ["6: instances[0].password.systemd: is a credential's name, not a path"]),
        (
            "password: {vault: a}",
            ["6: instances[0].password.vault: needs the section vault, which names the file"],
        ),
        ("password: {command: []}", ["6: instances[0].password.command: must not be empty"]),
        ('password: "a\\nb"', ["6: instances[0].password: holds a line end, which no server takes"]),
        ("filter: app", ["6: instances[0].filter: must be a list"]),
        ("enabled: maybe", ["6: instances[0].enabled: must be true or false"]),
        ("tls: {mode: verify-ca}", ["6: instances[0].tls.ca: is needed for mode verify-ca"]),
        ("tls: {cert: a}", ["6: instances[0].tls: cert and key go together"]),
        ("tools: {host: a}", ["6: instances[0].tools.host: goes with tools.command alone"]),
        ("tools: {comand: [a]}", ["6: instances[0].tools.comand: unknown key; did you mean command?"]),
        (
            "options: [--password=x]",
            ["6: instances[0].options[0]: no password and no option file here; use the key password"],
        ),
        (
            "options: [-px]",
            ["6: instances[0].options[0]: no password and no option file here; use the key password"],
        ),
        (
            "options: [--result-file=x]",
            ["6: instances[0].options[0]: --result-file would take the dump away from this program"],
        ),
    ],
)
def test_a_fault_of_an_instance_is_named(keys: str, expected: list[str]) -> None:
    assert instance_faults(keys) == expected


@pytest.mark.parametrize("given", ["a b", "''", "-x", "a/b", "é", "x" * 65])
def test_an_id_is_a_number_or_a_word(given: str) -> None:
    text = f"{START}  - {{id: {given}, dbms: mysql, username: u}}\n"
    assert len(faults_of(text)) == 1


@pytest.mark.parametrize(
    ("chosen", "level", "message"),
    [
        ("gzip", 10, "must be 1 to 9 for gzip, not 10"),
        ("zip", 0, "must be 1 to 9 for zip, not 0"),
        ("zstd", 23, "must be 1 to 22 for zstd, not 23"),
        ("none", 1, "means nothing with format none"),
    ],
)
def test_the_level_fits_the_format(chosen: str, level: int, message: str) -> None:
    text = (
        f"backup: {{directory: /b, compression: {{format: {chosen}, level: {level}}}}}\ninstances: [{ONE}]\n"
    )
    assert faults_of(text) == [f"1: backup.compression.level: {message}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1: is empty"]),
        ("# only a comment\n", ["1: is empty"]),
        ("- 1", ["1: must be a mapping of keys"]),
        ("backup: {directory: /b}\ninstances: []\n", ["2: instances: must not be empty"]),
        (
            "backup: 1\ninstances: 2\n",
            ["1: backup: must be a mapping of keys", "2: instances: must be a list"],
        ),
        ("a: [", ["1: no YAML: expected the node content, but found '<stream end>'"]),
    ],
)
def test_a_file_of_another_shape_is_named(text: str, expected: list[str]) -> None:
    assert faults_of(text) == expected


@pytest.mark.parametrize(
    ("vault", "expected"),
    [
        ("path: v, passphrase: {env: A}, key_file: k", ["passphrase: give key_file or passphrase, not both"]),
        (
            "path: v, passphrase: {}",
            ["passphrase: takes just one of env, file, command, keyring and systemd"],
        ),
        ("path: v, passphrase: {vault: a}", ["passphrase.vault: unknown key"]),
        ("path: v, passphrase: hunter2", ["passphrase: must be a mapping of keys"]),
        ("key_file: k", ["path: is needed"]),
    ],
)
def test_a_fault_of_the_vault_is_named(vault: str, expected: list[str]) -> None:
    text = f"vault: {{{vault}}}\n{START}  - {ONE}\n"
    assert faults_of(text) == [f"1: vault.{fault}" for fault in expected]


def test_without_a_vault_a_username_is_needed() -> None:
    text = f"{START}  - {{id: 1, dbms: mysql, password: {{env: A}}}}\n"
    assert [fault.partition(": ")[2] for fault in faults_of(text)] == ["instances[0].username: is needed"]


def test_no_fault_shows_a_password() -> None:
    faults = instance_faults('password: "hunter2${"\nport: x\nenabled: [hunter2]\n')
    assert [fault for fault in faults if "hunter2" in fault] == []


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


@pytest.mark.parametrize("retry", ["{attempts: 0}", "{backoff: 0.5}", "{delay: -1}", "{tries: 3}"])
def test_a_retry_that_makes_no_sense_is_a_fault(retry: str) -> None:
    text = f"backup: {{directory: b, retry: {retry}}}\ninstances: [{{id: 1, dbms: mysql, username: u}}]\n"
    assert [fault for fault in faults_of(text) if "retry" in fault] != []


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


@pytest.mark.parametrize("given", ["0", "-1", "10 XB", "MB", "1.5 MB", '""'])
def test_what_is_no_size_is_a_fault(given: str) -> None:
    text = f"backup: {{directory: b}}\nlogging: {{max_size: {given}}}\ninstances: [{{id: 1, dbms: mysql, username: u}}]\n"
    assert any("logging.max_size" in fault for fault in faults_of(text))


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


@pytest.mark.parametrize("share", ["30", "0.3", "101%", "-1%", "'%'", "''"])
def test_a_share_is_a_percentage(share: str) -> None:
    text = f"backup: {{directory: b}}\nexpect: {{max_shrink: {share}}}\ninstances: [{{id: 1, dbms: mysql, username: u}}]\n"
    assert faults_of(text) == ["2: expect.max_shrink: must be a percentage from 0% to 100%: 30%"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (
            "{env: A, file: b}",
            ["1: receipt.key: takes just one of env, file, command, keyring, systemd and vault"],
        ),
        ("{vault: k}", ["1: receipt.key.vault: needs the section vault, which names the file"]),
        ("{systemd: a/b}", ["1: receipt.key.systemd: is a credential's name, not a path"]),
        ("ab" * 32, ["1: receipt.key: takes a file's path; a key itself is not written into a config"]),
        ("''", ["1: receipt.key: must not be empty"]),
    ],
)
def test_a_fault_of_the_receipts_key_is_named(key: str, expected: list[str]) -> None:
    text = f"receipt: {{key: {key}}}\nbackup: {{directory: b}}\ninstances: [{{id: 1, dbms: mysql, username: u}}]\n"
    assert faults_of(text) == expected


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


@pytest.mark.parametrize(
    ("scratch", "same"),
    [
        ("host: localhost", True),
        ("port: 3306", True),
        ("port: 3307", False),
        ("host: elsewhere", False),
        ("socket: /s", False),
    ],
)
def test_no_server_that_is_backed_up_is_a_scratch_instance(scratch: str, same: bool) -> None:
    text = f"{START}  - {ONE}\n  - {{id: ci, dbms: mysql, username: u, scratch: true, {scratch}}}\n"
    found = [fault.partition(": ")[2] for fault in faults_of(text)] if same else []
    assert found == (["instances[1].scratch: is the same server as instances[0]"] if same else [])


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


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("bwlimit: fast", "must be bytes a second of at least 100 kB: 500k, 20 MB, 1 GiB"),
        ("bwlimit: 99 kB", "must be bytes a second of at least 100 kB: 500k, 20 MB, 1 GiB"),
        ("max_lag: 0", "must be at least 1"),
        ("max_load: 0", "must be at least 1"),
        ("speed: 1", None),
    ],
)
def test_a_throttle_that_makes_no_sense_is_a_fault(given: str, fault: str | None) -> None:
    (found,) = faults_of(f"throttle: {{{given}}}\n{START}  - {ONE}\n")
    assert f"throttle.{given.partition(':')[0]}: " in found
    assert fault is None or found.endswith(fault)


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ("1", "an instance is no replica of itself"),
        ("9", "no instance has the id 9"),
        ("main", "instance main is of another kind of server"),
    ],
)
def test_a_replica_is_another_instance_of_the_same_kind(other: str, fault: str) -> None:
    text = f"{START}  - {{id: main, dbms: postgresql, username: u}}\n"
    (found,) = faults_of(f"{text}  - {{id: 1, dbms: mysql, username: u, replicas: [{other}]}}\n")
    assert found.partition(": ")[2] == f"instances[1].replicas[0]: {fault}"
