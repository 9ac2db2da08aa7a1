"""The ways of a password."""

import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail, null
from keyrings.alt.file import PlaintextKeyring

from python_backup.config.sealed import Kind
from python_backup.config.secret import secret
from python_backup.config.sources import KeyringEntry, PasswordSource, SecretSource
from python_backup.config.vault import Entry, Key, Vault, with_added
from python_backup.errors import ConfigError, VaultError

PLACE = "instances[0].password"


def revealed(
    given: str | SecretSource, folder: Path = Path("/"), environ: dict[str, str] | None = None
) -> str:
    found = secret(given, PLACE, folder, environ or {})
    assert found is not None
    return found.reveal()


def private(path: Path, content: bytes, mode: int = 0o600) -> SecretSource:
    path.write_bytes(content)
    path.chmod(mode)
    return SecretSource(file=str(path))


def program(text: str) -> SecretSource:
    return SecretSource(command=[sys.executable, "-c", text])


def test_no_password_is_none() -> None:
    assert secret(None, PLACE, Path("/"), {}) is None


def test_plain_text_is_itself() -> None:
    assert revealed("p w") == "p w"


def test_the_environment_is_asked_when_the_password_is_used() -> None:
    environ: dict[str, str] = {}
    found = secret(SecretSource(env="X"), PLACE, Path("/"), environ)
    environ["X"] = "late"
    assert found is not None
    assert found.reveal() == "late"


def test_a_missing_variable_is_an_error_with_its_path() -> None:
    with pytest.raises(ConfigError, match=r"instances\[0\]\.password: the environment has no X"):
        revealed(SecretSource(env="X"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"pw\n", "pw"), (b"pw", "pw"), (b"pw\n\n", "pw\n"), (b" pw \r\n", " pw "), ("ü\n".encode(), "ü")],
)
def test_a_file_loses_one_line_end(tmp_path: Path, content: bytes, expected: str) -> None:
    assert revealed(private(tmp_path / "pw", content)) == expected


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match=f"can be read by others, mode {mode:04o}") as caught:
        revealed(private(tmp_path / "pw", b"hunter2", mode))
    assert "chmod 600" in str(caught.value.hint)


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(ConfigError, match="'/nowhere/pw' cannot be read: No such file"):
        revealed(SecretSource(file="/nowhere/pw"))


def test_a_relative_file_starts_at_the_configs_folder(tmp_path: Path) -> None:
    private(tmp_path / "pw", b"pw\n")
    assert revealed(SecretSource(file="pw"), tmp_path) == "pw"


def test_a_program_gives_its_first_line() -> None:
    assert revealed(program("print('pw'); print('url: x')")) == "pw"


def test_a_program_that_fails_is_an_error_without_its_output() -> None:
    with pytest.raises(ConfigError, match="ended with 3: locked") as caught:
        revealed(program("import sys; print('hunter2'); sys.stderr.write('locked\\n'); sys.exit(3)"))
    assert "hunter2" not in caught.value.message


def test_a_program_that_prints_nothing_is_an_error() -> None:
    with pytest.raises(ConfigError, match="printed no password"):
        revealed(program("print()"))


def test_a_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigError, match="'no-such-program' is not on this machine"):
        revealed(SecretSource(command=["no-such-program"]))


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[PlaintextKeyring]:
    """A keyring in a file, as keyrings.alt has it; the machine's own one is back afterwards."""
    before = keyring.get_keyring()
    made = PlaintextKeyring()
    made.file_path = str(tmp_path / "ring")
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


ASKED = SecretSource(keyring=KeyringEntry(service="db", username="web"))


@pytest.mark.parametrize("password", ["pw", 'a"b#\\%$ ü', "x" * 100])
def test_a_keyring_gives_its_password(ring: PlaintextKeyring, password: str) -> None:
    ring.set_password("db", "web", password)
    ring.set_password("db", "other", "hunter2")
    assert revealed(ASKED) == password


def test_a_keyring_without_the_entry_is_an_error(ring: PlaintextKeyring) -> None:
    with pytest.raises(ConfigError, match="the keyring has no password for 'web' of 'db'") as caught:
        revealed(ASKED)
    assert "keyring set db web" in str(caught.value.hint)
    keyring.set_keyring(null.Keyring())
    with pytest.raises(ConfigError, match="has no password"):
        revealed(ASKED)


def test_a_machine_without_a_keyring_is_an_error(ring: PlaintextKeyring) -> None:
    keyring.set_keyring(fail.Keyring())
    with pytest.raises(ConfigError, match="the keyring cannot be asked: No recommended backend"):
        revealed(ASKED)


def test_without_the_extra_the_hint_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match="the package keyring is not installed") as caught:
        revealed(ASKED)
    assert "vya-backupdb[keyring]" in str(caught.value.hint)


@pytest.mark.parametrize("mode", [0o400, 0o440])  # an access list shows as the group's bits
def test_a_credential_of_systemd_is_read_from_its_folder(tmp_path: Path, mode: int) -> None:
    private(tmp_path / "web", b"p w\n", mode)
    given = SecretSource(systemd="web")
    assert revealed(given, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "p w"


def test_a_missing_credential_is_an_error(tmp_path: Path) -> None:
    given = SecretSource(systemd="web")
    with pytest.raises(ConfigError, match="the environment has no CREDENTIALS_DIRECTORY") as caught:
        revealed(given)
    assert "LoadCredential=web:PATH" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="web' cannot be read: No such file"):
        revealed(given, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_a_vaults_entry_is_read_when_the_password_is_used(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault", Key(Kind.KEY_FILE, lambda: b"k" * 32))
    found = secret(PasswordSource(vault="web"), PLACE, Path("/"), {}, vault)
    assert found is not None
    with pytest.raises(VaultError, match="vault' cannot be read: No such file"):
        found.reveal()
    vault.create()
    with pytest.raises(VaultError, match="has no entry 'web'"):
        found.reveal()
    vault.change(with_added([Entry("web", "", "pw")], replace=False))
    assert found.reveal() == "pw"
