"""The embedded catalog: what can be had before any registry has been asked."""

import hashlib
from pathlib import Path

import msgspec

from modelhubd.wire.base import Message
from modelhubd.wire.catalog import CatalogEntry

SCHEMA = 1


class FloorDocument(Message, frozen=True, kw_only=True):
    """The data file as a whole: one entry per model, in the order of their ids."""

    schema: int = SCHEMA
    models: tuple[CatalogEntry, ...]


def floor_bytes() -> bytes:
    """The data file that this program carries."""
    return Path(__file__).with_name("catalog.json").read_bytes()


def floor_digest(data: bytes) -> str:
    """What identifies a floor: SHA-256 of its file, in hex."""
    return hashlib.sha256(data).hexdigest()


def load_floor(data: bytes | None = None) -> tuple[CatalogEntry, ...]:
    """The entries of `data`, by default of the file that this program carries."""
    return msgspec.json.decode(floor_bytes() if data is None else data, type=FloorDocument).models
