"""The public exit codes."""

from python_backup import errors
from python_backup.cli.exit_codes import EXIT_CODES, epilog


def test_the_table_has_just_the_codes_of_the_error_classes_and_success() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.BackupError)]
    assert [code for code, _ in EXIT_CODES] == sorted({0, *(c.exit_code for c in classes)})


def test_the_epilog_has_a_line_for_each_code() -> None:
    assert len(epilog().splitlines()) == len(EXIT_CODES) + 2
