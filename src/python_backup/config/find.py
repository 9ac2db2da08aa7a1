"""Where the configuration file is: the first of five places that has one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from python_backup.errors import ConfigError, ConfigMissing

ENVIRONMENT_NAME = "VYA_BACKUPDB_CONFIG"


def places(environ: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """Where a config is looked for when none is named, in order; ``folder`` is the current one."""
    home = (Path(environ["HOME"]),) if environ.get("HOME") else ()
    return (
        folder / "config.yaml",
        *(h / ".config/vya-backupdb/config.yaml" for h in home),
        Path("/etc/vya-backupdb/config.yaml"),
    )


def find_config(named: Path | None, environ: Mapping[str, str], folder: Path) -> Path:
    """The config file to use: the named one, else the environment's, else the first of `places`.

    Raises:
        ConfigError: the named file is not there.
        ConfigMissing: none is named, and no place has one.
    """
    if named is not None:
        return _there(named, "named by --config")
    if from_environment := environ.get(ENVIRONMENT_NAME):
        return _there(Path(from_environment), f"named by ${ENVIRONMENT_NAME}")
    looked = places(environ, folder)
    for path in looked:
        if path.is_file():
            return path
    listed = "".join(f"\n  {path}" for path in looked)
    raise ConfigMissing(
        f"no config file; looked for{listed}",
        hint="Make one with `vya-backupdb config init`, or name one with --config.",
    )


def _there(path: Path, how: str) -> Path:
    if not path.is_file():
        raise ConfigError(
            f"no config file {str(path)!r}, {how}",
            hint="Make one with `vya-backupdb config init --config PATH`.",
        )
    return path
