"""What is said of the machine."""

from __future__ import annotations

import pytest

from python_backup.config.load import load
from python_backup.errors import ConfigError
from python_backup.jobs.health import machine
from python_backup.model import Verdict

CONFIG = "backup: {directory: b}\ninstances:\n  - {id: 1, dbms: mysql, username: u, password: %s}\n"


def test_this_python_and_its_packages_are_well() -> None:
    (python,) = machine.python()
    (packages,) = machine.packages()
    assert (python.verdict, packages.verdict) == (Verdict.OK, Verdict.OK)


def test_a_package_that_is_missing_or_out_of_range_is_named_with_what_installs_it(monkeypatch) -> None:
    lines = ["pymysql>=99,<100", "no-such-package>=1", "rich>=13.7", "x>=9; extra == 'y'"]
    monkeypatch.setattr(machine.metadata, "requires", lambda _: lines)
    found = list(machine.packages())
    assert [check.verdict for check in found] == [Verdict.FAILURE] * 2
    assert found[0].hint == "pip install 'pymysql>=99,<100'"
    assert found[1].found == "no-such-package is missing"


def test_a_python_that_is_too_old_is_a_failure(monkeypatch) -> None:
    monkeypatch.setattr(machine.metadata, "metadata", lambda _: {"Requires-Python": ">=3.99"})
    (check,) = machine.python()
    assert (check.verdict, ">=3.99" in check.found) == (Verdict.FAILURE, True)


def test_every_fault_of_a_config_is_a_failure_of_its_own(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "backup: {directory: b, timeoutt: 3}\ninstances:\n  - {id: 1, dbms: oracle, username: u}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    found = list(machine.config(caught.value))
    assert [check.verdict for check in found] == [Verdict.FAILURE] * 2
    assert [check.found.split(":")[1] for check in found] == ["1", "3"]
    assert {check.hint for check in found} == {"vya-backupdb config validate"}


def test_a_config_that_is_not_there_is_one_failure_with_its_hint() -> None:
    (check,) = machine.config(ConfigError("no config file", hint="Make one."))
    assert (check.verdict, check.found, check.hint) == (Verdict.FAILURE, "no config file", "Make one.")


def test_a_config_that_shows_its_password_is_a_warning(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG % "secret")
    path.chmod(0o644)
    (check,) = machine.config(load(path, {}))
    assert (check.verdict, check.hint) == (Verdict.WARNING, f"chmod 600 {path}")
    path.chmod(0o600)
    (check,) = machine.config(load(path, {}))
    assert (check.verdict, check.found) == (Verdict.OK, f"{path}: 1 instance")


def test_a_receipts_key_that_cannot_be_had_is_a_warning_with_what_makes_one(tmp_path) -> None:
    path, key = tmp_path / "c.yaml", tmp_path / "r.key"
    path.write_text(CONFIG % "x")
    path.chmod(0o600)
    (check,) = machine.receipt_key(load(path, {}))
    assert (check.verdict, check.found) == (Verdict.OK, "none in the config: drills write no receipts")
    path.write_text(CONFIG % "x" + "receipt: {key: r.key}\n")
    (check,) = machine.receipt_key(load(path, {}))
    assert (check.verdict, check.hint) == (Verdict.WARNING, "vya-backupdb receipt key")
    key.write_text("01" * 32)
    key.chmod(0o644)
    (check,) = machine.receipt_key(load(path, {}))
    assert (check.verdict, f"chmod 600 {key}" in (check.hint or "")) == (Verdict.WARNING, True)
    key.chmod(0o600)
    (check,) = machine.receipt_key(load(path, {}))
    assert (check.verdict, check.found.startswith("Ed25519, ")) == (Verdict.OK, True)
