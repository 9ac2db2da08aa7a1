"""Small config files, and the faults that are found in them."""

from pathlib import Path
from textwrap import dedent, indent

import pytest

from python_backup.config.load import read_config
from python_backup.errors import ConfigError

START = "backup: {directory: /b}\ninstances:\n"


ONE = "{id: 1, dbms: mysql, username: u}"


def faults_of(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_config(text, Path("c.yaml"), environ or {})
    return [line.removeprefix("  c.yaml:") for line in caught.value.message.splitlines()[1:]]


def instance_faults(keys: str, dbms: str = "mysql") -> list[str]:
    """The faults of one instance that has these further keys."""
    text = START + f"  - id: 1\n    dbms: {dbms}\n    username: u\n" + indent(dedent(keys), "    ")
    return [line.split(": ", 1)[1] if "instances[0]: " in line else line for line in faults_of(text)]


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "config.yaml"
    path.write_text(text)
    path.chmod(mode)
    return path
