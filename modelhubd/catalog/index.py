"""The catalog in memory, made for answering searches at once.

Entries have positions in the order of their names. A set of entries is an integer with one bit per
position: filters are `&` and `|`, a facet's count is `bit_count()`.
"""

import copy
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Any, TypeVar

from msgspec.structs import replace

from modelhubd.catalog.facets import FACETS, bits_of, bits_where, facets_of, only
from modelhubd.catalog.merge import Sourced, shown_name
from modelhubd.catalog.orders import Order, in_order
from modelhubd.catalog.search import Cursor, SearchQuery, cursor_of
from modelhubd.catalog.verdicts import Judged
from modelhubd.fit.verdict import BEST_FIRST
from modelhubd.paging import encode_cursor
from modelhubd.wire.catalog import CatalogPage, Counters, FacetValue, ModelSummary, Requires
from modelhubd.wire.fit import Fit, Verdict

H = TypeVar("H", bound=Hashable)
_RANK = {verdict: rank for rank, verdict in enumerate(BEST_FIRST, 1)}
QUICK_PARAMETERS = 10_000_000_000
"""Active parameters up to which an ordinary processor answers about as fast as people read."""
_LATER = bytes((0, *range(2, 256), 255))
"""Makes room for a first tier."""
NONE_COUNTED = Counters()
NO_COUNTERS: Mapping[str, Counters] = MappingProxyType({})
_UNJUDGED = Fit(verdict=Verdict.UNKNOWN, reason="Not judged yet.")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All entries as judged for one device and one set of installed models."""

    judged: list[Judged]
    compatible: int
    installed: int
    by_size: Order
    recommended: Order
    """What runs best first, then what is verified, then what others download; of equals those to talk to,
    those that answer quickly, and of these the largest."""


class Index:
    """What of the entries every search needs. `generation` is that of the tables it goes with, `slots` are
    the rows of the entries there; `requiring` are the ids of those that are not for every program."""

    def __init__(
        self,
        summaries: list[ModelSummary],
        requiring: frozenset[str],
        generation: int,
        slots: Sequence[int],
    ) -> None:
        self.generation = generation
        self.summaries = models = summaries
        self.requiring = requiring
        self.slots = slots
        self.count = len(models)
        self.everything = (1 << self.count) - 1
        self.n_local = sum(model.source == "local" for model in models)
        self.positions = {model.id: position for position, model in enumerate(models)}
        self.verified = bits_of((at for at, model in enumerate(models) if model.verified), self.count)
        self.facets = facets_of(models)
        self._publishers = _slugs(models)
        self._exact = _exact_names(models)
        self._orders = {
            "name": Order(range(self.count)),
            "params": _ordered([_last_if_none(model.parameters) for model in models]),
            "downloads": _by_downloads(models),
            "updated": _ordered([model.published_at or "" for model in models], reverse=True),
        }
        self._by_merit = _by_merit(models)

    @classmethod
    def of(
        cls,
        entries: Sequence[Sourced],
        generation: int,
        counters: Mapping[str, Counters] = NO_COUNTERS,
        slots: Sequence[int] | None = None,
    ) -> "Index":
        """The index of these entries, which are in the order of their names."""
        return cls(
            summaries_of(entries, counters),
            frozenset(item.entry.id for item in entries if item.entry.requires != Requires()),
            generation,
            range(len(entries)) if slots is None else slots,
        )

    def by_position(self, by_slot: bytes) -> bytes:
        """What has one value per row of the tables, with one per position instead."""
        if isinstance(self.slots, range):
            return by_slot
        return bytes(map(by_slot.__getitem__, self.slots))

    def counted(self, counters: Mapping[str, Counters]) -> "Index":
        """The same entries with these counters."""
        other = copy.copy(self)
        other.summaries = models = [
            replace(model, counters=counters.get(model.id, NONE_COUNTED)) for model in self.summaries
        ]
        other._orders = self._orders | {"downloads": _by_downloads(models)}
        other._by_merit = _by_merit(models)
        return other

    def verdicts(self, judged: list[Judged]) -> Verdicts:
        """`judged` has one value per position."""
        ranks = bytes(_RANK[item.fit.verdict] for item in judged)
        return Verdicts(
            judged=judged,
            compatible=bits_where(bytes(item.runs for item in judged)),
            installed=bits_where(bytes(item.installed for item in judged)),
            by_size=_ordered([_last_if_none(item.size_bytes) for item in judged]),
            recommended=Order(tuple(self._by_merit.select(ranks))),
        )

    def page(self, query: SearchQuery, text: bytes | None, verdicts: Verdicts) -> CatalogPage:
        """The answer to `query`. `text` says per position how well its words match: 1 is best, 0 not at all;
        None without words.

        Raises:
            InvalidInput: at `?after`, which is no cursor of such a search.
        """
        found = self.everything if text is None else bits_where(text)
        narrowed = self._narrowed(query, verdicts)
        matched = found
        for bits in narrowed.values():
            matched &= bits
        tiers = only(self._tiers(query, text), matched)
        ordered = list(self._order(query, verdicts).select(tiers))
        start = 0 if query.after is None else self._start(cursor_of(query.after, query.sort), ordered)
        shown = ordered[start : start + query.limit]
        following = None
        if start + query.limit < len(ordered):
            last = Cursor(query.sort, start + query.limit, self.summaries[shown[-1]].id)
            following = encode_cursor(last)
        return CatalogPage(
            items=tuple(self._judged_summary(at, verdicts.judged[at]) for at in shown),
            next=following,
            total=len(ordered),
            facets=self._facets(query, found, narrowed, verdicts),
        )

    def _narrowed(self, query: SearchQuery, verdicts: Verdicts) -> dict[str, int]:
        """Per facet or flag that the query uses, the entries it lets through."""
        used = [name for name in FACETS if getattr(query, name)]
        narrowed = {name: self.facets[name].any_of(self._wanted(query, name)) for name in used}
        flags = self._flags(verdicts)
        return narrowed | {name: flags[name] for name in flags if getattr(query, name)}

    def _flags(self, verdicts: Verdicts) -> dict[str, int]:
        return {
            "compatible": verdicts.compatible,
            "verified": self.verified,
            "installed": verdicts.installed,
        }

    def _wanted(self, query: SearchQuery, name: str) -> tuple[str, ...]:
        wanted: tuple[str, ...] = getattr(query, name)
        if name == "publisher":
            return tuple(self._publishers.get(value.casefold(), value) for value in wanted)
        return wanted

    def _order(self, query: SearchQuery, verdicts: Verdicts) -> Order:
        if query.sort == "relevance":
            return verdicts.recommended
        return verdicts.by_size if query.sort == "size" else self._orders[query.sort]

    def _tiers(self, query: SearchQuery, text: bytes | None) -> bytes:
        """For relevance: models of that very name, then what matches best. Otherwise all are equal."""
        if text is None or query.sort != "relevance":
            return b"\x01" * self.count
        tiers = bytearray(text.translate(_LATER))
        for at in self._exact.get(query.q.strip().casefold(), ()):
            tiers[at] = 1 if tiers[at] else 0
        return bytes(tiers)

    def _start(self, cursor: Cursor, ordered: Sequence[int]) -> int:
        """After the cursor's model, wherever it stands by now; where it stood if it is gone."""
        at = self.positions.get(cursor.id)
        return ordered.index(at) + 1 if at is not None and at in ordered else cursor.offset

    def _facets(
        self, query: SearchQuery, found: int, narrowed: dict[str, int], verdicts: Verdicts
    ) -> dict[str, tuple[FacetValue, ...]]:
        facets = {}
        flags = self._flags(verdicts)
        for name in (*FACETS, *flags):
            among = found
            for other, bits in narrowed.items():
                if other != name:
                    among &= bits
            if name in self.facets:
                facets[name] = self.facets[name].counts(among, self._wanted(query, name))
            else:
                facets[name] = (FacetValue(value="true", count=(among & flags[name]).bit_count()),)
        return facets

    def _judged_summary(self, at: int, judged: Judged) -> ModelSummary:
        return replace(
            self.summaries[at],
            best_option=judged.best,
            size_bytes=judged.size_bytes,
            fit=judged.fit,
            installed=judged.installed,
        )


def _by_downloads(models: Sequence[ModelSummary]) -> Order:
    return _ordered([-model.counters.downloads for model in models])


def _by_merit(models: Sequence[ModelSummary]) -> Order:
    return _ordered(
        [not model.verified for model in models],
        [-model.counters.downloads for model in models],
        ["chat" not in model.capabilities for model in models],
        [(model.active_parameters or model.parameters or 0) > QUICK_PARAMETERS for model in models],
        [-float(model.parameters or 0) for model in models],
    )


def _ordered(*keys: Sequence[Any], reverse: bool = False) -> Order:
    """Positions by the first of these keys, of equals by the next, at last as they are."""
    return Order(in_order(keys[0] if len(keys) == 1 else list(zip(*keys, strict=True)), reverse))


def _last_if_none(value: int | None) -> float:
    return inf if value is None else float(value)


def summaries_of(entries: Sequence[Sourced], counters: Mapping[str, Counters]) -> list[ModelSummary]:
    """Their equal parts are one object each: ten thousand entries have a handful of licences."""
    known: dict[Hashable, Hashable] = {}

    def same(value: H) -> H:
        return known.setdefault(value, value)  # type: ignore[return-value]  # equal values are of one type

    return [
        ModelSummary(
            id=item.entry.id,
            display_name=shown_name(item.entry),
            publisher=same(item.entry.publisher or item.entry.id.partition("/")[0]),
            description=item.entry.description,
            parameters=item.entry.parameters,
            active_parameters=item.entry.active_parameters,
            capabilities=same(item.entry.capabilities),
            license=same(item.entry.license),
            tags=same(item.entry.tags),
            context_length=item.entry.context_length,
            verified=item.entry.verified,
            source=item.source,
            version=item.entry.version,
            published_at=item.entry.published_at,
            counters=counters.get(item.entry.id, NONE_COUNTED),
            installed=False,
            formats=same(tuple(sorted({option.format for option in item.entry.options}))),
            n_options=len(item.entry.options),
            best_option=None,
            size_bytes=None,
            fit=_UNJUDGED,
        )
        for item in entries
    ]


def _slugs(models: Sequence[ModelSummary]) -> dict[str, str]:
    """A publisher's name → the first part of its ids; a name that several go by means none of them."""
    slugs: dict[str, set[str]] = {}
    for model in models:
        slugs.setdefault((model.publisher or "").casefold(), set()).add(model.id.partition("/")[0])
    return {name: found.pop() for name, found in slugs.items() if len(found) == 1}


def _exact_names(models: Sequence[ModelSummary]) -> dict[str, tuple[int, ...]]:
    """Ids and names as people type them → positions: who writes a whole name means that model."""
    found: dict[str, list[int]] = {}
    for at, model in enumerate(models):
        for name in {model.id, model.id.partition("/")[2], model.display_name.casefold()}:
            found.setdefault(name, []).append(at)
    return {name: tuple(positions) for name, positions in found.items()}
