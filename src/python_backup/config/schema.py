"""What a config file may hold: the shape alone; what concerns several keys at once is in `rules`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from python_backup.config.scalars import (
    Age,
    Bytes,
    Number,
    Percentage,
    Port,
    Rate,
    Seconds,
    Switch,
    Word,
    Words,
    as_id,
)
from python_backup.config.sources import Password, SecretSource
from python_backup.config.strict import Strict
from python_backup.instance import TlsMode
from python_backup.model import Format

LEVELS: dict[str, tuple[int, int]] = {"gzip": (1, 9), "zip": (1, 9), "zstd": (1, 22)}
"""The compression levels of each format that has any, lowest and highest."""


class Compression(Strict):
    """How artifacts are compressed."""

    format: Annotated[
        Literal["none", "gzip", "zip", "zstd"], Field(description="what the artifact's bytes are")
    ] = Format.NONE.value
    level: Annotated[
        Number | None, Field(description="gzip and zip: 1 to 9; zstd: 1 to 22; left out: the format's own")
    ] = None


class RetrySection(Strict):
    """How often what failed for a while is tried again: a lost connection, a lock, a deadlock."""

    attempts: Annotated[Number, Field(ge=1, le=100, description="tries in all; 1: none is made again")] = 3
    delay: Annotated[Number, Field(ge=0, description="seconds before the second try")] = 5
    backoff: Annotated[float, Field(ge=1, le=10, description="what each further wait is multiplied by")] = 2.0
    max_delay: Annotated[Number, Field(ge=0, description="seconds that no wait exceeds")] = 60


class ThrottleOfSection(Strict):
    """How a run holds itself back for one instance."""

    bwlimit: Annotated[
        Rate | None, Field(description="bytes of the dump that pass in a second, such as 20 MB")
    ] = None
    max_lag: Annotated[
        Seconds | None, Field(description="pauses while replication is more seconds behind")
    ] = None
    max_load: Annotated[
        Annotated[Number, Field(ge=1)] | None,
        Field(description="pauses while more sessions are at work on the server"),
    ] = None
    max_pause: Annotated[
        Seconds | None, Field(description="seconds that all pauses of one database may take")
    ] = None


class ThrottleSection(ThrottleOfSection):
    """How runs hold themselves back."""

    max_pause: Annotated[
        Seconds, Field(description="seconds that all pauses of one database may take; then it goes on")
    ] = 600
    nice: Annotated[
        Switch, Field(description="true: the lowest priority for processor and disks, on this machine")
    ] = False


class BackupSection(Strict):
    """Where backups go, and how."""

    directory: Annotated[
        Word, Field(description="the backup folder; a relative path starts at the config file's folder")
    ]
    compression: Annotated[Compression, Field(default_factory=Compression.left_out)]
    jobs: Annotated[
        Annotated[Number, Field(ge=1, le=64)] | Literal["auto"],
        Field(description="connections that read one database at once; auto: one for each core, at most 8"),
    ] = 1
    parts: Annotated[
        Literal["auto", "always", "never"],
        Field(description="auto: with several jobs, databases of 256 MB and more become folders of parts"),
    ] = "auto"
    lock: Annotated[
        Literal["instance", "database", "none"],
        Field(description="what is locked while the snapshots of parts begin (MySQL, MariaDB)"),
    ] = "instance"
    timeout: Annotated[Seconds | None, Field(description="seconds that one database may take")] = None
    lock_timeout: Annotated[
        Seconds | None, Field(description="seconds to wait for each lock; null: no limit")
    ] = 120
    idle_timeout: Annotated[
        Seconds | None, Field(description="seconds for which the dump tool may write nothing; null: no limit")
    ] = 1800
    retry: Annotated[RetrySection, Field(default_factory=RetrySection.left_out)]
    max_age: Annotated[
        Age | None, Field(description="how old a database's latest backup may get, such as 26h")
    ] = None


class ExpectSection(Strict):
    """What a backup should hold; one that does not is kept, marked suspect, and ends with exit 7."""

    max_shrink: Annotated[
        Percentage | None,
        Field(description="how much less than the last good backup each table may hold, such as 30%"),
    ] = None
    min_rows: Annotated[
        dict[Word, Annotated[Number, Field(ge=0)]] | None,
        Field(description="by a table's name or pattern the fewest rows: {users: 1}"),
    ] = None
    ignore: Annotated[
        list[Word] | None, Field(description="names or patterns of tables that may shrink as they will")
    ] = None


class ExpectOfSection(ExpectSection):
    """What the backups of some databases should hold."""

    database: Annotated[Word, Field(description="the database's name, or a pattern of names")]


class ExpectationsSection(ExpectSection):
    """What backups should hold, and those of single databases."""

    databases: Annotated[
        list[ExpectOfSection], Field(default_factory=list, description="what holds for some databases")
    ]


class LoggingSection(Strict):
    """What is logged, and where."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="the least that is logged")
    ] = "info"
    format: Annotated[Literal["text", "json"], Field(description="lines for people or for programs")] = "text"
    file: Annotated[
        Word | None, Field(description="the log file; left out: stderr, where that is no terminal")
    ] = None
    max_size: Annotated[Bytes, Field(description="at this size the file is put aside as FILE.1")] = 10_000_000
    keep: Annotated[Number, Field(ge=0, description="how many files are kept beside it")] = 5


class KeepReplaced(Strict):
    """How long what a restore replaced is kept."""

    count: Annotated[
        Number, Field(ge=0, description="the latest of each target; 0: none is kept, nor can be rolled back")
    ] = 1
    days: Annotated[Number, Field(ge=0, description="none that is older is kept")] = 7


class SafetySection(Strict):
    """Safety backups of restores in place."""

    keep: Annotated[Number, Field(ge=1, description="the latest of each target")] = 10


class RestoreSection(Strict):
    """How restores go, and what is kept of the databases that they replaced."""

    jobs: Annotated[
        Annotated[Number, Field(ge=1, le=64)] | Literal["auto"],
        Field(
            description="statements that the server is given at once; auto: one for each core here, at most 8"
        ),
    ] = "auto"
    keep_replaced: Annotated[KeepReplaced, Field(default_factory=KeepReplaced.left_out)]
    safety: Annotated[SafetySection, Field(default_factory=SafetySection.left_out)]


class DrillRowsSection(Strict):
    """Rows that a query should give, in a file."""

    file: Annotated[
        Word, Field(description="a text file: a row each line, values parted by tabs, NULL as nothing")
    ]


def _kind_of_expectation(value: object) -> str:
    return "rows" if isinstance(value, dict | DrillRowsSection) else "text"


class DrillCheckSection(Strict):
    """One question to a restored database."""

    database: Annotated[Word, Field(description="the database whose drills ask it")]
    sql: Annotated[Word, Field(description="the query")]
    expect: Annotated[
        Annotated[str, Tag("text")] | Annotated[DrillRowsSection, Tag("rows")],
        Discriminator(_kind_of_expectation),
        Field(description="`> 0`, `= 12` …: the one value compared; else the answer's text, by tabs"),
    ]


class DrillDockerSection(Strict):
    """Throw-away servers in containers."""

    image: Annotated[
        Word | None,
        Field(description="the image; `{dbms}` and `{version}` are the dump's: `registry/{dbms}:{version}`"),
    ] = None


class DrillSection(Strict):
    """How backups are drilled, and where."""

    on: Annotated[Word | None, Field(description="what `--on` says where it is left out")] = None
    programs: Annotated[
        Words, Field(description="folders of server programs, searched before the usual ones")
    ]
    docker: Annotated[DrillDockerSection, Field(default_factory=DrillDockerSection.left_out)]
    max_proof_age: Annotated[
        Age | None, Field(description="how old a database's latest proof may get, such as 7d")
    ] = None
    max_age: Annotated[
        Age | None, Field(description="how old a backup may be that is drilled, such as 26h")
    ] = None
    checks: Annotated[
        list[DrillCheckSection], Field(default_factory=list, description="questions to restored databases")
    ]


class ObjectivesSection(Strict):
    """What `forecast` holds backups and drills against."""

    rpo: Annotated[
        Age | None, Field(description="how old the latest complete backup may get, such as 24h")
    ] = None
    rto: Annotated[Age | None, Field(description="how long a restore may take, such as 2h")] = None


class ReceiptSection(Strict):
    """What signs the receipts of drills."""

    key: Annotated[
        Password,
        Field(description="the Ed25519 key: its file's path, or where it is: {file: PATH}, {vault: ID} …"),
    ]


class TlsSection(Strict):
    """How the connection is secured; the modes are libpq's."""

    mode: Annotated[
        Literal["disable", "prefer", "require", "verify-ca", "verify-full"],
        Field(description="how far to go"),
    ] = TlsMode.PREFER.value
    ca: Annotated[Word | None, Field(description="certificates to trust, PEM")] = None
    cert: Annotated[Word | None, Field(description="the client's certificate, PEM")] = None
    key: Annotated[Word | None, Field(description="the client's key, PEM")] = None


class ToolsSection(Strict):
    """Where the dump programs are, when they are not found by themselves."""

    path: Annotated[Word | None, Field(description="a folder that is searched first")] = None
    command: Annotated[Words, Field(description="put before the program: [docker, exec, -i, db]")]
    host: Annotated[Word | None, Field(description="the server as seen from there")] = None
    port: Annotated[Port | None, Field(description="its port as seen from there")] = None
    socket: Annotated[Word | None, Field(description="its socket as seen from there")] = None


class InstanceSection(Strict):
    """One database server."""

    id: Annotated[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64)],
        BeforeValidator(as_id, json_schema_input_type=int | str),
        Field(description="a number or a word; it is what --instance takes"),
    ]
    name: Annotated[Word | None, Field(description="its name for people; left out: the id")] = None
    dbms: Annotated[Literal["mysql", "mariadb", "postgresql"], Field(description="what kind of server")]
    host: Annotated[Word, Field(description="name or address")] = "127.0.0.1"
    port: Annotated[
        Port | None,
        Field(description="left out: 3306, for postgresql 5432"),
    ] = None
    socket: Annotated[Word | None, Field(description="a socket's path, instead of host and port")] = None
    username: Annotated[
        Word | None, Field(description="the account that backs up; left out: the vault entry's")
    ] = None
    password: Annotated[
        Password | None,
        Field(description="text, or where it is: {file: PATH}, {vault: ID}, {env: NAME} …"),
    ] = None
    filter: Annotated[Words, Field(description="only databases that match one of these patterns")]
    ignore: Annotated[Words, Field(description="no database that matches one of these patterns")]
    enabled: Annotated[Switch, Field(description="false: --all passes it by")] = True
    scratch: Annotated[
        Switch, Field(description="true: `drill --on ID` may use it; nothing on it is backed up or restored")
    ] = False
    tls: Annotated[TlsSection, Field(default_factory=TlsSection.left_out)]
    options: Annotated[Words, Field(description="further options for the dump program")]
    tools: Annotated[ToolsSection, Field(default_factory=ToolsSection.left_out)]
    format: Annotated[
        Literal["plain", "custom"],
        Field(description="postgresql alone: custom makes pg_dump's own archive, .dump"),
    ] = "plain"
    timeout: Annotated[Seconds | None, Field(description="instead of backup.timeout")] = None
    lock_timeout: Annotated[Seconds | None, Field(description="instead of backup.lock_timeout")] = None
    idle_timeout: Annotated[Seconds | None, Field(description="instead of backup.idle_timeout")] = None
    retry: Annotated[RetrySection | None, Field(description="instead of backup.retry")] = None
    max_age: Annotated[Age | None, Field(description="instead of backup.max_age, for its databases")] = None
    objectives: Annotated[ObjectivesSection, Field(default_factory=ObjectivesSection.left_out)]
    expect: Annotated[ExpectationsSection, Field(default_factory=ExpectationsSection.left_out)]
    throttle: Annotated[ThrottleOfSection, Field(default_factory=ThrottleOfSection.left_out)]
    replicas: Annotated[
        list[Annotated[Word, BeforeValidator(as_id, json_schema_input_type=int | str)]],
        Field(default_factory=list, description="ids of the instances that replicate from it, for max_lag"),
    ]


class VaultSection(Strict):
    """The encrypted file of passwords, and what opens it; without either, it is asked on the terminal."""

    path: Annotated[Word, Field(description="the file")]
    key_file: Annotated[Word | None, Field(description="a file that only its owner can read")] = None
    passphrase: Annotated[SecretSource | None, Field(description="where the passphrase is")] = None


class ConfigFile(Strict):
    """The whole file."""

    model_config = ConfigDict(title="vya-backupdb configuration", defer_build=False)

    backup: BackupSection
    restore: Annotated[RestoreSection, Field(default_factory=RestoreSection.left_out)]
    drill: Annotated[DrillSection, Field(default_factory=DrillSection.left_out)]
    expect: Annotated[ExpectationsSection, Field(default_factory=ExpectationsSection.left_out)]
    objectives: Annotated[ObjectivesSection, Field(default_factory=ObjectivesSection.left_out)]
    receipt: Annotated[ReceiptSection | None, Field(description="left out: drills write no receipts")] = None
    throttle: Annotated[ThrottleSection, Field(default_factory=ThrottleSection.left_out)]
    logging: Annotated[LoggingSection, Field(default_factory=LoggingSection.left_out)]
    vault: VaultSection | None = None
    instances: Annotated[list[InstanceSection], Field(min_length=1)]


def json_schema() -> dict[str, Any]:
    """The config file's JSON Schema, for editors and other checkers."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ConfigFile.model_json_schema(mode="validation"),
    }
