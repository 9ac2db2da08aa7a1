"""What happens where a family of servers is not at hand."""

from __future__ import annotations

import provide_servers
import pytest

from support.programs import Program

POSTGRESQL = Program(id="postgresql-16", dbms="postgresql", version="16.1")
MARIADB = Program(id="mariadb-10.11", dbms="mariadb", version="10.11.2")
IN_DOCKER = Program(id="mariadb-11-container", dbms="mariadb", version="11", image="mariadb:11")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, list]:
    """A machine with an embedded PostgreSQL and an apt that has whatever is asked for."""
    known: dict[str, list] = {"programs": [POSTGRESQL], "images": [], "installed": []}

    def install(package: str, command: list[str]) -> None:
        known["installed"].append((package, command))
        known["programs"].append(MARIADB)

    monkeypatch.setattr(provide_servers, "found_programs", lambda: known["programs"])
    monkeypatch.setattr(provide_servers, "found_images", lambda: known["images"])
    monkeypatch.setattr(provide_servers, "root_command", lambda: ["sudo", "-n"])
    monkeypatch.setattr(provide_servers, "install", install)
    return known


def test_nothing_is_installed_where_both_families_are(machine: dict[str, list]) -> None:
    machine["programs"].append(MARIADB)
    assert (provide_servers.main(), machine["installed"]) == (0, [])


def test_docker_is_taken_before_anything_is_installed(machine: dict[str, list]) -> None:
    machine["images"].append(IN_DOCKER)
    assert (provide_servers.main(), machine["installed"]) == (0, [])


def test_debians_server_is_installed_after_saying_so(
    machine: dict[str, list], capsys: pytest.CaptureFixture[str]
) -> None:
    assert (provide_servers.main(), machine["installed"]) == (0, [("mariadb-server", ["sudo", "-n"])])
    said = "no MariaDB or MySQL server is on this machine: installing Debian's mariadb-server\n"
    assert capsys.readouterr().out == said


def test_without_root_the_choices_are_named(
    machine: dict[str, list], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(provide_servers, "root_command", lambda: None)
    assert provide_servers.main() == 1
    said = capsys.readouterr().err
    assert [word for word in ("mariadb-server", "mysql-server", "Docker", "sudo") if word not in said] == []
