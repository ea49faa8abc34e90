"""The hasher behind the frontier, and the look at a file's beginning."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from modelhubd.downloads.verify import Hasher, fault_in_beginning


def result(hasher: Hasher) -> str:
    deadline = time.monotonic() + 30
    while (digest := hasher.result()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return digest


def test_the_hasher_follows_a_growing_file(tmp_path: Path) -> None:
    data = os.urandom(3_500_000)
    path = tmp_path / "file"
    path.write_bytes(b"")
    fd = os.open(path, os.O_RDWR)
    hasher = Hasher(fd)
    try:
        assert result(hasher) == hashlib.sha256(b"").hexdigest()
        for end in (1, 1_000_000, 3_500_000):
            os.pwrite(fd, data[:end], 0)
            hasher.advance(end)
        assert result(hasher) == hashlib.sha256(data).hexdigest()
    finally:
        hasher.close()
        os.close(fd)


def test_a_file_that_is_shorter_than_its_frontier_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    fd = os.open(path, os.O_RDONLY)
    hasher = Hasher(fd)
    try:
        hasher.advance(10)
        with pytest.raises(OSError, match="shorter"):
            result(hasher)
    finally:
        hasher.close()
        os.close(fd)


@pytest.mark.parametrize(
    ("name", "beginning", "fits"),
    [
        ("a.gguf", b"GGUF\x03\0\0\0", True),
        ("a.GGUF", b"GGML\x03\0\0\0", False),
        ("a.gguf", b"", False),
        ("a.safetensors", (10).to_bytes(8, "little") + b'{"a":1}', True),
        ("a.safetensors", (10).to_bytes(8, "little") + b"x", False),
        ("a.safetensors", (5000).to_bytes(8, "little") + b"{", False),
        ("a.safetensors", b"{", False),
        ("a.json", b' \n{"a"', True),
        ("a.json", b"[1]", True),
        ("a.json", b"<html>", False),
        ("a.txt", b"\0anything", True),
    ],
)
def test_a_file_must_begin_as_its_name_says(name: str, beginning: bytes, fits: bool) -> None:
    assert (fault_in_beginning(name, beginning, 100) is None) == fits
