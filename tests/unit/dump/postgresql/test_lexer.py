import pytest
from hypothesis import given
from hypothesis import strategies as st

from python_backup.dump.piece import ClientCommand, DataBegin, DataEnd, Rows, Statement
from python_backup.dump.postgresql.lexer import PostgreSQLLexer
from python_backup.errors import ArtifactCorrupt
from unit.dump.postgresql.dumps import cut, facts_of, pieces_of, statements_of, text_of, without_comments

CUTS = st.lists(st.integers(0, 5000), max_size=12)
ROWS = st.lists(st.lists(st.binary(max_size=12), min_size=1, max_size=3), max_size=6)
COPY = b"CREATE TABLE public.t (a text);\nCOPY public.t (a) FROM stdin;\n%s\\.\n\nSELECT 1;\n"


def copy_field(value: bytes) -> bytes:
    for plain, escaped in ((b"\\", b"\\\\"), (b"\n", b"\\n"), (b"\r", b"\\r"), (b"\t", b"\\t")):
        value = value.replace(plain, escaped)
    return value


def tell(text: bytes, *blocks: bytes):
    lexer = PostgreSQLLexer()
    for block in blocks or (text,):
        list(lexer.feed(block))
    list(lexer.finish())
    return lexer.complete


@given(rows=ROWS, places=CUTS)
def test_copy_rows_of_any_bytes_are_counted_and_digested_the_same_however_they_are_cut(rows, places):
    data = b"".join(b"\t".join(map(copy_field, row)) + b"\n" for row in rows)
    text = COPY % data
    blocks = cut(text, places)
    assert text_of(pieces_of(*blocks)) == text
    assert facts_of(*blocks) == facts_of(text)
    assert facts_of(text).rows == len(rows)


@given(rows=ROWS, places=CUTS, single=st.booleans(), standard=st.booleans())
def test_insert_rows_of_any_bytes_are_counted_and_digested_the_same_however_they_are_cut(
    rows, places, single, standard
):
    def literal(value: bytes) -> bytes:
        value = value.replace(b"\0", b"0").replace(b"'", b"''")
        return b"'" + (value if standard else value.replace(b"\\", b"\\\\")) + b"'"

    values = [b"(" + b", ".join(map(literal, row)) + b")" for row in rows]
    head = b"INSERT INTO public.t VALUES "
    inserts = (
        [head + v for v in values] if single else [head + b"\n\t" + b",\n\t".join(values)] if values else []
    )
    setting = b"on" if standard else b"off"
    text = b"SET standard_conforming_strings = %s;\n" % setting + b"".join(i + b";\n" for i in inserts)
    blocks = cut(text, places)
    assert text_of(pieces_of(*blocks)) == text
    assert facts_of(*blocks) == facts_of(text)
    assert facts_of(text).rows == len(rows)


def test_the_digest_of_inserts_does_not_depend_on_how_they_are_laid_out():
    apart = b"INSERT INTO t VALUES (1, 'a');\nINSERT INTO t VALUES (2, 'b');\n"
    together = b"INSERT INTO t VALUES\n\t(1, 'a'),\n\t(2, 'b');\n"
    assert [t.digest for t in facts_of(apart).tables] == [t.digest for t in facts_of(together).tables]


@given(text=st.text("'\"$a;()-/*\\E\n b", max_size=60), places=CUTS)
def test_any_text_comes_out_as_it_went_in_or_is_refused_wherever_it_is_cut(text, places):
    whole = text.encode()

    def outcome(blocks):
        try:
            return [(type(p), p.text, p.line) for p in without_comments(pieces_of(*blocks))]
        except ArtifactCorrupt:
            return None

    found = outcome([whole])
    assert (found is None) == (outcome(cut(whole, places)) is None)
    if found is not None:
        assert text_of(pieces_of(whole)) == whole


@pytest.mark.parametrize(
    "row",
    [
        b"LOCALE_PROVIDER = libc",
        b"CREATE ROLE x@y",
        b"DROP DATABASE shop;",
        rb"\\connect other",
        rb"a\\.",
        rb"\\.",
        b"it's -- no /* comment $$",
    ],
)
def test_a_copy_row_that_looks_like_a_statement_is_data(row):
    found = pieces_of(COPY % (row + b"\n"))
    assert [p.text for p in found if isinstance(p, Rows)] == [row + b"\n"]
    assert [type(p) for p in without_comments(found)] == [Statement, DataBegin, Rows, DataEnd, Statement]


def test_blocks_of_rows_pass_without_being_copied():
    lexer = PostgreSQLLexer()
    list(lexer.feed(b"COPY public.t (a) FROM stdin;\n"))
    block = b"some row\n" * 1000
    (rows,) = lexer.feed(block)
    assert rows.text is block
    assert rows.canonical is block
    assert rows.count == 1000


def test_copy_data_with_dos_line_ends_finds_its_end():
    found = pieces_of(b"COPY public.t (a) FROM stdin;\r\n1\r\n2\r\n\\.\r\nSELECT 1;\r\n")
    assert [p.rows for p in found if isinstance(p, DataEnd)] == [2]
    assert [p.sql for p in found if isinstance(p, Statement)] == [b"SELECT 1"]


def test_rows_of_csv_are_not_counted_since_a_value_may_hold_line_ends():
    facts = facts_of(b'COPY t FROM stdin WITH (FORMAT csv);\n"a\nb"\n\\.\n')
    assert [t.rows for t in facts.tables] == [None]


@pytest.mark.parametrize(
    "text",
    [
        b"CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $fn$\nCREATE DATABASE zzz;\n\\connect foo\n$$;$$ $fn$;",
        b"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 END AS x; SELECT 2; END;",
        b"CREATE RULE r AS ON UPDATE TO v DO INSTEAD (UPDATE t SET a = 1; DELETE FROM u);",
        b"COMMENT ON TABLE t IS 'a;\n\\connect foo;''';",
        rb"SELECT E'it\'s; -- no';",
        b"SELECT E'a\\'' -- x\n 'b\\';c';",
        b"SELECT U&'d\\0061t;''' UESCAPE '!';",
        b'SELECT "a "" ; b", U&"\\0061;" FROM t;',
        b"SELECT 1 /* ; /* ; */ ' ; */ + 2;",
        b"SELECT a$b$c, $1 -- ;\n;",
        b"SELECT $tag$ $ta$ ; $tag $tag$;",
    ],
)
@pytest.mark.parametrize("step", [1, 2, 1000])
def test_semicolons_and_commands_inside_something_do_not_end_a_statement(text, step):
    blocks = [text[i : i + step] for i in range(0, len(text), step)]
    assert statements_of(*blocks) == [text[:-1].rstrip()]


def test_begin_that_is_no_body_does_not_swallow_the_next_statement():
    assert len(statements_of(b"CREATE FUNCTION begin() RETURNS int AS 'x';\nALTER SYSTEM SET a = 1;\n")) == 2


def test_strings_follow_standard_conforming_strings():
    off = b"SET standard_conforming_strings = off;\nSELECT 'a\\';b';\n"
    on = b"SET standard_conforming_strings = on;\nSELECT 'a\\';\nSELECT 2;\n"
    by_function = (
        b"SELECT pg_catalog.set_config('standard_conforming_strings', 'off', false);\nSELECT 'a\\';b';\n"
    )
    assert statements_of(off)[1:] == [b"SELECT 'a\\';b'"]
    assert statements_of(on)[1:] == [b"SELECT 'a\\'", b"SELECT 2"]
    assert statements_of(by_function)[1:] == [b"SELECT 'a\\';b'"]


def test_a_command_for_psql_is_a_piece_of_its_own_and_keeps_its_case():
    found = pieces_of(b'\\connect "a b"\n\\C title\nSELECT 1; \\! ls\n')
    commands = [(p.line, p.command, p.argument) for p in found if isinstance(p, ClientCommand)]
    assert commands == [(1, "connect", b'"a b"'), (2, "C", b"title"), (3, "!", b"ls")]


def test_lines_are_counted_through_data_strings_and_comments():
    text = b"-- a\n\nSELECT 'x\ny';\nCOPY t (a) FROM stdin;\n1\n2\n\\.\n/* \n */ SELECT 2;\n"
    lines = [(type(p).__name__, p.line) for p in without_comments(pieces_of(text))]
    assert lines == [("Statement", 3), ("DataBegin", 5), ("Rows", 6), ("DataEnd", 8), ("Statement", 10)]


def test_insert_literals_may_hold_line_ends_and_what_looks_like_rows():
    facts = facts_of(
        b"INSERT INTO public.t (a, b) VALUES ('x\n),(', now()),\n  (NULL, ((1)::text || f(g(2)))), -- c\n (3, 4);\n"
    )
    assert [(t.name, t.rows) for t in facts.tables] == [("public.t", 3)]


@pytest.mark.parametrize(
    "text",
    [
        b"INSERT INTO t SELECT * FROM u;",
        b"INSERT INTO t VALUES (1), (2) ON CONFLICT DO NOTHING;",
        b"INSERT INTO t VALUES (1) RETURNING a;",
    ],
)
def test_inserts_whose_rows_only_the_server_knows_are_not_counted(text):
    assert [(t.name, t.rows) for t in facts_of(text).tables] == [("public.t", None)]


def test_a_row_without_columns_is_a_row():
    assert facts_of(b"INSERT INTO public.t DEFAULT VALUES;\n" * 2).rows == 2


@pytest.mark.parametrize(
    ("text", "table"),
    [
        (b"SET search_path = app, pg_catalog;\nCOPY t (a) FROM stdin;\n\\.\n", "app.t"),
        (
            b"SELECT pg_catalog.set_config('search_path', '\"a b\", x', false);\nCOPY t FROM stdin;\n\\.\n",
            '"a b".t',
        ),
        (b'COPY "S x"."we""ird\n;" FROM stdin;\n\\.\n', '"S x"."we""ird\n;"'),
        (b"COPY Public . T FROM stdin;\n\\.\n", "public.t"),
        (
            "SET client_encoding = 'LATIN1';\nCOPY public.\"ü\" FROM stdin;\n\\.\n".encode("latin-1"),
            "public.ü",
        ),
        ('COPY public."日本" FROM stdin;\n\\.\n'.encode(), "public.日本"),
        (b"COPY/**/t FROM/**/stdin;\n\\.\n", "public.t"),
    ],
)
def test_tables_are_labelled_by_schema_and_name(text, table):
    assert [t.name for t in facts_of(text).tables] == [table]


@pytest.mark.parametrize(
    "text",
    [
        b"COPY t FROM stdin;\n1\n",
        b"COPY t FROM stdin;\n1\n\\",
        b"COPY t FROM stdin;",
        b"INSERT INTO t VALUES (1), (2",
        b"INSERT INTO t VALUES (1)",
        b"SELECT 'abc",
        b"/* abc",
        b"CREATE FUNCTION f() AS $$ abc; ",
        b"SELECT 1",
        b"CREATE FUNCTION f() BEGIN ATOMIC SELECT 1;",
    ],
)
def test_a_dump_that_ends_inside_something_is_corrupt(text):
    with pytest.raises(ArtifactCorrupt):
        pieces_of(text)


END = b"--\n-- PostgreSQL database dump complete\n--\n\n"


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        (b"SELECT 1;\n" + END, True),
        (END + b"\\unrestrict abc\n\n", True),
        (END + b"SELECT 1;\n", False),
        (END + b"\\connect x\n", False),
        (b"SELECT 1;\n", False),
        (b"COPY t FROM stdin;\n" + END + b"\\.\n", False),
        (b"SELECT '" + END + b"';\n", False),
        (b"--\n-- PostgreSQL database cluster dump\n--\n" + END, False),
        (
            b"-- PostgreSQL database cluster dump\n"
            + END
            + b"-- PostgreSQL database cluster dump complete\n",
            True,
        ),
    ],
)
def test_the_end_mark_counts_as_a_comment_with_nothing_after_it(text, complete):
    assert tell(text) == complete
    assert tell(text, *(text[i : i + 1] for i in range(len(text)))) == complete


def test_a_byte_order_mark_is_no_part_of_the_first_statement():
    assert statements_of(b"\xef\xbb\xbfSELECT 1;") == [b"SELECT 1"]
