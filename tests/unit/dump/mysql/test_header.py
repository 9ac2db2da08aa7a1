"""The first bytes tell the family and the tool."""

import pytest

from python_backup.dump.dialect import Header
from python_backup.dump.mysql.header import read_header

MYSQL = b"""-- MySQL dump 10.13  Distrib 9.7.4, for Linux (x86_64)
--
-- Host: 127.0.0.1    Database: shop
-- ------------------------------------------------------
-- Server version\t9.7.4-2
"""
MARIADB = b"/*M!999999\\- enable the sandbox mode */ \n" + MYSQL.replace(
    b"-- MySQL dump 10.13  Distrib 9.7.4", b"-- MariaDB dump 10.19-11.8.6-MariaDB"
).replace(b"9.7.4-2", b"11.8.6-MariaDB-0+deb13u1 from Debian")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (MYSQL, Header("mysql", "mysqldump", "9.7.4-2", "shop")),
        (MARIADB, Header("mysql", "mariadb-dump", "11.8.6-MariaDB-0+deb13u1", "shop")),
        (MYSQL.replace(b"shop", b""), Header("mysql", "mysqldump", "9.7.4-2", None)),
        (b"-- phpMyAdmin SQL Dump\n-- Server version: 8.0.36\n", Header("mysql", None, "8.0.36", None)),
        (b"/* by hand */\nDROP DATABASE IF EXISTS `Chinook`;\n", Header("mysql", None, None, None)),
        (b"/*!40101 SET NAMES binary*/;\n", Header("mysql", None, None, None)),
    ],
)
def test_a_mysql_dump_is_known_by_its_beginning(head, expected):
    assert read_header(head) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n",
        b"PGDMP\x01\x0e",
        b"",
        b"id,name\n1,a\n",
    ],
)
def test_anything_else_is_not(head):
    assert read_header(head) is None
