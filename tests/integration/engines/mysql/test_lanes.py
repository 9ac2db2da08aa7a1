"""A database of everything is the same when its rows are loaded over several connections."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.engines.mysql import dumping, everything
from python_backup.dump.builds import NO_BUILDS
from python_backup.dump.changes import Changes
from python_backup.dump.choices import Choices
from python_backup.engines.mysql.engine import ENGINE
from python_backup.errors import StatementFailed
from support import databases
from support.servers import instance_for

LANES = replace(NO_BUILDS, jobs=3)


def loaded(server, source: str, target: str, text: bytes) -> None:
    server.create(target, None)
    choices = Choices(final_name=target, events="keep")
    rewriter = ENGINE.dialect.rewriter(source, server.target(target), Changes(), choices)
    pieces = rewriter.rewrite(ENGINE.dialect.selector(source).select(dumping.pieces(text)))
    server.load(target, pieces, complete=True, builds=LANES)


@pytest.mark.parametrize("options", [(), ("--no-autocommit", "--skip-extended-insert")])
def test_a_database_of_everything_is_the_same_when_it_is_loaded_over_several_connections(
    mysql_server, new_database, options
):
    source = new_database(mysql_server, "source")
    everything.build(mysql_server, source)
    target = new_database(mysql_server, "target", create=False)
    instance = replace(instance_for(mysql_server), options=options)
    with dumping.connected(instance) as server:
        dumped = dumping.dump(server, source)
        loaded(server, source, target, dumped.text)
        again = dumping.dump(server, target)
    assert again.facts.tables == dumped.facts.tables
    assert again.facts.objects == dumped.facts.objects


def test_rows_that_a_lane_cannot_load_are_refused_with_their_line(mysql_server, new_database):
    source, target = new_database(mysql_server, "source"), new_database(mysql_server, "target", create=False)
    databases.execute(
        mysql_server, source, "CREATE TABLE t (a INT PRIMARY KEY)", "INSERT INTO t VALUES (1), (2)"
    )
    with dumping.connected(instance_for(mysql_server)) as server:
        text = dumping.dump(server, source).text.replace(b"(2)", b"(1)")
        with pytest.raises(StatementFailed, match=r"line \d+: INSERT INTO `t` VALUES.* \((1062|1180)\)"):
            loaded(server, source, target, text)
