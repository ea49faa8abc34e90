"""What a server writes: the last lines at hand for any number of readers, and a bounded file."""

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection
from pathlib import Path
from typing import BinaryIO

from modelhubd.llama.load_progress import PREFIX, load_progress

log = logging.getLogger(__name__)

RING_LINES = 2000
LINE_BYTES = 4096
FILE_BYTES = 4 * 1024**2
FILES_KEPT = 40
BURST_BYTES = 4 * 1024**2
"""What may come at once, and what is kept of a flood a second."""
RATE_BYTES_PER_S = 256 * 1024
END_BYTES = 8 * 1024
"""Of the end of what is left out: it may say why a server died."""
_QUOTES = re.compile(rb"(got exception: )[^\n]*")
_UNTOLD = rb"\1[left out: it may quote the request, whose answer has it]"
"""What a server says of a request that it refuses: whoever asked is told, and no log holds content."""


class ServerLog:
    """Takes bytes as they come, never blocks for long, never grows without bound.

    The file is `path`, the part before it `<path>.1`; both together stay under 8 MiB. A file that cannot be
    written costs the file, not the server. Of a flood only 256 KiB a second are kept, and how much was left
    out is told.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._ring: deque[str] = deque(maxlen=RING_LINES)
        self._rest = b""
        self._part = b""
        """A line that has begun, until its end is known or it is long."""
        self._closed = False
        self._clock = clock
        self._allowed = float(BURST_BYTES)
        self._counted_at = clock()
        self._left_out = 0
        self._left_out_end = b""
        self._file = self._open()
        self.changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done as soon as there are new lines; another future takes its place then."""
        self.lines = 0
        """How many there were so far."""
        self.bytes_seen = 0
        """Grows with everything written: a sign of life."""
        self.progress: float | None = None
        """How far the load is, 0 to 1; None if the server did not tell."""

    def write(self, data: bytes) -> None:
        """Take what the server wrote; lines over 4 KiB are cut."""
        self.bytes_seen += len(data)
        data = self._whole(data)
        now = self._clock()
        self._allowed = min(self._allowed + (now - self._counted_at) * RATE_BYTES_PER_S, BURST_BYTES)
        self._counted_at = now
        if self._allowed < len(data):
            self._left_out += len(data)
            self._left_out_end = (self._left_out_end + data)[-END_BYTES:]
            return
        self._allowed -= len(data)
        self._take(self._told_of_left_out() + data)

    def _whole(self, data: bytes) -> bytes:
        """What there is of whole lines, without what they quote."""
        data = self._part + data
        end = data.rfind(b"\n") + 1
        if len(data) - end > LINE_BYTES:
            end = len(data)
        self._part = data[end:]
        return _QUOTES.sub(_UNTOLD, data[:end])

    def close(self) -> None:
        """End the file and every follower."""
        self.settle()
        self._take(_QUOTES.sub(_UNTOLD, self._part))
        self._part = b""
        if self._rest:
            self._add(self._rest)
            self._rest = b""
        self._closed = True
        self._wake()
        if self._file is not None:
            self._file.close()
            self._file = None

    def settle(self) -> None:
        """Let the lines hold the end of what was left out of a flood."""
        if self._left_out:
            self._take(self._told_of_left_out())

    def tail(self, n: int, *, since: int = 0) -> list[str]:
        """The last `n` whole lines, of those after the first `since` ones."""
        n = min(n, self.lines - since)
        return list(self._ring)[-n:] if n > 0 else []

    async def follow(self, n: int) -> AsyncGenerator[str, None]:
        """The last `n` lines, then each new one until the log is closed. A reader that is more than 2000
        lines behind is told how many it has missed."""
        at = self.lines - min(n, len(self._ring))
        while True:
            oldest = self.lines - len(self._ring)
            if at < oldest:
                yield f"[{oldest - at} lines left out]"
                at = oldest
            fresh = list(self._ring)[at - oldest :]
            at = self.lines
            for line in fresh:
                yield line
            if at == self.lines:
                if self._closed:
                    return
                await asyncio.wait([self.changed])

    def _take(self, data: bytes) -> None:
        self._save(data)
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:LINE_BYTES]
        for line in whole:
            self._add(line)
        if whole:
            self._wake()

    def _told_of_left_out(self) -> bytes:
        """What to say of what was left out, and its last whole lines."""
        if not self._left_out:
            return b""
        _, _, end = self._left_out_end.partition(b"\n")
        told = b"\n[%d bytes left out: too much at once]\n" % (self._left_out - len(end))
        self._left_out, self._left_out_end = 0, b""
        return told + end

    def _add(self, line: bytes) -> None:
        if line.startswith(PREFIX):
            told = load_progress(line)
            self.progress = self.progress if told is None else told
            return
        self._ring.append(line[:LINE_BYTES].decode("utf-8", "replace").rstrip("\r"))
        self.lines += 1

    def _wake(self) -> None:
        changed, self.changed = self.changed, asyncio.get_running_loop().create_future()
        changed.set_result(None)

    def _open(self) -> BinaryIO | None:
        try:
            return self._path.open("ab", buffering=0)
        except OSError as error:
            log.warning("no log file for this server: %s", error.strerror)
            return None

    def _save(self, data: bytes) -> None:
        if self._file is None:
            return
        try:
            if self._file.tell() + len(data) > FILE_BYTES:
                self._file.close()
                self._path.replace(self._path.with_suffix(".log.1"))
                self._file = self._path.open("ab", buffering=0)
            self._file.write(data)
        except OSError as error:
            log.warning("the server's log file ends here: %s", error.strerror)
            self._file.close()
            self._file = None


def forget_old_logs(folder: Path, *, in_use: Collection[str] = ()) -> None:
    """Keep the newest 40 log files of ended servers, and all of those whose ids are `in_use`."""
    ended = (path for path in folder.glob("*.log*") if path.name.partition(".")[0] not in in_use)
    found = sorted(ended, key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[FILES_KEPT:]:
        path.unlink(missing_ok=True)
