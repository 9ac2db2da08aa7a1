"""Checksum files."""

import shutil
import subprocess
from pathlib import Path

import pytest

from python_backup.errors import ArtifactCorrupt
from python_backup.storage.sums import ExpectedSum, sum_in, sum_line

A, B, MD5 = "a" * 64, "b" * 64, "c" * 32
PATH = Path("/backups/x.sql.sha256")


@pytest.mark.parametrize(
    "content",
    [
        A, f"{A}\n", f"{A.upper()}\n", f"{A}  x.sql\n", f"{A} *x.sql\n", f"{A}  ./x.sql\r\n", f"{A}  renamed.sql\n",
        f"SHA256 (x.sql) = {A}\n", f"{B}  other.sql\n{A}  x.sql\n\n", f"{A}  x.sql\n{A}  x.sql\n",
        f"{B}  other.sql\n{A}  /elsewhere/x.sql\n",
    ],
)  # fmt: skip
def test_the_sum_of_a_file_is_found(content):
    assert sum_in(content.encode(), "sha256", PATH) == ExpectedSum("sha256", A, PATH)


def test_md5_sums_are_found():
    path = PATH.with_suffix(".md5")
    assert sum_in(f"{MD5}  x.sql\n".encode(), "md5", path) == ExpectedSum("md5", MD5, path)


def test_escaped_names_are_compared_unescaped():
    content = b"\\%s  a\\nb\\\\.sql\n%s  other\n" % (A.encode(), B.encode())
    assert sum_in(content, "sha256", Path("/backups/a\nb\\.sql.sha256")).hexdigest == A


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"hello\n", MD5.encode(), A.encode()[:-1], b"\0" * 64, f"{A}  y\n{B}  z\n".encode(),
     f"{A}  x.sql\n{B}  x.sql\n".encode(), b"\xff\xfe"],
)  # fmt: skip
def test_what_is_no_sum_of_it_is_corrupt(content):
    with pytest.raises(ArtifactCorrupt, match=r"x\.sql\.sha256"):
        sum_in(content, "sha256", PATH)


def test_sha256sum_accepts_what_is_written(tmp_path):
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not on this machine, so it was not seen to accept a checksum file")
    (tmp_path / "a%20b.sql").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (tmp_path / "a%20b.sql.sha256").write_bytes(sum_line(empty, "a%20b.sql"))
    done = subprocess.run(
        ["sha256sum", "-c", "a%20b.sql.sha256"], cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"a%20b.sql: OK\n")
