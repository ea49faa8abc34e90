"""Facets: sets of catalog entries by what they have in common.

A set of entries is an integer with one bit per position.
"""

from collections.abc import Callable, Iterable, Sequence

from modelhubd.wire.catalog import FacetValue, ModelSummary

FACET_VALUES_MAX = 100
"""Shown of one facet, the most frequent first; selected ones are always among them."""


def bits_of(positions: Iterable[int], count: int) -> int:
    """The set of these positions out of `count`."""
    found = bytearray(count // 8 + 1)
    for position in positions:
        found[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(found, "little")


_MARKS = b"0" + b"1" * 255


def bits_where(values: bytes) -> int:
    """The set of the positions whose value is not 0."""
    return int(values.translate(_MARKS)[::-1] or b"0", 2)


_WHOLE = bytes(255 if value == ord("1") else 0 for value in range(256))


def only(values: bytes, bits: int) -> bytes:
    """`values`, one per position, with 0 for the positions that are not in the set."""
    mask = f"{bits:0{len(values)}b}"[::-1].encode().translate(_WHOLE)
    kept = int.from_bytes(values, "little") & int.from_bytes(mask, "little")
    return kept.to_bytes(len(values), "little")


class Facet:
    """One way to group entries. Values are compared without regard to case."""

    def __init__(self, positions: dict[str, list[int]], count: int) -> None:
        spellings: dict[str, str] = {}
        merged: dict[str, list[int]] = {}
        for value in sorted(positions):
            key = value.casefold()
            spellings.setdefault(key, value)
            merged.setdefault(key, []).extend(positions[value])
        self.values = {key: (spellings[key], bits_of(found, count)) for key, found in merged.items()}

    def any_of(self, wanted: Iterable[str]) -> int:
        """Entries that have one of these values."""
        found = 0
        for value in wanted:
            found |= self.values.get(value.casefold(), ("", 0))[1]
        return found

    def counts(self, among: int, wanted: Iterable[str]) -> tuple[FacetValue, ...]:
        """How many of `among` have each value, most first; `wanted` ones even where that is none."""
        keys = {value.casefold() for value in wanted}
        counted = sorted(
            (-count, value, key in keys)
            for key, (value, bits) in self.values.items()
            if (count := (among & bits).bit_count()) or key in keys
        )
        shown = counted[:FACET_VALUES_MAX] + [item for item in counted[FACET_VALUES_MAX:] if item[2]]
        return tuple(FacetValue(value=value, count=-less) for less, value, _ in shown)


FACETS: dict[str, Callable[[ModelSummary], Iterable[str]]] = {
    "format": lambda model: [found.value for found in model.formats],
    "capability": lambda model: model.capabilities,
    "license": lambda model: filter(None, (model.license.spdx or model.license.name,)),
    "publisher": lambda model: (model.id.partition("/")[0],),
    "tag": lambda model: model.tags,
}
"""The facets that searches may narrow by, and the values that a model has of each."""


def facets_of(models: Sequence[ModelSummary]) -> dict[str, Facet]:
    facets = {}
    for name, values_of in FACETS.items():
        positions: dict[str, list[int]] = {}
        for position, model in enumerate(models):
            for value in values_of(model):
                positions.setdefault(value, []).append(position)
        facets[name] = Facet(positions, len(models))
    return facets
