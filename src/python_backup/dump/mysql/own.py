"""The dump tools' own statements about the server and its replication, to the letter.

mysqldump writes them for a restore of a whole server. None belongs to one database: the guard lets them
pass because the rewriter drops them all.
"""

from __future__ import annotations

import re

_OWN = re.compile(
    rb"""(?ix)
    SET\ @MYSQLDUMP_TEMP_LOG_BIN\ =\ @@SESSION\.SQL_LOG_BIN
    | SET\ @@SESSION\.SQL_LOG_BIN\s?=\ (?:0|@MYSQLDUMP_TEMP_LOG_BIN)
    | SET\ @@GLOBAL\.GTID_PURGED=(?:/\*!80000\ '\+'\*/\ )?'[^'\\]*'
    | /\*!50606\ SET\ @OLD_INNODB_STATS_AUTO_RECALC=@@INNODB_STATS_AUTO_RECALC\ \*/
    | /\*!50606\ SET\ GLOBAL\ INNODB_STATS_AUTO_RECALC=(?:OFF|@OLD_INNODB_STATS_AUTO_RECALC)\ \*/
    | /\*!50106\ SET\ @save_log_output=@@LOG_OUTPUT\ ?\*/
    | /\*M!100203\ EXECUTE\ IMMEDIATE\ IF\(
      @@LOG_OUTPUT='TABLE'\ AND\ \(@@LOG_SLOW_QUERY=1\ OR\ @@GENERAL_LOG=1\),
      "SET\ GLOBAL\ LOG_OUTPUT='NONE'",\ "DO\ 0"\)\ \*/
    | /\*!50106\ SET\ GLOBAL\ LOG_OUTPUT=@save_log_output\ ?\*/
    | SELECT\ COALESCE\(CURRENT_ROLE\(\),'NONE'\)\ into\ @current_role
    | /\*M!100203\ EXECUTE\ IMMEDIATE\ CONCAT\('SET\ ROLE\ ',\ @current_role\)\ \*/
    """
)


def about_the_server(sql: bytes) -> bool:
    """Whether this is such a statement."""
    return _OWN.fullmatch(sql) is not None
