"""Meters."""

import hashlib

from python_backup.stream.meters import ByteMeter, Sha256Meter
from python_backup.stream.stage import through


def test_meters_pass_every_block_on_and_know_size_and_sum():
    blocks = [b"a", b"bc" * 1000, b"\0"]
    size, sha256 = ByteMeter(), Sha256Meter()
    assert list(through(blocks, size, sha256)) == blocks
    assert (size.size, sha256.size) == (2002, 2002)
    assert sha256.hexdigest == hashlib.sha256(b"".join(blocks)).hexdigest()


def test_a_meter_of_an_empty_stream():
    meter = Sha256Meter()
    assert list(through([], meter)) == []
    assert (meter.size, meter.hexdigest) == (0, hashlib.sha256().hexdigest())
