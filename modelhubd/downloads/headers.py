"""Headers of model files at their origins, for whoever asks. The connections are the worker's."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from modelhubd.downloads.messages import (
    Dialled,
    Faulted,
    Halted,
    HeaderRead,
    Limits,
    Look,
    Looked,
    ReadHeader,
    Report,
)
from modelhubd.downloads.plan import Fault, TransferEnded, passing
from modelhubd.downloads.process import Carried, TransferWorker
from modelhubd.errors import NotAllowed, NotFound, Refused, Unavailable
from modelhubd.tasks import TaskOwner
from modelhubd.wire.architecture import Architecture, ModelFacts

log = logging.getLogger(__name__)
PURPOSE = "header"


class HeaderReader:
    """Has a worker process of its own while there is something to read. `outbound(host, purpose)` is told of
    each connection; `allowed` says whether the machine may ask anybody now."""

    def __init__(
        self,
        *,
        allow_origins: Sequence[str],
        config_dir: Path | None,
        outbound: Callable[[str, str], None],
        allowed: Callable[[], bool] = lambda: True,
        limits: Limits | None = None,
    ) -> None:
        self._allow_origins = tuple(allow_origins)
        self._config_dir = None if config_dir is None else str(config_dir)
        self._outbound = outbound
        self._allowed = allowed
        self._limits = limits or Limits()
        self._tasks = TaskOwner("headers")
        self._worker = TransferWorker(self._tasks, hung_s=self._limits.hung_s)
        self._reading: set[Carried] = set()

    async def policies_changed(self) -> None:
        """Let go of every origin if nobody may be asked any more."""
        if not self._allowed():
            for carried in tuple(self._reading):
                await carried.halt()
            await self._worker.close()

    async def close(self) -> None:
        """End the worker."""
        await self._worker.close()
        await self._tasks.close()

    async def shape_of(self, url: str, size: int | None) -> Architecture | None:
        """The shape of the model in the GGUF file at `url`; None if it cannot be had; the log says why."""
        try:
            return (await self.read(url, size)).architecture
        except TransferEnded as ended:
            log.info("the header of a model file cannot be read: %s", ended.fault.detail)
            return None

    async def read(self, url: str, size: int | None) -> ModelFacts:
        """What the header of the GGUF file at `url` says; `size` is the file's in bytes where it is known.

        Raises:
            TransferEnded: it may not be asked, cannot be reached, or is no such file; the fault says why.
        """
        order = ReadHeader(
            transfer=self._worker.next_number(),
            url=url,
            size=size,
            allow_origins=self._allow_origins,
            limits=self._limits,
            config_dir=self._config_dir,
        )
        match await self._carried(order, PURPOSE):
            case HeaderRead(facts=facts):
                return facts
            case _:
                raise TransferEnded(passing("Reading was stopped."))

    async def look(self, url: str, most_bytes: int, *, whole: bool) -> tuple[int | None, bytes]:
        """(size of what is at `url` where that is known, its first bytes); all of them with `whole`.

        Raises:
            NotFound, NotAllowed, Unavailable: there is nothing, it is not shown, or it may not or cannot be
                asked now; the words say which.
        """
        order = Look(
            transfer=self._worker.next_number(),
            url=url,
            most_bytes=most_bytes,
            whole=whole,
            allow_origins=self._allow_origins,
            limits=self._limits,
            config_dir=self._config_dir,
        )
        try:
            match await self._carried(order, "direct"):
                case Looked(size=size, body=body):
                    return size, body
                case _:
                    raise Unavailable("Reading was stopped. Try again.")
        except TransferEnded as ended:
            raise refusal_of(ended.fault) from None

    async def _carried(self, order: ReadHeader | Look, purpose: str) -> Report:
        self._refuse_offline()
        carried = await self._worker.begin(order)
        self._reading.add(carried)
        try:
            self._refuse_offline()
            while True:
                match report := await carried.report():
                    case Dialled(host=host):
                        self._outbound(host, purpose)
                    case Faulted(fault=fault):
                        raise TransferEnded(fault)
                    case HeaderRead() | Looked() | Halted():
                        return report
                    case _:
                        pass
        finally:
            self._reading.discard(carried)
            await carried.halt()

    def _refuse_offline(self) -> None:
        if not self._allowed():
            raise TransferEnded(passing("This machine is kept offline."))


def refusal_of(fault: Fault) -> Refused:
    """What a fault is to whoever asked for it just now."""
    if fault.code == "not_found":
        return NotFound(fault.detail, code="not_found")
    if fault.code in ("not_permitted", "forbidden_url"):
        return NotAllowed(fault.detail, code=fault.code)
    return Unavailable(fault.detail, code=fault.code, retry_after_s=fault.retry_after_s)
