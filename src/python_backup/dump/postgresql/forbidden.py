"""Which statements reach outside one database, each with the reason to refuse it."""

from __future__ import annotations

import re
from collections.abc import Callable

from python_backup.dump.postgresql.cursor import Cursor
from python_backup.dump.postgresql.names import codec_of
from python_backup.dump.postgresql.session import settings
from python_backup.dump.postgresql.tokens import Kind

_OUTSIDE = (
    r"pg_read_(?:binary_)?file(?:_old)?|pg_file_\w+|pg_ls_\w*dir|pg_stat_file|pg_current_logfile|lo_import|lo_export"
    r"|dblink\w*|pg_reload_conf|pg_rotate_logfile\w*|pg_(?:terminate|cancel)_backend|pg_promote|pg_switch_wal"
    r"|pg_create_restore_point|pg_(?:start|stop)_backup|pg_backup_\w+|pg_\w*replication_\w+|pg_logical_\w+"
    r"|pg_wal_replay_\w+|(?:query|table|schema|database|cursor)_to_xml\w*|pg_sleep\w*|pg_logdir_ls|pg_create_\w+"
    r"|pg_drop_\w+|ts_stat|crosstab\w*|connectby|pg_read_server\w*|binary_upgrade_\w+|pg_stat_reset\w*"
    r"|pg_log_\w+|pg_get_wal_\w+|pg_walinspect\w*|pg_import_\w+|be_lo_(?:im|ex)port"
    r"|pg_(?:try_)?advisory_(?:xact_)?lock\w*|pg_background_launch\w*|schedule_in_database|run_command_on_\w+"
    r"|http_(?:get|post|put|patch|delete|head)|pg_hba_file_rules|pg_show_all_file_settings|pg_ident_file_mappings"
)
outside = re.compile(_OUTSIDE).fullmatch
"""Whether a name is that of a function that reaches outside the database."""
may_call_outside = re.compile(rb"(?i)" + _OUTSIDE.encode() + rb"|set_config|pg_authid|pg_shadow|u&").search
"""Whether the text may hold such a call; `call_outside` decides."""
LONGEST_CALL = 64
"""Bytes: no name that `may_call_outside` looks for is longer."""
_SETTING = re.compile(
    r"dynamic_library_path|extension_control_path|\w+_preload_libraries|allow_system_table_mods|plperl|pltcl|plv8"
    r"|plpython3?|archive_\w+|restore_command|ignore_system_indexes|zero_damaged_pages|jit_provider"
    r"|synchronous_standby_names|primary_conninfo"
).fullmatch
"""Settings that load a program, or change how the server works for others."""
EMBEDDING = frozenset({"cp932", "shift-jis-2004", "big5", "gbk", "gb18030", "cp949", "johab"})
"""Codecs in which a byte of a character can look like a backslash or a letter."""
_RUN_AT_ONCE = frozenset({
    "select", "insert", "update", "delete", "with", "values", "call", "merge", "explain", "table",
    "prepare", "execute", "declare",
})  # fmt: skip
_MADE_AT_ONCE = frozenset(
    {"table", "index", "unique", "unlogged", "temp", "temporary", "domain", "statistics"}
)
_ALTERED_AT_ONCE = frozenset({"view", "policy", "materialized", "foreign"})
READ_BY_LEXER = frozenset({"standard_conforming_strings", "client_encoding"})
"""Settings that change how the text behind them is read."""
_FALSE = frozenset({"false", "off", "0", "no"})
_BOOLEANS = frozenset({"on", "true", "yes", "1", *_FALSE})
_CHANGES = frozenset({"insert", "update", "delete", "truncate", "merge"})


def forbidden(at: Cursor, *, first: bool) -> str | None:
    """Why this statement is refused, if it is. ``first``: no other stands before it in the same piece."""
    verb = at.peek().word
    if not first and verb in {"begin", "start", "commit", "end"}:
        return f"{verb.upper()} inside a statement"
    if (rule := _RULES.get(verb)) and (reason := rule(at)):
        return reason
    at.at = 0
    if verb in {"set", "alter", "create"} and (reason := _dangerous_setting(at)):
        return reason
    at.at = 0
    if verb in _RUN_AT_ONCE:
        return changes_catalog(at) or call_outside(at, setting=verb != "select")
    if at.sees("create", "rule") or at.sees("create", "or", "replace", "rule"):
        return changes_catalog(at)
    return call_outside(at) if _made_at_once(at) else None


def _made_at_once(at: Cursor) -> bool:
    """Whether a CREATE or ALTER may run what is in it, now or at the next row."""
    kind = at.peek(1).word
    return at.sees("create|alter") and (
        kind in _MADE_AT_ONCE or (at.sees("alter") and kind in _ALTERED_AT_ONCE)
    )


def changes_catalog(at: Cursor) -> str | None:
    """A change of the server's catalog anywhere in the statement; the cursor is where it was."""
    begun = at.at
    try:
        while not at.ended:
            before, word = at.peek(-1).word if at.at else "", at.take().word
            if word in _CHANGES and before not in {"for", "on", "do", "no", "key"} and (why := _changed(at)):
                return why
        return None
    finally:
        at.at = begun


def call_outside(at: Cursor, *, setting: bool = True) -> str | None:
    """The first call of a function that reaches outside; ``setting``: or that sets anything."""
    while not at.ended:
        token = at.take()
        if token.word == "uescape":
            return "a name or string with an escape character of its own"
        if not token.names or at.peek().text != b"(":
            continue
        name = token.name(at.codec)
        if outside(name):
            return f"a call of {name}, which reaches outside the database"
        if name == "set_config" and setting:
            return "a call of set_config beside a plain SELECT"
        if name == "set_config" and (at.peek(1).kind is not Kind.STRING or at.peek(2).text != b","):
            return "set_config of a setting that is not a plain literal"
    return None


def _dangerous_setting(at: Cursor) -> str | None:
    """SET, within ALTER DATABASE and CREATE FUNCTION too, of what is no database's own affair."""
    while not at.ended:
        if not at.accept("set"):
            at.take()
            continue
        at.accept("local|session")
        name = at.name()
        if name and _SETTING(name[0].lower()):
            return f"the setting {'.'.join(name)}"
    return None


def of_catalog(name: tuple[str, ...] | list[str]) -> bool:
    """Whether a name is one of the server's own: an unqualified ``pg_…`` is found there first."""
    if len(name) > 1:
        return name[-2] in {"pg_catalog", "information_schema"}
    return bool(name) and name[0].startswith("pg_")


def _copy(at: Cursor) -> str | None:
    at.take()
    while not at.ended:
        if at.skip_parentheses():
            continue
        if at.accept("from|to"):
            return (
                "COPY … PROGRAM" if at.sees("program") else "COPY with a file of the server, or to the client"
            )
        at.take()
    return "a COPY that is not understood"


def _set(at: Cursor) -> str | None:
    local = at.sees("set", "local")
    for name, values in settings(at):
        if _SETTING(name.partition(".")[0]):
            return f"the setting {name}"
        if name == "client_encoding" and values and codec_of(values[0]) in EMBEDDING:
            return f"client_encoding {values[0]}, whose characters may hold backslashes"
        if name in READ_BY_LEXER and (local or not _told(at, name, values)):
            return (
                f"{'SET LOCAL' if local else 'a setting'} of {name}, so that it is not known how to read on"
            )
    return None


def _told(at: Cursor, name: str, values: list[str]) -> bool:
    """Whether a statement is no more than the setting of one known value, for all that follows."""
    if len(values) != 1 or (name.startswith("standard") and values[0].lower() not in _BOOLEANS):
        return False
    at.at = 0
    if not at.accept("select"):
        return True
    called = at.name()[-1:] == ("set_config",) and at.accept_sign(b"(") and at.string() is not None
    whole = called and at.accept_sign(b",") and at.string() is not None and at.accept_sign(b",")
    return whole and at.accept("false") and at.accept_sign(b")") and at.ended


def _role(at: Cursor) -> str | None:
    """CREATE ROLE with no more than a login."""
    at.take()
    at.take()
    at.take()
    while not at.ended:
        word = at.take().word
        if word not in {"with", "login", "inherit"} and not word.startswith("no"):
            return f"CREATE ROLE with {word.upper() or 'more than a login'}"
    return None


def _change(at: Cursor) -> str | None:
    """UPDATE, DELETE, TRUNCATE, INSERT, MERGE of a catalog."""
    at.take()
    return _changed(at)


def _changed(at: Cursor) -> str | None:
    for word in ("into", "from", "table", "only"):
        at.accept(word)
    name = at.name()
    return f"a change of the server's catalog {'.'.join(name)}" if of_catalog(name) else None


def _create(at: Cursor) -> str | None:
    at.take()
    at.accept("or", "replace")
    if at.accept("schema"):
        within = at.skip_to("create")
        return "objects within CREATE SCHEMA, which no dump tool writes" if within else None
    if at.accept("subscription"):
        while not at.ended:
            if (
                at.accept("connect")
                and at.accept_sign(b"=")
                and (at.sees("false|off") or at.string() in _FALSE)
            ):
                return None
            at.take()
        return "CREATE SUBSCRIPTION that connects at once"
    if at.sees("role|user|group") and at.peek(1).word != "mapping":
        at.at = 0
        return _role(at)
    return _library(at) if at.accept("function|procedure") else None


def _library(at: Cursor) -> str | None:
    """A C function's library must be the server's own."""
    begun, in_c = at.at, False
    while at.skip_to("language"):
        at.take()
        token = at.peek()
        in_c = in_c or ((token.names or token.kind is Kind.STRING) and token.name(at.codec).lower() == "c")
    at.at = begun
    while in_c and at.skip_to("as"):
        at.take()
        file = at.string() or ""
        if "/" in file and (not file.startswith("$libdir/") or ".." in file):
            return f"a function from the library {file}"
    return None


def _drop(at: Cursor) -> str | None:
    return "DROP OWNED, which changes what all databases share" if at.sees("drop", "owned") else None


def _transaction(at: Cursor) -> str | None:
    verb = at.take().word
    at.accept("work|transaction")
    return (
        None if at.ended or at.sees("isolation|read|not") else f"{verb.upper()} with more than its plain form"
    )


def _refused(at: Cursor) -> str | None:
    return " ".join(at.peek(n).word.upper() for n in range(2)).strip()


def _prepare(at: Cursor) -> str | None:
    return _refused(at) if at.sees("prepare", "transaction") else None


_RULES: dict[str, Callable[[Cursor], str | None]] = {
    "copy": _copy,
    "set": _set,
    "select": _set,
    "create": _create,
    "prepare": _prepare,
    "reset": _set,
    "drop": _drop,
    **dict.fromkeys(("insert", "update", "delete", "truncate", "merge"), _change),
    **dict.fromkeys(("begin", "start", "commit", "end"), _transaction),
    **dict.fromkeys(
        (
            "rollback",
            "abort",
            "savepoint",
            "release",
            "load",
            "discard",
            "import",
            "reassign",
            "listen",
            "notify",
            "do",
            "checkpoint",
        ),
        _refused,
    ),
}
