"""The first bytes of what is at an address, as what a repository says of itself. In the worker's loop, by the
same rules as a download.
"""

from collections.abc import Callable

from modelhubd.downloads.connection import Wire
from modelhubd.downloads.header import HeaderTransfer
from modelhubd.downloads.messages import Look, Looked, Report
from modelhubd.downloads.plan import Head, TransferEnded, permanent

MOST_BYTES = 1_000_000
"""They fit into one frame."""


class LookTransfer(HeaderTransfer):
    """See `HeaderTransfer`; its last report is Looked."""

    def __init__(self, order: Look, wire: Wire, send: Callable[[Report], None]) -> None:
        super().__init__(order, wire, send)
        self._look = order

    @property
    def first_bytes(self) -> int:
        return min(self._look.most_bytes, MOST_BYTES)

    def _read_head(self, head: Head) -> None:
        if head.status in (401, 403):
            raise TransferEnded(permanent("not_permitted", f"The origin does not show it ({head.status})."))
        if head.status in (404, 410):
            raise TransferEnded(permanent("not_found", f"There is nothing at the origin ({head.status})."))
        super()._read_head(head)

    def _parse(self) -> None:
        data = bytes(self._data)
        if self._look.whole and (len(data) if self._size is None else self._size) > len(data):
            raise TransferEnded(permanent("wrong_content", "The origin's answer is too long."))
        self._read = Looked(transfer=self.order.transfer, size=self._size, body=data)
