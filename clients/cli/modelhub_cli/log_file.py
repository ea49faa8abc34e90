"""A log that goes on, over the moment when it is put aside and a new one begins."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

EVERY_S = 0.2


def tail(stream: BinaryIO, count: int, most_bytes: int) -> list[bytes]:
    """The last `count` lines, of the last `most_bytes` bytes; what comes next is read after them."""
    stream.seek(max(0, os.fstat(stream.fileno()).st_size - most_bytes))
    found = stream.readlines()
    return found[-count:] if count else []


def followed(path: Path, stream: BinaryIO) -> Iterator[bytes]:
    """What comes after where `stream` of `path` is, for ever: once another file is there, what is in that.
    Closes whatever it has read."""
    try:
        while True:
            # Asked before the end is read: what was written before it was put aside is not missed.
            other = _another(path, stream)
            yield from stream
            if other is None:
                time.sleep(EVERY_S)
            else:
                stream.close()
                stream = other
    finally:
        stream.close()


def _another(path: Path, stream: BinaryIO) -> BinaryIO | None:
    """The file that has taken the place of what is read."""
    try:
        if os.path.samestat(path.stat(), os.fstat(stream.fileno())):
            return None
        return path.open("rb")
    except OSError:
        return None
