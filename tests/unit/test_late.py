import sys
from pathlib import Path

import pytest

from python_backup.late import late


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / f"shelf_{tmp_path.name}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "first.py").write_text("NAME = 'first'\n")
    (folder / "second.py").write_text("def twice(number):\n    return 2 * number\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder.name


def test_a_late_module_is_imported_when_something_of_it_is_used(package: str) -> None:
    first, second = late(package, "first second")
    assert f"{package}.second" not in sys.modules
    assert second.twice(21) == 42
    assert f"{package}.second" in sys.modules
    assert f"{package}.first" not in sys.modules
    assert first.NAME == "first"


def test_a_late_module_has_no_more_than_the_module(package: str) -> None:
    (first,) = late(package, "first")
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = first.nonsense


def test_a_late_module_that_is_not_there_is_told_when_it_is_used(package: str) -> None:
    (third,) = late(package, "third")
    with pytest.raises(ModuleNotFoundError, match=r"third"):
        _ = third.anything
