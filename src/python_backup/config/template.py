"""The first config file of a user: short, commented, valid, readable by its owner alone."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from python_backup.errors import Refused, StorageFailed
from python_backup.instance import Dbms
from python_backup.stream.private import make_private

_PLAIN = re.compile(r"[A-Za-z/_~][A-Za-z0-9/_.~-]*|[0-9]+(\.[0-9]+){3}")
_WORDS = re.compile(r"(true|false|null|~)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answers:
    """What `config init` was told. ``password`` has one of the keys env, file, text; empty: there is none."""

    directory: str = "/var/backups/vya-backupdb"
    dbms: Dbms = Dbms.POSTGRESQL
    id: str = "1"
    name: str = "main"
    host: str = "127.0.0.1"
    port: int = 5432
    socket: str | None = None
    username: str = "backup"
    password: Mapping[str, str] = field(default_factory=lambda: {"env": "VYA_BACKUP_PASSWORD"})


def config_text(answers: Answers) -> str:
    """A whole config file; `config.load.read_config` takes it."""
    return f"""\
# vya-backupdb; check this file with `vya-backupdb config validate`.
# Strings may hold ${{NAME}} or ${{NAME:-default}} from the environment; $$ is a dollar sign.

backup:
  directory: {_text(answers.directory)}
  compression:
    format: zstd        # none, gzip, zip, zstd
    level: 3            # gzip and zip: 1 to 9; zstd: 1 to 22
  timeout: 3600         # seconds for one database

instances:
  - id: {answers.id if answers.id.isdecimal() else _text(answers.id)}               # what --instance takes
    name: {_text(answers.name)}
    dbms: {answers.dbms.value}
{_where(answers)}
    username: {_text(answers.username)}
    {_password(answers.password)}
    # filter: ["app_*"]     # only these databases
    # ignore: ["*_tmp"]     # not these
    # tls: {{mode: verify-full, ca: /etc/ssl/certs/ca-certificates.crt}}
"""


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Writes the file with mode 0600, whole or not at all.

    Raises:
        Refused: there is one already, and no ``force``.
        StorageFailed: it could not be written.
    """
    try:
        make_private(path.parent)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    except OSError as exc:
        raise StorageFailed(f"{str(path)!r} cannot be written: {exc.strerror}") from exc
    temporary = Path(name)
    try:
        with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - it is a descriptor
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if force:
            temporary.replace(path)
        else:
            path.hardlink_to(temporary)  # fails where there is one, whoever made it meanwhile
    except FileExistsError as exc:
        raise Refused(f"{str(path)!r} is there already", hint="Give --force to write it anew.") from exc
    except OSError as exc:
        raise StorageFailed(f"{str(path)!r} cannot be written: {exc.strerror}") from exc
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _where(answers: Answers) -> str:
    if answers.socket:
        return f"    socket: {_text(answers.socket)}"
    return f"    host: {_text(answers.host)}\n    port: {answers.port}              # or socket: PATH"


def _password(given: Mapping[str, str]) -> str:
    if not given:
        return "# password: {env: NAME}     # or {file: PATH}, or {command: [pass, show, db]}"
    ((kind, value),) = given.items()
    if kind == "text":
        others = "better: {env: NAME}, {file: PATH}"
        return f"password: {_quoted(value)}     # {others} or {{command: [pass, show, db]}}"
    other = {"env": "{file: PATH}", "file": "{env: NAME}"}[kind]
    return f"password: {{{kind}: {_text(value)}}}     # or {other}, or {{command: [pass, show, db]}}"


def _text(value: str) -> str:
    return value if _PLAIN.fullmatch(value) and not _WORDS.fullmatch(value) else _quoted(value)


def _quoted(value: str) -> str:
    # a JSON string is a YAML one, but for what JSON leaves raw: U+0085, U+2028, U+2029, DEL, BOM
    text = json.dumps(value.replace("$", "$$"), ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in text)
