"""What the last searches found: paging and ticking filters ask for the same words again and again."""

from collections.abc import Callable
from dataclasses import replace

from modelhubd.catalog import store
from modelhubd.catalog.index import Index
from modelhubd.errors import Unavailable
from modelhubd.storage.database import Reader

TRIES = 5
RECENT_MAX = 16


class Recent:
    """`index` is the one in use."""

    def __init__(self, index: Callable[[], Index]) -> None:
        self._index = index
        self.kept: dict[tuple[int, tuple[str, ...]], store.Matches] = {}

    async def matches(self, reader: Reader, expressions: tuple[str, ...]) -> bytes:
        """`store.Matches.first` for the index as it is now.

        Raises:
            Unavailable: it changes all the time.
        """
        for _ in range(TRIES):
            generation = self._index().generation
            key = (generation, expressions)
            found = self.kept.pop(key, None)
            if found is None:
                read = await store.matches(reader, expressions)
                found = replace(read, first=self._index().by_position(read.first))
            if found.generation == generation == self._index().generation:
                self.kept[key] = found
                if len(self.kept) > RECENT_MAX:
                    del self.kept[next(iter(self.kept))]
                return found.first
        raise Unavailable("The catalog is being made anew just now. Try again.", retry_after_s=1)
