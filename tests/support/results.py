"""Made-up results of jobs."""

from datetime import UTC, datetime
from pathlib import Path

from python_backup.errors import BackupError
from python_backup.instance import Dbms, Instance
from python_backup.jobs.results import DatabaseResult, Outcome
from python_backup.model import Artifact, Facts, Format, Manifest, TableFacts

TAKEN = datetime(2026, 1, 13, 15, 54, 40, tzinfo=UTC)
WEB = Instance("1", "web", Dbms.MYSQL)
FACTS = Facts(
    (TableFacts("orders", 1000, 90, "blake3:00"), TableFacts("users", 200, 10, "blake3:11")),
    {"views": ("v",)},
    {},
)


def manifest(database: str = "dns_db", *, errors: tuple[str, ...] = ()) -> Manifest:
    file = f"20260113_155440_mysql_{database}.sql.zst"
    return Manifest(
        program="vya-backupdb 0",
        instance="1",
        dbms=Dbms.MYSQL,
        database=database,
        started=TAKEN,
        finished=TAKEN,
        server_version="9.7",
        client="mysqldump",
        client_version="9.7",
        command=("mysqldump", database),
        artifact=Artifact(file, Format.ZSTD, 3000, "aa" * 32, 1000, "bb" * 32),
        facts=FACTS,
        errors=errors,
    )


def result(
    outcome: Outcome = "done", database: str | None = "dns_db", error: BackupError | None = None
) -> DatabaseResult:
    kept = database is not None and outcome in {"done", "partial", "suspect"}
    made = (
        manifest(database, errors=("no view v",) if outcome == "partial" else ())
        if kept and database
        else None
    )
    return DatabaseResult(
        instance=WEB,
        database=database,
        outcome=outcome,
        seconds=0.5,
        path=Path(f"/b/{made.artifact.file}") if made else None,
        manifest=made,
        command=("mysqldump", "--", database or ""),
        error=error,
    )
