"""What is asked of the disk beforehand changes nothing of a file, whatever it is."""

import os

from python_backup.stream.writeback import begin_writing


def test_a_file_whose_writing_was_begun_is_what_it_was(tmp_path):
    path = tmp_path / "a"
    with path.open("wb", buffering=0) as file:
        file.write(b"one" * 100_000)
        begin_writing(file.fileno(), 0, 300_000)
        file.write(b"two")
        begin_writing(file.fileno(), 300_000, 300_003)
    assert path.read_bytes() == b"one" * 100_000 + b"two"


def test_what_is_no_file_is_left_alone():
    reader, writer = os.pipe()
    try:
        begin_writing(writer, 0, 10)
        os.write(writer, b"through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
        os.close(writer)
