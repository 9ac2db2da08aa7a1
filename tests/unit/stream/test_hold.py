"""What is held by its process, seen from another descriptor."""

import os

from python_backup.stream.hold import abandoned, take


def test_a_file_is_abandoned_when_nobody_holds_it(tmp_path) -> None:
    file = tmp_path / "a"
    file.touch()
    with abandoned(file) as free, abandoned(file) as second:
        assert (free, second) == (True, False)


def test_a_file_or_folder_that_is_held_is_not_abandoned(tmp_path) -> None:
    for path, flags in ((tmp_path / "a", os.O_RDWR | os.O_CREAT), (tmp_path, os.O_RDONLY)):
        descriptor = os.open(path, flags)
        assert take(descriptor) is True
        with abandoned(path) as free:
            assert free is False
        os.close(descriptor)
        with abandoned(path) as free:
            assert free is True


def test_what_is_not_there_or_a_link_is_not_abandoned(tmp_path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (tmp_path / "none", tmp_path / "link"):
        with abandoned(path) as free:
            assert free is False
