"""Programs are known by what they say of themselves, and chosen by family and version."""

from __future__ import annotations

import pytest

from python_backup.engines.mysql.tools import Toolbox, identity
from python_backup.errors import ToolMissing
from python_backup.instance import Dbms, Tools

MYSQL_8 = "mysqldump  Ver 8.0.41 for Linux on x86_64 (MySQL Community Server - GPL)"
MYSQL_57 = "mysqldump  Ver 10.13 Distrib 5.7.44, for Linux (x86_64)"
MYSQL_97 = "mysqldump  Ver 9.7.4-2 for Linux on x86_64 ((Debian))"
MARIADB_1011 = "mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)"
MARIADB_105 = "mariadb-dump  Ver 10.19 Distrib 10.5.29-MariaDB, for debian-linux-gnu (x86_64)"
MARIADB_118 = "/opt/mysqldump from 11.8.6-MariaDB, client 10.19 for debian-linux-gnu (x86_64)"

SCRIPT = """#!/bin/sh
case "$*" in
  "--no-defaults --version") echo '{version}' ;;
  "--no-defaults --help") printf '  -u, --user=name  Who.\\n  --events  Dump.\\n                --not-one\\n'
    case '{version}' in *10.11*) printf '  --dump-history\\n' ;; esac ;;
  *) exit 3 ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    def put(**versions: str) -> Toolbox:
        for folder, version in versions.items():
            name = "mysqldump" if version.startswith("mysqldump") else "mariadb-dump"
            path = tmp_path / folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(SCRIPT.format(version=version))
            path.chmod(0o755)
        return Toolbox(Tools(), {}, lambda _: iter(tmp_path / folder for folder in versions))

    return put


@pytest.mark.parametrize(
    ("text", "who"),
    [
        (MYSQL_8, (Dbms.MYSQL, (8, 0, 41))),
        (MYSQL_57, (Dbms.MYSQL, (5, 7, 44))),
        (MYSQL_97, (Dbms.MYSQL, (9, 7, 4))),
        (MARIADB_1011, (Dbms.MARIADB, (10, 11, 19))),
        (MARIADB_118, (Dbms.MARIADB, (11, 8, 6))),
        (MARIADB_1011.replace("mariadb-dump", "mysqldump"), (Dbms.MARIADB, (10, 11, 19))),
        ("pg_dump (PostgreSQL) 15.18", None),
    ],
)
def test_family_and_version_are_in_the_programs_own_words(text, who):
    assert identity(text) == who


def test_the_oldest_that_is_not_older_than_the_server_is_chosen(machine):
    box = machine(a=MARIADB_118, b=MARIADB_1011, c=MYSQL_97, d=MYSQL_8)
    assert box.choose(Dbms.MARIADB, (10, 5)).number == (10, 11, 19)
    assert box.choose(Dbms.MARIADB, (10, 11)).number == (10, 11, 19)
    assert box.choose(Dbms.MARIADB, (11, 4)).number == (11, 8, 6)
    assert box.choose(Dbms.MYSQL, (8, 0)).number == (8, 0, 41)
    assert box.choose(Dbms.MYSQL, (8, 4)).number == (9, 7, 4)


def test_one_that_has_the_preferred_option_goes_before_an_older_one_that_lacks_it(machine):
    box = machine(a=MARIADB_118, b=MARIADB_105, c=MARIADB_1011)
    assert box.choose(Dbms.MARIADB, (10, 5)).number == (10, 5, 29)
    assert box.choose(Dbms.MARIADB, (10, 5), "dump-history").number == (10, 11, 19)
    assert machine(b=MARIADB_105).choose(Dbms.MARIADB, (10, 5), "dump-history").number == (10, 5, 29)


def test_options_are_read_from_help(machine):
    assert machine(a=MYSQL_8).choose(Dbms.MYSQL, (8, 0)).options == {"user", "events"}


def test_a_mysql_server_takes_mariadbs_program_where_there_is_no_other(machine):
    chosen = machine(a=MARIADB_1011).choose(Dbms.MYSQL, (9, 7))
    assert (chosen.family, chosen.name) == (Dbms.MARIADB, "mariadb-dump")


def test_a_mariadb_server_takes_no_mysql_program(machine):
    with pytest.raises(
        ToolMissing, match=r"no mariadb-dump for MariaDB 10\.11 .*found: mysqldump 9\.7\.4"
    ) as caught:
        machine(a=MYSQL_97).choose(Dbms.MARIADB, (10, 11))
    assert "mariadb-client" in str(caught.value.hint)


def test_an_older_program_is_named_when_none_fits(machine):
    with pytest.raises(ToolMissing, match=r"mariadb-dump 10\.11\.19"):
        machine(a=MARIADB_1011).choose(Dbms.MARIADB, (11, 8))


def test_the_configured_folder_goes_before_all_others(machine, tmp_path):
    box = machine(a=MYSQL_8, b=MYSQL_97)
    box.tools = Tools(path=tmp_path / "b")
    assert box.choose(Dbms.MYSQL, (8, 0)).number == (9, 7, 4)


def test_a_program_in_a_container_is_asked_through_its_command(machine, tmp_path):
    machine(a=MYSQL_8)
    box = Toolbox(Tools(command=("env", f"PATH={tmp_path / 'a'}:/bin:/usr/bin")), {})
    assert box.choose(Dbms.MYSQL, (8, 0)).argv == (*box.tools.command, "mysqldump")


def test_children_see_no_option_files_and_no_home(machine):
    box = machine()
    box.environ = {"HOME": "/root", "MYSQL_PWD": "x", "MYSQL_HOME": "/etc", "PATH": "/bin"}
    assert box.environment() == {"PATH": "/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": "/dev/null"}
