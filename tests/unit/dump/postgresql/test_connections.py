"""Texts that connect to the source are told with their line, and left."""

from __future__ import annotations

import pytest

from python_backup.dump.changes import Changes
from python_backup.dump.choices import Choices
from python_backup.dump.postgresql.dialect import DIALECT
from python_backup.dump.postgresql.rewriter import Target
from unit.dump.postgresql.dumps import pieces_of, text_of


def told(text: bytes, final: str = "copy") -> list[str]:
    changes = Changes()
    target = Target("copy", 150018, bool, frozenset(), frozenset())
    rewriter = DIALECT.rewriter("shop", target, changes, Choices(final_name=final))
    assert text_of(rewriter.rewrite(pieces_of(text))) == text
    return changes.warnings


@pytest.mark.parametrize(
    "text",
    [
        b"CREATE FUNCTION f() RETURNS int AS $$\nselect dblink('dbname=shop', 'x') $$ LANGUAGE sql;\n",
        b"CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (\n dbname 'shop',\n host 'x');\n",
        b"CREATE VIEW v AS\n SELECT * FROM dblink('host=x dbname = ''shop''', 'select 1') AS t(a int);\n",
        b"CREATE VIEW v AS\n SELECT * FROM dblink('postgresql://a@b:1/shop?x=1', 'select 1') AS t(a int);\n",
    ],
)
def test_a_connection_to_the_source_is_told_and_left(text):
    assert told(text) == ["line 2: a connection names the database shop; it is left as it is"]
    assert told(text, final="shop") == []


@pytest.mark.parametrize(
    "text",
    [
        b"CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname 'shop2');\n",
        b"CREATE VIEW shop AS SELECT 'postgresql://shop/other' AS shop;\n",
        b"COPY t FROM stdin;\ndbname=shop\n\\.\n",
    ],
)
def test_other_texts_are_not(text):
    assert told(text) == []
