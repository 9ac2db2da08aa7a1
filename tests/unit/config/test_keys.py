"""What opens the vault."""

from pathlib import Path

import pytest

from python_backup.config.keys import make_key_file, vault_of
from python_backup.config.load import load
from python_backup.config.schema import VaultSection
from python_backup.config.sources import SecretSource
from python_backup.config.vault import Entry, Vault, with_added
from python_backup.errors import ConfigError, StorageFailed, VaultError


def opened(folder: Path, answer: str | None = None, **section: object) -> Vault:
    return vault_of(VaultSection(path="vault", **section), folder, {"PP": "pass"}, lambda _: answer)


def test_a_key_file_is_private_and_opens_its_vault(tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "key").read_text()) == 65
    opened(tmp_path, key_file="key").create()
    assert opened(tmp_path, key_file="key").entries() == ()


def test_a_key_file_is_never_replaced(tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")
    with pytest.raises(StorageFailed, match="is there already"):
        make_key_file(tmp_path / "key")


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    make_key_file(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(ConfigError, match=r"vault\.key_file: .* can be read by others"):
        opened(tmp_path, key_file="key").create()


@pytest.mark.parametrize("text", ["", "xyz", "00" * 31, "00" * 33])
def test_a_key_file_without_a_key_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(ConfigError, match="holds no key: that is 64 hexadecimal digits"):
        opened(tmp_path, key_file="key").create()


def test_a_passphrase_from_the_config_and_from_the_terminal_are_the_same(tmp_path: Path) -> None:
    opened(tmp_path, passphrase=SecretSource(env="PP")).create()
    assert opened(tmp_path, "pass").entries() == ()
    with pytest.raises(VaultError, match="is not opened by this passphrase"):
        opened(tmp_path, "Pass").entries()


def test_a_passphrase_is_the_same_however_its_letters_are_composed(tmp_path: Path) -> None:
    opened(tmp_path, "h\u00f6rse").create()
    assert opened(tmp_path, "ho\u0308rse").entries() == ()


def test_an_empty_or_absent_passphrase_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"vault\.passphrase: is empty"):
        opened(tmp_path, "").create()
    with pytest.raises(ConfigError, match="there is no terminal to ask at") as caught:
        opened(tmp_path, None).create()
    assert "vault.passphrase" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


CONFIG = """\
backup: {directory: b}
vault: {path: vault, key_file: key}
instances:
  - {id: 1, dbms: mysql, password: {vault: 1}}
  - {id: 2, dbms: mysql, username: mine, password: {vault: 1}}
  - {id: 3, dbms: mysql, password: {vault: nameless}}
"""


def test_an_instance_takes_its_account_from_the_vault_when_it_logs_in(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG)
    one, two, three = load(tmp_path / "c.yaml", {}).instances  # there is no vault yet
    make_key_file(tmp_path / "key")
    vault = opened(tmp_path, key_file="key")
    vault.create()
    vault.change(with_added([Entry("1", "held", "pw"), Entry("nameless", "", "pw")], replace=False))
    assert one.password is not None
    assert (one.account, one.password.reveal(), two.account) == ("held", "pw", "mine")
    with pytest.raises(ConfigError, match=r"instances\[2\]\.username: neither the config nor the vault's"):
        _ = three.account
