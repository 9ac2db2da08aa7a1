"""``vya-backupdb receipt``: the key that signs drills' receipts, and receipts checked offline."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from python_backup.cli import words
from python_backup.cli.exit_codes import CORRUPT, DIFFERS, epilog
from python_backup.cli.options import ConfigOption, JsonOption, load_config
from python_backup.cli.render import BAD, FAINT, GOOD, Cell, Column, Screen, Table, error_document
from python_backup.errors import ConfigError, Refused, StorageFailed, UsageError

if TYPE_CHECKING:
    from python_backup.jobs.receipts.verify import ChainChecked, ReceiptChecked, ReceiptsChecked
    from python_backup.receipt.keys import PublicKey

app = typer.Typer(
    name="receipt",
    help="Signed receipts of drills: make the key, check them.",
    no_args_is_help=False,
    rich_markup_mode=None,
    epilog=epilog(),
)

_VERDICTS = {"proven": GOOD, "failed": BAD, "error": BAD}
_BESIDE = {"same": GOOD, "differs": BAD, "not here": FAINT}


@app.command(epilog=epilog())
def key(
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", metavar="PATH", help="The key's file, without a config.", show_default=False
        ),
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Make none; print the public key of the one there is.")
    ] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make the key that signs receipts, mode 0600, and print its public key."""
    screen = Screen(json=json)
    path, public = _shown(file, config, screen) if show else _made(file, config, screen)
    screen.result(
        {"path": path, "id": public.id, "public_key": public.pem, "made": not show}, public.pem.rstrip("\n")
    )
    if not show:
        screen.note(
            f"made {path}; keep its public key where receipts are checked, and a copy of it elsewhere"
        )


def _made(file: Path | None, config: Path | None, screen: Screen) -> tuple[Path, PublicKey]:
    from python_backup.receipt.keys import new_key
    from python_backup.stream.publish import publishing

    path = _key_file(file, config, screen)
    if os.path.lexists(path):
        raise Refused(
            f"{path} is there already, and is not replaced",
            hint="--show prints its public key; remove it first if you want another.",
        )
    text, public = new_key(os.urandom)
    try:
        with publishing(path) as sink:
            sink.write(text.encode())
            sink.commit()
    except StorageFailed as exc:  # its hint speaks of the backup folder
        raise StorageFailed(
            f"the key: {exc.message}", hint="Let this account write there, or name another with --file."
        ) from exc
    return path, public


def _shown(file: Path | None, config: Path | None, screen: Screen) -> tuple[Path | None, PublicKey]:
    from python_backup.config.load import Receipts
    from python_backup.config.secret import private_text
    from python_backup.instance import Secret
    from python_backup.jobs.receipts.key import key_of

    if file is not None:
        return file, key_of(Receipts(Secret(lambda: private_text(file, "receipt.key")))).public
    settings = load_config(config, screen)
    if settings.receipts is None:
        raise _keyless(settings.path)
    return settings.receipts.file, key_of(settings.receipts).public


def _key_file(file: Path | None, config: Path | None, screen: Screen) -> Path:
    if file is not None:
        return file
    settings = load_config(config, screen)
    if settings.receipts is None:
        raise _keyless(settings.path)
    if settings.receipts.file is None:
        raise UsageError(
            f"receipt.key in {settings.path} names no file",
            hint="Make one with --file PATH, and put it where the config looks for it.",
        )
    return settings.receipts.file


def _keyless(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} has no section receipt",
        hint="Add `receipt: {key: receipt.key}`, or name a file with --file.",
    )


@app.command(epilog=epilog())
def verify(
    *,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE...]", help="Receipts, or folders of them; else the config's.", show_default=False
        ),
    ] = None,
    public_key: Annotated[
        list[Path] | None,
        typer.Option(
            "--public-key",
            metavar="PATH",
            help="A key to trust (repeatable); else the config's.",
            show_default=False,
        ),
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Each by itself, not the chain that it is of.")
    ] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Check receipts offline: signature, artifact if it is there, and that none is missing."""
    from python_backup.jobs.receipts.verify import verify_receipts

    screen = Screen(json=json)
    trusted = _trusted(public_key or (), config, screen)
    found = verify_receipts(files or _all(config, screen), trusted, alone=alone)
    code = CORRUPT if not found.genuine else 0 if found.same else DIFFERS
    screen.result(document(found, code), *drawn(found))
    for one in found.receipts:
        if one.error is not None:
            screen.failure(one.error, str(one.path))
    raise typer.Exit(code)


def _trusted(paths: Sequence[Path], config: Path | None, screen: Screen) -> tuple[PublicKey, ...]:
    if not paths:
        from python_backup.jobs.receipts.key import key_of

        settings = load_config(config, screen)
        if settings.receipts is None:
            raise UsageError(
                "there is no key to check receipts with", hint="Name the public key with --public-key PATH."
            )
        return (key_of(settings.receipts).public,)
    return tuple(_public(path) for path in paths)


def _public(path: Path) -> PublicKey:
    from python_backup.receipt.keys import public_key

    try:
        return public_key(path.read_text(encoding="ascii"))
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is no public key in PEM") from None
    except ConfigError as exc:
        raise ConfigError(f"{path} {exc.message}", hint=exc.hint) from None


def _all(config: Path | None, screen: Screen) -> tuple[Path, ...]:
    from python_backup.storage.receipts import all_receipts

    folder = load_config(config, screen, tell=False).directory
    found = all_receipts(folder)
    if not found:
        raise UsageError(
            f"there are no receipts in {folder}",
            hint="`vya-backupdb drill` writes them where receipt.key is set.",
        )
    return found


def document(found: ReceiptsChecked, code: int) -> dict[str, Any]:
    """What ``--json`` prints."""
    return {
        "exit_code": code,
        "receipts": [_one(receipt) for receipt in found.receipts],
        "chains": found.chains,
    }


def _one(receipt: ReceiptChecked) -> dict[str, Any]:
    stated = receipt.statement
    return {
        "path": receipt.path,
        "genuine": stated is not None,
        "sha256": receipt.sha256,
        "key": receipt.key,
        "number": stated.chain.number if stated else None,
        "instance": stated.instance if stated else None,
        "database": stated.database if stated else None,
        "verdict": stated.verdict if stated else None,
        "started": stated.started if stated else None,
        "artifact": {"name": stated.artifact, "sha256": stated.sha256, "found": receipt.beside}
        if stated
        else None,
        "error": error_document(receipt.error) if receipt.error else None,
    }


def drawn(found: ReceiptsChecked) -> Iterator[Table | Cell | str]:
    """A row for each genuine receipt, what is wrong with the chains, and a line for each chain."""
    rows = [_row(one) for one in found.receipts if one.statement is not None]
    if rows:
        titles = ("database", "number", "drilled", "verdict", "artifact", "its bytes")
        yield Table([Column(title, folds=title in {"database", "artifact"}) for title in titles], rows)
        yield ""
    for chain in found.chains:
        yield from _chain(chain)
    bad = sum(one.statement is None for one in found.receipts)
    good = f"{words.plural(len(rows), 'receipt')} genuine"
    yield Cell(f"{good}, {bad} not" if bad else good, BAD if bad else GOOD)


def _row(one: ReceiptChecked) -> list[str | Cell]:
    stated = one.statement
    if stated is None:
        raise AssertionError("a receipt without its statement")
    return [
        _named(stated.instance, stated.database),
        str(stated.chain.number),
        words.moment(stated.started),
        Cell(stated.verdict, _VERDICTS.get(stated.verdict, "")),
        stated.artifact,
        Cell(one.beside.value, _BESIDE[one.beside.value]),
    ]


def _named(instance: str | None, database: str) -> str:
    return database if instance is None else f"{database} of {instance}"


def _chain(chain: ChainChecked) -> Iterator[Cell]:
    named = _named(chain.instance, chain.database)
    for fault in chain.faults:
        yield Cell(f"{named}: {fault}", BAD)
    if not chain.faults:
        yield Cell(f"{named}: none is missing up to number {chain.latest}", GOOD)
