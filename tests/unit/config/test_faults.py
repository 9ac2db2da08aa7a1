"""Every fault of a config file is named, with its line and what was meant."""

import pytest

from support.configs import ONE, START, faults_of, instance_faults


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


@pytest.mark.parametrize("retry", ["{attempts: 0}", "{backoff: 0.5}", "{delay: -1}", "{tries: 3}"])
def test_a_retry_that_makes_no_sense_is_a_fault(retry: str) -> None:
    text = f"backup: {{directory: b, retry: {retry}}}\ninstances: [{{id: 1, dbms: mysql, username: u}}]\n"
    assert [fault for fault in faults_of(text) if "retry" in fault] != []


@pytest.mark.parametrize("given", ["0", "-1", "10 XB", "MB", "1.5 MB", '""'])
def test_what_is_no_size_is_a_fault(given: str) -> None:
    text = f"backup: {{directory: b}}\nlogging: {{max_size: {given}}}\ninstances: [{{id: 1, dbms: mysql, username: u}}]\n"
    assert any("logging.max_size" in fault for fault in faults_of(text))


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
