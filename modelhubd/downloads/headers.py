"""Headers of model files at their origins, for whoever asks. The connections are the worker's."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from modelhubd.downloads.messages import Dialled, Faulted, Halted, HeaderRead, Limits, ReadHeader
from modelhubd.downloads.plan import TransferEnded, passing
from modelhubd.downloads.process import Carried, TransferWorker
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
        self._refuse_offline()
        carried = await self._worker.begin(
            ReadHeader(
                transfer=self._worker.next_number(),
                url=url,
                size=size,
                allow_origins=self._allow_origins,
                limits=self._limits,
                config_dir=self._config_dir,
            )
        )
        self._reading.add(carried)
        try:
            self._refuse_offline()
            while True:
                match await carried.report():
                    case Dialled(host=host):
                        self._outbound(host, PURPOSE)
                    case HeaderRead(facts=facts):
                        return facts
                    case Faulted(fault=fault):
                        raise TransferEnded(fault)
                    case Halted():
                        raise TransferEnded(passing("Reading was stopped."))
                    case _:
                        pass
        finally:
            self._reading.discard(carried)
            await carried.halt()

    def _refuse_offline(self) -> None:
        if not self._allowed():
            raise TransferEnded(passing("This machine is kept offline."))
