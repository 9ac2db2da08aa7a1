"""The next number of a table's rows is what the dump's statements say."""

from __future__ import annotations

import pytest

from python_backup.dump.facts import FactsCounter
from python_backup.dump.mysql.dialect import DIALECT
from python_backup.jobs.compare import compare_numbers


def numbers(*statements: str) -> dict[str, int]:
    counter, lexer = FactsCounter(DIALECT.objects()), DIALECT.lexer()
    for piece in lexer.feed("".join(f"{s};\n" for s in statements).encode()):
        counter.take(piece)
    return dict(counter.result().next_numbers)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (
            ["CREATE TABLE `t` (`n` int NOT NULL AUTO_INCREMENT, KEY (`n`)) ENGINE=InnoDB AUTO_INCREMENT=7"],
            {"t": 7},
        ),
        (["CREATE TABLE `t` (`n` int NOT NULL AUTO_INCREMENT, KEY (`n`)) AUTO_INCREMENT 7"], {"t": 7}),
        (
            ["CREATE TABLE `t` (`n` serial /*!80000 AUTO_INCREMENT */) /*!50000 AUTO_INCREMENT = 9 */"],
            {"t": 9},
        ),
        (["CREATE TABLE `t` (`n` int AUTO_INCREMENT PRIMARY KEY)"], {"t": 1}),
        (["CREATE TABLE `t` (`n` int DEFAULT 7 COMMENT 'AUTO_INCREMENT=7') COMMENT='AUTO_INCREMENT=8'"], {}),
        (
            ["CREATE TABLE `t` (`n` int)", "ALTER TABLE `t` MODIFY `n` int AUTO_INCREMENT, AUTO_INCREMENT=8"],
            {"t": 8},
        ),
        (["CREATE TABLE `t` (`n` int AUTO_INCREMENT)", "DROP TABLE `t`"], {}),
    ],
)
def test_the_statement_says_the_number(statements: list[str], expected: dict[str, int]) -> None:
    assert numbers(*statements) == expected


def test_a_restored_table_may_go_on_later_but_not_earlier() -> None:
    assert compare_numbers({"t": 7}, {"t": 9}, least=True) == ()
    assert compare_numbers({"t": 7}, {"t": 6}, least=True) == (
        "table t goes on with the number 6, the dump says 7",
    )
    assert len(compare_numbers({"t": 7}, {"t": 9}, least=False)) == 1
    assert len(compare_numbers({"t": 7}, {}, least=True)) == 1


def test_a_manifest_without_them_says_nothing() -> None:
    assert compare_numbers({}, {"t": 7}, least=False) == ()
