"""Words by which a MySQL or MariaDB statement reaches outside its database, each with what it would do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from python_backup.dump.mysql.tokens import Kind, Token

_SEQUENCES = (
    (("LOAD", "DATA"), "reads a file"),
    (("LOAD", "XML"), "reads a file"),
    (("INTO", "OUTFILE"), "writes a file"),
    (("INTO", "DUMPFILE"), "writes a file"),
    (("SONAME",), "loads a program library"),
    (("INSTALL", "PLUGIN"), "loads a program library"),
)
_CALLS = {
    "LOAD_FILE": "reads a file",
    **dict.fromkeys(("SYS_EXEC", "SYS_EVAL", "SYS_BINEVAL"), "runs a program"),
    **dict.fromkeys(("SYS_GET", "SYS_SET", "HTTP_GET", "HTTP_POST"), "reaches outside the server"),
    **dict.fromkeys(
        (
            "SLEEP", "BENCHMARK", "GET_LOCK", "MASTER_POS_WAIT", "SOURCE_POS_WAIT", "MASTER_GTID_WAIT",
            "WAIT_FOR_EXECUTED_GTID_SET", "WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS",
        ),
        "keeps the server waiting",
    ),
}  # fmt: skip
_HOLDING_ONLY = frozenset(_CALLS) - {"LOAD_FILE", "SYS_EXEC", "SYS_EVAL", "SYS_BINEVAL", "SYS_GET", "SYS_SET"}
_HARMLESS_CALLS = frozenset(
    """
    ABS ACOS ADDDATE ADDTIME AES_DECRYPT AES_ENCRYPT ASCII ASIN ATAN ATAN2 AVG BIN BIN_TO_UUID BINARY
    BIT_COUNT CAST CEIL CEILING CHAR CHAR_LENGTH CHARACTER_LENGTH CHR COALESCE COLLATION COMPRESS CONCAT
    CONCAT_WS CONV CONVERT CONVERT_TZ COS COT COUNT CRC32 CURDATE CURRENT_DATE CURRENT_ROLE CURRENT_TIME
    CURRENT_TIMESTAMP CURRENT_USER CURTIME DATABASE DATE DATE_ADD DATE_FORMAT DATE_SUB DATEDIFF DAY
    DAYNAME DAYOFMONTH DAYOFWEEK DAYOFYEAR DEFAULT DEGREES ELT EXP EXTRACT FIELD FIND_IN_SET FLOOR FORMAT
    FROM_BASE64 FROM_DAYS FROM_UNIXTIME GEOMCOLLFROMTEXT GEOMETRYCOLLECTION GEOMFROMTEXT GEOMFROMWKB
    GEOMETRYFROMTEXT GEOMETRYFROMWKB GREATEST GROUP_CONCAT HEX HOUR IF IFNULL INET_ATON INET_NTOA
    INET6_ATON INET6_NTOA INSERT INSTR INTERVAL ISNULL JSON_ARRAY JSON_EXTRACT JSON_OBJECT JSON_QUOTE
    JSON_UNQUOTE JSON_VALID LAST_DAY LAST_INSERT_ID LASTVAL LCASE LEAST LEFT LENGTH LINEFROMTEXT
    LINESTRING LN LOCALTIME LOCALTIMESTAMP LOCATE LOG LOG10 LOG2 LOWER LPAD LTRIM MAKEDATE MAKETIME MAX
    MD5 MICROSECOND MID MIN MINUTE MOD MONTH MONTHNAME MULTILINESTRING MULTIPOINT MULTIPOLYGON NEXTVAL
    NOW NULLIF OCT OCTET_LENGTH ORD PASSWORD PERIOD_ADD PI POINT POINTFROMTEXT POLYFROMTEXT POLYGON
    POLYGONFROMTEXT POSITION POW POWER QUARTER QUOTE RADIANS RAND RANDOM_BYTES REGEXP_REPLACE REPEAT
    REPLACE REVERSE RIGHT ROUND ROW RPAD RTRIM SEC_TO_TIME SECOND SETVAL SHA SHA1 SHA2 SIGN SIN SOUNDEX
    SPACE SQRT STR_TO_DATE STRCMP SUBDATE SUBSTR SUBSTRING SUBSTRING_INDEX SUBTIME SUM SYSDATE TAN TIME
    TIME_FORMAT TIME_TO_SEC TIMEDIFF TIMESTAMP TIMESTAMPADD TIMESTAMPDIFF TO_BASE64 TO_DAYS TO_SECONDS
    TO_VECTOR TRIM TRUNCATE UCASE UNCOMPRESS UNHEX UNIX_TIMESTAMP UPPER USER UTC_DATE UTC_TIME
    UTC_TIMESTAMP UUID UUID_SHORT UUID_TO_BIN VALUES VALUE VEC_FROMTEXT VERSION WEEK WEEKDAY WEEKOFYEAR
    WEIGHT_STRING YEAR YEARWEEK STRING_TO_VECTOR JSON_TABLE ROW_NUMBER RANK DENSE_RANK
    DECIMAL NUMERIC FLOAT DOUBLE NCHAR VARCHAR
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_SPATIAL = re.compile(r"ST_\w+FROM(?:TEXT|TXT|WKB|GEOJSON|GEOHASH)\Z")
_NO_CALL = frozenset(
    """
    IN AND OR NOT XOR ON AS USING VALUES VALUE SELECT WHERE BETWEEN LIKE WHEN THEN ELSE CASE EXISTS ANY
    ALL SOME BY FROM JOIN HAVING LIMIT UNION EXCEPT INTERSECT DISTINCT SET IS DIV MOD RLIKE REGEXP
    RETURN PARTITION OVER INTO KEY INDEX UPDATE RETURNING INTERVAL BINARY ROLLUP WITH TABLE
    """.split()  # noqa: SIM905 - reads better than a word a line
)
_NAMED_BEFORE = frozenset("INTO TABLE AS JOIN FROM WITH INSERT REPLACE IGNORE UPDATE RECURSIVE .".split())  # noqa: SIM905
_ENGINES = frozenset(("FEDERATED", "FEDERATEDX", "CONNECT", "SPIDER", "S3"))
_SETTINGS = {
    "DEBUG": "writes a file",
    "DEBUG_DBUG": "writes a file",
    "GTID_NEXT": "changes the server's replication",
    "GTID_SEQ_NO": "changes the server's replication",
    "PSEUDO_SLAVE_MODE": "changes the server's replication",
    "PSEUDO_REPLICA_MODE": "changes the server's replication",
    "PSEUDO_THREAD_ID": "changes the server's replication",
    "WSREP_ON": "changes the server's replication",
    "SQL_LOG_BIN": "changes the server's replication",
    "SKIP_REPLICATION": "changes the server's replication",
    "SERVER_ID": "changes the server's replication",
    "GTID_DOMAIN_ID": "changes the server's replication",
    "INNODB_TMPDIR": "writes files",
}
_ENGINE_SETTINGS = frozenset(
    ("DEFAULT_STORAGE_ENGINE", "STORAGE_ENGINE", "DEFAULT_TMP_STORAGE_ENGINE", "ENFORCE_STORAGE_ENGINE")
)


def words_outside(found: Sequence[Token], *, waiting: bool) -> str | None:
    """What a statement's words do outside; ``waiting``: holding up the server counts."""
    words = [t.word for t in found]
    for pattern, why in _SEQUENCES:
        width = len(pattern)
        for at, word in enumerate(words):
            if word == pattern[0] and tuple(words[at : at + width]) == pattern:
                return f"{why}: {' '.join(pattern)}"
    for name in _called(found):
        why_call = _CALLS.get(name)
        if why_call and (waiting or name not in _HOLDING_ONLY):
            return f"{why_call}: {name} ("
    return None


def _called(found: Sequence[Token]) -> Iterator[str]:
    for at, token in enumerate(found[:-1]):
        name = token.name
        if name is not None and found[at + 1].text == b"(":
            yield name.upper()


def unknown_call(found: Sequence[Token], own: frozenset[str] | set[str]) -> str | None:
    """The first call of what is neither a harmless function of the server nor of the dump (``own``)."""
    for at, token in enumerate(found[:-1]):
        if token.name is None or found[at + 1].text != b"(":
            continue
        before = found[at - 1].word if at else ""
        name = token.name.upper()
        if before in _NAMED_BEFORE or (token.kind is Kind.WORD and name in _NO_CALL):
            continue
        if name not in _HARMLESS_CALLS and not _SPATIAL.match(name) and token.name.lower() not in own:
            return token.name
    return None


def table_outside(found: Sequence[Token]) -> str | None:
    """What a CREATE or ALTER TABLE's options do outside the database."""
    for at, token in enumerate(found[:-1]):
        after = found[at + 1]
        value = found[at + 2] if after.word == "=" and at + 2 < len(found) else after
        if token.word in ("DATA", "INDEX") and after.word == "DIRECTORY":
            return f"writes a file: {token.word} DIRECTORY"
        if token.word in ("ENGINE", "TYPE") and (why := engine_outside(value)):
            return why
        if token.word == "CONNECTION" and value.kind is Kind.STRING:
            return "connects to another server: CONNECTION"
    return None


def engine_outside(value: Token) -> str | None:
    """Whether a storage engine's tables are elsewhere."""
    name = value.text.strip(b"'\"`").decode("latin-1").upper()
    return f"a table that is outside the database: ENGINE {name}" if name in _ENGINES else None


def setting_outside(found: Sequence[Token]) -> str | None:
    """What a SET of a session's variables does outside the database."""
    if found[0].word != "SET":
        return None
    for at, token in enumerate(found[:-2]):
        if found[at + 1].word not in ("=", ":="):
            continue
        name = token.setting
        if token.kind is Kind.VARIABLE and not token.text.startswith(b"@@"):
            continue
        if name in _SETTINGS:
            return f"{_SETTINGS[name]}: SET {name}"
        if name in _ENGINE_SETTINGS:
            if found[at + 2].kind is Kind.VARIABLE or (
                len(found[at + 3 : at + 4]) and found[at + 3].word != ","
            ):
                return f"sets {name} to what the dump does not tell"
            if why := engine_outside(found[at + 2]):
                return why
    return None
