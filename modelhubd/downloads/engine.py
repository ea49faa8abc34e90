"""The loop that carries every transfer of the worker: takes orders, moves bytes, ends what has ended."""

import queue
import sys
import time
import traceback
from collections.abc import Callable, Mapping

from modelhubd.downloads.connection import Wire
from modelhubd.downloads.header import HeaderTransfer
from modelhubd.downloads.look import LookTransfer
from modelhubd.downloads.messages import (
    Alive,
    Faulted,
    Fetch,
    Halt,
    Halted,
    Look,
    Order,
    Rates,
    ReadHeader,
    Report,
)
from modelhubd.downloads.plan import Fault, TransferEnded, storage_fault
from modelhubd.downloads.traffic import Traffic
from modelhubd.downloads.transfer import Transfer

TICK_S = 0.02
ALIVE_S = 1.0


class Engine:
    """Call `turn` again and again from one thread; `order` may be called from any."""

    def __init__(self, send: Callable[[Report], None], environ: Mapping[str, str]) -> None:
        self._send = send
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._wire = Wire(environ)
        self._traffic = Traffic(time.monotonic())
        self._transfers: dict[int, Transfer | HeaderTransfer] = {}
        self._first = 0
        self._ticked_at = 0.0
        self._alive_at = 0.0

    def order(self, order: Order) -> None:
        self._orders.put(order)

    @property
    def busy(self) -> bool:
        """Whether there is a transfer or an order."""
        return bool(self._transfers) or not self._orders.empty()

    def turn(self) -> None:
        """Do what can be done; waits a moment for something to do, or for ever while there is no transfer."""
        if not self._transfers:
            self._take(self._orders.get())
        while not self._orders.empty():
            self._take(self._orders.get())
        self._move()

    def _take(self, order: Order) -> None:
        match order:
            case Fetch():
                self._begin(Transfer(order, self._wire, self._traffic, self._send))
            case ReadHeader():
                self._begin(HeaderTransfer(order, self._wire, self._send))
            case Look():
                self._begin(LookTransfer(order, self._wire, self._send))
            case Halt():
                if (found := self._transfers.pop(order.transfer, None)) is not None:
                    found.close(Halted(transfer=order.transfer))
            case Rates():
                self._traffic.change(order, time.monotonic())

    def _begin(self, transfer: Transfer | HeaderTransfer) -> None:
        self._transfers[transfer.order.transfer] = transfer
        self._guarded(transfer, transfer.begin)
        self._ticked_at = 0.0

    def _move(self) -> None:
        ended = self._wire.perform()
        now = time.monotonic()
        moved = set()
        for exchange in ended:
            for transfer in self._transfers.values():
                if transfer.holds(exchange):
                    moved.add(transfer)
                    self._guarded(transfer, lambda t=transfer, e=exchange: t.ended(e, now))  # type: ignore[misc]
                    break
        due = now - self._ticked_at >= TICK_S
        if due:
            self._ticked_at = now
        for transfer in list(self._transfers.values()) if due else moved:
            self._guarded(transfer, lambda t=transfer: self._step(t, now))  # type: ignore[misc]
        wait_s = TICK_S
        if self._traffic.limited:
            # Whoever is served first has the better part: each in its turn.
            self._first += 1
            ordered = list(self._transfers.values())
            start = self._first % max(len(ordered), 1)
            for transfer in ordered[start:] + ordered[:start]:
                waits: list[float | None] = []
                self._guarded(transfer, lambda t=transfer, w=waits: w.append(t.unpause(now)))  # type: ignore[misc]
                wait_s = min([wait_s, *(found for found in waits if found is not None)])
        if now - self._alive_at >= ALIVE_S:
            self._alive_at = now
            self._send(Alive())
        if self._transfers:
            self._wire.wait(wait_s)

    def _step(self, transfer: Transfer | HeaderTransfer, now: float) -> None:
        done = transfer.step(now)
        if done is not None:
            del self._transfers[transfer.order.transfer]
            transfer.close(done)

    def _guarded(self, transfer: Transfer | HeaderTransfer, act: Callable[[], None]) -> None:
        """What goes wrong ends this transfer and no other."""
        if transfer.order.transfer not in self._transfers:
            return
        trouble = False
        try:
            act()
            return
        except TransferEnded as ended:
            fault = ended.fault
            trouble = fault.waits_for == "storage"
        except OSError as error:
            fault, trouble = storage_fault(error), True
        except Exception as error:
            # A mistake of ours must not end the other transfers; it is shown, and tried again.
            traceback.print_exc(file=sys.stderr)
            detail = f"The transfer failed unexpectedly ({type(error).__name__})."
            fault = Fault(code="http_error", detail=detail, passing=True)
        del self._transfers[transfer.order.transfer]
        last = Faulted(transfer=transfer.order.transfer, fault=fault)
        if isinstance(transfer, Transfer):
            transfer.close(last, storage_trouble=trouble)
        else:
            transfer.close(last)
