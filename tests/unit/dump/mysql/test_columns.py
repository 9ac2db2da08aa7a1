from python_backup.dump.mysql.columns import Head, columns_of, head_of
from python_backup.dump.mysql.modes import SqlModes
from python_backup.dump.mysql.tokens import tokens


def read(sql: bytes):
    return tokens(sql, SqlModes())


def test_columns_are_those_of_the_table_in_its_order():
    sql = b"""CREATE TABLE `t` (
  `a` int NOT NULL COMMENT 'x, y (z)', `select` decimal(10,2) DEFAULT (1 + (2)), `b``c` enum('(',')'),
  `key` int GENERATED ALWAYS AS (`a` * 2) STORED,
  PRIMARY KEY (`a`,`select`), UNIQUE KEY `u` (`b``c`), KEY `k` (`key`), CONSTRAINT `x` CHECK (`a` > 0)
) ENGINE=InnoDB COMMENT='(`no`, `column`)'"""
    assert columns_of(read(sql)) == ("t", ("a", "select", "b`c", "key"))
    assert columns_of(read(b"INSERT INTO t VALUES (1)")) is None


def test_an_insert_says_its_table_and_columns():
    assert head_of(read(b"INSERT INTO `a`.`t` (`x`, `VALUES`) VALUES ")) == Head(
        "t", ("x", "VALUES"), values=True
    )
    assert head_of(read(b"REPLACE INTO t VALUES ")) == Head("t", (), values=True)
    assert head_of(read(b"INSERT IGNORE INTO t SELECT 1")) == Head("t", (), values=False)
