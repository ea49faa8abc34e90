"""What a load takes on this machine: the formula, llama.cpp's own word where the formula is only near, and
what earlier loads have taken."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

from modelhubd.llama import measured_store
from modelhubd.llama.buffers import read_buffers
from modelhubd.llama.discovery import Build
from modelhubd.llama.fit_params import FitParams
from modelhubd.llama.measured import Load, corrected, load_of, measure
from modelhubd.llama.memory import Need, with_figures
from modelhubd.storage.database import Database
from modelhubd.wire.architecture import ModelFacts
from modelhubd.wire.servers import LoadSettings

REMEMBERED = 64


class Weighing:
    """Call `weigh` before a load and `keep` once it is ready."""

    def __init__(self, database: Database, environ: Mapping[str, str]) -> None:
        self._database = database
        self._fit_params = FitParams(environ)
        self._expected: OrderedDict[tuple[str, LoadSettings], tuple[Load, Need]] = OrderedDict()

    async def weigh(
        self,
        library_id: str,
        guess: Need,
        facts: ModelFacts,
        settings: LoadSettings,
        build: Build | None,
        model: Path,
    ) -> Need:
        """The formula's `guess` made better with all that is known here."""
        need = guess
        if build is not None and not guess.exact:
            figures = await self._fit_params.figures(build, model, settings)
            need = with_figures(guess, figures, facts.architecture, settings)
        version = None if build is None else build.about.version
        load = load_of(library_id, facts.architecture.family, settings, need.basis, version)
        self._expected[library_id, settings] = load, need
        self._expected.move_to_end((library_id, settings))
        while len(self._expected) > REMEMBERED:
            self._expected.popitem(last=False)
        return corrected(need, load, await measured_store.alike(self._database.reader, load))

    async def keep(
        self,
        library_id: str,
        settings: LoadSettings,
        build: Build,
        log: Sequence[str],
        rss_bytes: int | None,
    ) -> None:
        """Remember what a load took that was weighed before, unless its log names no buffers."""
        found, expected = read_buffers(log), self._expected.get((library_id, settings))
        if found is None or expected is None:
            return
        load, need = expected
        on_cards = build.about.devices and settings.gpu_layers != 0
        async with self._database.transaction() as tx:
            await measured_store.put(tx, measure(load, need, found, None if on_cards else rss_bytes))
