"""One file over HTTP into a partial file: no database, no bus. Lives in the loop of the worker process."""

import errno
import threading
import time
from collections.abc import Callable
from pathlib import Path

from modelhubd.downloads.connection import Exchange, Wire
from modelhubd.downloads.hashed import HashedPartial
from modelhubd.downloads.messages import Done, Faulted, Fetch, Moved, Received, Report
from modelhubd.downloads.plan import TransferEnded, permanent
from modelhubd.downloads.receiver import Receiver
from modelhubd.downloads.traffic import Traffic
from modelhubd.storage.confined import ConfinedRoot


class Transfer:
    """Gets what `order` says and tells `send` how it goes; the last report is Done, Faulted or Halted.

    The worker's loop calls it and nobody else: `begin`, then `step` some fifty times a second and `ended` for
    each request that is through, then `close` with what comes of it. All but `close` may raise TransferEnded
    or OSError, which is the end of it; `step` answers Done when the file is whole, right and on the disk.
    """

    def __init__(self, order: Fetch, wire: Wire, traffic: Traffic, send: Callable[[Report], None]) -> None:
        self.order = order
        self._wire = wire
        self._traffic = traffic
        self._send = send
        self._file: HashedPartial | None = None
        self._receiver: Receiver | None = None
        self._received = False
        self._told_at = 0.0
        self._told: Moved | None = None
        self._told_bytes = 0

    def begin(self) -> None:
        """Open the partial file and judge the addresses."""
        order = self.order
        root = ConfinedRoot(Path(order.root))
        if not root.present():
            raise OSError(errno.ENOENT, "the folder is not there")
        root.make_dirs(order.partial.rpartition("/")[0])
        self._file = HashedPartial(root, order)
        self._receiver = Receiver(order, self._file, self._wire, self._traffic, self._send)
        if not self._receiver.done:
            self._receiver.judge_addresses()

    def step(self, now: float) -> Done | None:
        """Whatever is due."""
        file, receiver = self._file, self._receiver
        assert file is not None and receiver is not None
        file.check()
        receiver.step(now)
        done = self._finish(file) if receiver.done else None
        self._tell(file, now)
        return done

    def holds(self, exchange: Exchange) -> bool:
        return self._receiver is not None and self._receiver.holds(exchange)

    def ended(self, exchange: Exchange, now: float) -> None:
        """One of its requests is through."""
        assert self._receiver is not None
        self._receiver.ended(exchange, now)

    def unpause(self, now: float) -> float | None:
        """Take what had to wait for the rate limit; seconds until there is more, None where none waits."""
        assert self._receiver is not None
        return self._receiver.unpause(now)

    def close(self, last: Report, *, storage_trouble: bool = False) -> None:
        """Let go of everything, then tell `last`. Returns at once: what takes time is done by a thread."""
        used: tuple[int, ...] = ()
        if self._receiver is not None:
            self._receiver.close()
            used = self._receiver.used
        if isinstance(last, Faulted):
            last = Faulted(transfer=last.transfer, fault=last.fault, used=used)
        file = self._file
        if file is None:
            self._send(last)
            return

        def let_go() -> None:
            file.close(keep_all=not storage_trouble)
            self._tell(file, time.monotonic(), at_once=True)
            self._send(last)

        threading.Thread(target=let_go, name="let go", daemon=True).start()

    def _finish(self, file: HashedPartial) -> Done | None:
        order = self.order
        if not self._received:
            self._received = True
            file.finish()
            self._tell(file, time.monotonic(), at_once=True)
            self._send(Received(transfer=order.transfer, size=file.written.total))
        digest = file.digest()
        if digest is None:
            return None
        if order.sha256 is not None and digest != order.sha256:
            raise TransferEnded(
                permanent(
                    "checksum_mismatch",
                    "The file's SHA-256 is not the one that the catalog promises, so it was removed. "
                    "Synchronise the catalog and retry, or choose another source.",
                )
            )
        if not file.finished:
            return None
        return Done(transfer=order.transfer, size=file.written.total, sha256=digest)

    def _tell(self, file: HashedPartial, now: float, *, at_once: bool = False) -> None:
        limits = self.order.limits
        more = file.written.total - self._told_bytes >= limits.report_bytes
        if not at_once and now - self._told_at < (limits.report_pause_s if more else limits.report_s):
            return
        self._told_at = now
        self._told_bytes = file.written.total
        written, synced = file.spans()
        moved = Moved(transfer=self.order.transfer, written=written, synced=synced, hashed=file.hashed)
        if moved != self._told:
            self._told = moved
            self._send(moved)
