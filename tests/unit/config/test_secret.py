"""The four ways of a password."""

import sys
from pathlib import Path

import pytest

from python_backup.config.schema import SecretSource
from python_backup.config.secret import secret
from python_backup.errors import ConfigError

PLACE = "instances[0].password"


def revealed(
    given: str | SecretSource, folder: Path = Path("/"), environ: dict[str, str] | None = None
) -> str:
    found = secret(given, PLACE, folder, environ or {})
    assert found is not None
    return found.reveal()


def private(path: Path, content: bytes, mode: int = 0o600) -> SecretSource:
    path.write_bytes(content)
    path.chmod(mode)
    return SecretSource(file=str(path))


def program(text: str) -> SecretSource:
    return SecretSource(command=[sys.executable, "-c", text])


def test_no_password_is_none() -> None:
    assert secret(None, PLACE, Path("/"), {}) is None


def test_plain_text_is_itself() -> None:
    assert revealed("p w") == "p w"


def test_the_environment_is_asked_when_the_password_is_used() -> None:
    environ: dict[str, str] = {}
    found = secret(SecretSource(env="X"), PLACE, Path("/"), environ)
    environ["X"] = "late"
    assert found is not None
    assert found.reveal() == "late"


def test_a_missing_variable_is_an_error_with_its_path() -> None:
    with pytest.raises(ConfigError, match=r"instances\[0\]\.password: the environment has no X"):
        revealed(SecretSource(env="X"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"pw\n", "pw"), (b"pw", "pw"), (b"pw\n\n", "pw\n"), (b" pw \r\n", " pw "), ("ü\n".encode(), "ü")],
)
def test_a_file_loses_one_line_end(tmp_path: Path, content: bytes, expected: str) -> None:
    assert revealed(private(tmp_path / "pw", content)) == expected


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match=f"can be read by others, mode {mode:04o}") as caught:
        revealed(private(tmp_path / "pw", b"hunter2", mode))
    assert "chmod 600" in str(caught.value.hint)


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(ConfigError, match="'/nowhere/pw' cannot be read: No such file"):
        revealed(SecretSource(file="/nowhere/pw"))


def test_a_relative_file_starts_at_the_configs_folder(tmp_path: Path) -> None:
    private(tmp_path / "pw", b"pw\n")
    assert revealed(SecretSource(file="pw"), tmp_path) == "pw"


def test_a_program_gives_its_first_line() -> None:
    assert revealed(program("print('pw'); print('url: x')")) == "pw"


def test_a_program_that_fails_is_an_error_without_its_output() -> None:
    with pytest.raises(ConfigError, match="ended with 3: locked") as caught:
        revealed(program("import sys; print('hunter2'); sys.stderr.write('locked\\n'); sys.exit(3)"))
    assert "hunter2" not in caught.value.message


def test_a_program_that_prints_nothing_is_an_error() -> None:
    with pytest.raises(ConfigError, match="printed no password"):
        revealed(program("print()"))


def test_a_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ConfigError, match="'no-such-program' is not on this machine"):
        revealed(SecretSource(command=["no-such-program"]))
