"""The process that carries every transfer: `python -m modelhubd.downloads.worker`.

Orders come as frames on standard input, reports leave on standard output. It ends when its input does: then
the daemon is gone, or done with it, and what is in the page cache is safe.
"""

import contextlib
import os
import signal
import threading
from typing import NoReturn

from modelhubd.downloads.engine import Engine
from modelhubd.downloads.messages import LENGTH, MAX_FRAME, Report, decode_order, frame

NICENESS = 10


class Worker:
    """Reads orders, and lets the engine and its threads report."""

    def __init__(self, orders: int, reports: int) -> None:
        self._orders = orders
        self._reports = reports
        self._telling = threading.Lock()
        self._engine = Engine(self._tell, os.environ)

    def run(self) -> None:
        """Take orders until there are no more."""
        threading.Thread(target=self._engine_run, name="engine", daemon=True).start()
        while True:
            self._engine.order(decode_order(self._read(LENGTH.unpack(self._read(LENGTH.size))[0])))

    def _engine_run(self) -> None:
        try:
            while True:
                self._engine.turn()
        finally:
            # Without its loop the worker is of no use; the daemon starts another one.
            os._exit(1)

    def _read(self, size: int) -> bytes:
        if size > MAX_FRAME:
            _leave()
        data = b""
        while len(data) < size:
            more = os.read(self._orders, size - len(data))
            if not more:
                _leave()
            data += more
        return data

    def _tell(self, report: Report) -> None:
        view = memoryview(frame(report))
        with self._telling:
            try:
                while view:
                    view = view[os.write(self._reports, view) :]
            except BrokenPipeError:
                _leave()


def _leave() -> NoReturn:
    """At once, whatever the other threads are doing."""
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    orders, reports = os.dup(0), os.dup(1)
    # Nothing that prints by accident may end up among the frames.
    os.dup2(2, 1)
    Worker(orders, reports).run()


if __name__ == "__main__":
    main()
