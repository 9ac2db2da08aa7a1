"""The vault as a file."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from python_backup.config import sealed
from python_backup.config.sealed import Kind
from python_backup.config.vault import Entry, Key, Vault, with_added, without
from python_backup.errors import ConfigError, Refused, StorageFailed, UsageError, VaultError

WEB, SHOP = Entry("web", "backup", "hunter2"), Entry("shop", "", 'p"w#\\ %$ü--password')


def vault_at(path: Path, key: bytes = b"k" * 32) -> Vault:
    return Vault(path, Key(Kind.KEY_FILE, lambda: key))


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """A vault with one entry."""
    made = vault_at(tmp_path / "vault")
    made.create()
    made.change(with_added([WEB], replace=False))
    return made


def test_entries_come_back_by_id(vault: Vault) -> None:
    vault.change(with_added([SHOP], replace=False))
    assert vault_at(vault.path).entries() == (SHOP, WEB)
    assert vault.entry("shop") == SHOP


def test_a_password_is_in_no_representation() -> None:
    assert "hunter2" not in repr(WEB)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o377])
def test_the_file_is_its_owners_alone_and_nothing_lies_beside_it(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        made = vault_at(tmp_path / "vault")
        made.create()
        first = stat.S_IMODE(made.path.stat().st_mode)
        made.change(with_added([WEB], replace=False))
    finally:
        os.umask(before)
    assert (first, stat.S_IMODE(made.path.stat().st_mode)) == (0o600, 0o600)
    assert list(tmp_path.iterdir()) == [made.path]


def test_a_vault_is_not_made_twice(vault: Vault) -> None:
    content = vault.path.read_bytes()
    with pytest.raises(Refused, match="is there already"):
        vault_at(vault.path).create()
    assert vault.path.read_bytes() == content


def test_a_vault_that_is_not_there_is_told(tmp_path: Path) -> None:
    missing = vault_at(tmp_path / "none")
    for act in (missing.entries, lambda: missing.change(with_added([WEB], replace=False))):
        with pytest.raises(VaultError, match="none' cannot be read: No such file") as caught:
            act()
        assert caught.value.exit_code == 3
        assert "vault init" in str(caught.value.hint)


def test_an_entry_is_replaced_only_where_that_is_said(vault: Vault) -> None:
    new = Entry("web", "other", "new")
    with pytest.raises(Refused, match="has web already"):
        vault.change(with_added([SHOP, new], replace=False))
    assert vault.entries() == (WEB,)
    vault.change(with_added([SHOP, new], replace=True))
    assert vault.entries() == (SHOP, new)


def test_entries_are_removed_all_or_none(vault: Vault) -> None:
    with pytest.raises(UsageError, match="has no entry none"):
        vault.change(without(["web", "none"]))
    assert vault.entries() == (WEB,)
    vault.change(without(["web"]))
    assert vault.entries() == ()


def test_a_wrong_key_opens_nothing_and_changes_nothing(vault: Vault) -> None:
    wrong = vault_at(vault.path, b"w" * 32)
    content = vault.path.read_bytes()
    for act in (wrong.entries, lambda: wrong.change(with_added([SHOP], replace=False))):
        with pytest.raises(VaultError, match="vault' is not opened by this key file"):
            act()
    assert vault.path.read_bytes() == content


def test_a_damaged_vault_is_not_written_over(vault: Vault) -> None:
    content = vault.path.read_bytes()[:-1]
    vault.path.write_bytes(content)
    with pytest.raises(VaultError, match="damaged or was tampered with"):
        vault.change(with_added([SHOP], replace=False))
    assert vault.path.read_bytes() == content


def test_a_passphrase_is_stretched_once_until_another_process_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stretched: list[bytes] = []
    real = sealed._DERIVE[Kind.PASSPHRASE]

    def counted(salt: bytes, cost: int, secret: bytes) -> sealed.Keys:
        stretched.append(secret)
        return real(salt, cost, secret)

    monkeypatch.setitem(sealed._DERIVE, Kind.PASSPHRASE, counted)
    path = tmp_path / "vault"
    one, two = (Vault(path, Key(Kind.PASSPHRASE, lambda: b"pass"), cost=10) for _ in range(2))
    one.create()
    stretched.clear()
    assert [two.entries() for _ in range(5)] == [()] * 5
    assert len(stretched) == 1
    one.change(with_added([WEB], replace=False))
    stretched.clear()
    assert [two.entries() for _ in range(5)] == [(WEB,)] * 5
    assert len(stretched) == 1


def test_a_key_that_cannot_be_had_is_an_error_before_the_lock(vault: Vault) -> None:
    def nobody() -> bytes:
        raise ConfigError("no key")

    with pytest.raises(ConfigError, match="no key"):
        Vault(vault.path, Key(Kind.KEY_FILE, nobody)).change(without(["web"]))


def test_what_a_killed_run_left_is_cleared_by_the_next_change(vault: Vault) -> None:
    left = vault.path.with_name(".vault.partial-0badcafe")
    other = vault.path.with_name(".other.partial-0badcafe")
    left.write_bytes(b"x")
    other.write_bytes(b"x")
    vault.change(with_added([SHOP], replace=False))
    assert sorted(path.name for path in vault.path.parent.iterdir()) == [other.name, "vault"]


def test_a_link_to_a_vault_stays_one(vault: Vault, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(vault.path)
    vault_at(link).change(with_added([SHOP], replace=False))
    assert link.is_symlink()
    assert vault.entries() == (SHOP, WEB)


def test_a_folder_that_is_not_there_is_told_with_its_vault(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="No such file") as caught:
        vault_at(tmp_path / "none" / "vault").create()
    assert "backup.directory" not in str(caught.value.hint)


ADDING = """
import sys
from pathlib import Path
from python_backup.config.vault import Entry, Key, Kind, Vault, with_added
for number in range(15):
    vault = Vault(Path(sys.argv[1]), Key(Kind.KEY_FILE, lambda: b"k" * 32))
    vault.change(with_added([Entry(f"{sys.argv[2]}{number:02}", "", "p")], replace=False))
"""


def test_adding_at_the_same_time_loses_nothing(vault: Vault) -> None:
    runs = [subprocess.Popen([sys.executable, "-c", ADDING, str(vault.path), who]) for who in "abcd"]
    assert [run.wait(timeout=120) for run in runs] == [0] * 4
    assert [e.id for e in vault.entries()] == [*(f"{w}{n:02}" for w in "abcd" for n in range(15)), "web"]
    assert list(vault.path.parent.iterdir()) == [vault.path]
