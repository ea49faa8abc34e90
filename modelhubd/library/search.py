"""Narrows and orders the list of what is installed. It is short: no index is needed."""

from collections.abc import Collection
from typing import NamedTuple

from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.library import Artifact


class Position(NamedTuple):
    """Where an artifact stands in the list: by model, newest version first, by option."""

    model: str
    before_version: int
    option: str


def matches(
    artifact: Artifact,
    entry: CatalogEntry | None,
    *,
    q: str,
    format: Collection[str],  # the filter's name on the wire
    capability: Collection[str],
    state: Collection[str],
) -> bool:
    """Whether every word of `q` and each filter that is given holds."""
    if format and artifact.format not in format:
        return False
    if state and artifact.state.value not in state:
        return False
    if capability and not (entry and set(capability) & set(entry.capabilities)):
        return False
    text = " ".join(
        (
            artifact.model,
            artifact.option,
            artifact.quantization or "",
            *((entry.display_name or "", *entry.tags, *entry.capabilities) if entry else ()),
        )
    ).casefold()
    return all(word in text for word in q.casefold().split())


def position(artifact: Artifact) -> Position:
    return Position(artifact.model, -artifact.version, artifact.option)
