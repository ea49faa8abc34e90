"""Rates as people type them: `5M`, `500k`, `1.5MB/s`, `none`."""

import re

import click
from msgspec import UNSET, UnsetType

from modelhubd.wire.downloads import SLOWEST
from modelhubd.wire.units import human_bytes

_RATE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmgt]?)(i?)b?(?:/s)?", re.ASCII | re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def bytes_per_s(text: str) -> int:
    """The number of bytes; `k`, `M`, `G` are thousands, `Ki`, `Mi`, `Gi` are 1024s.

    Raises:
        ValueError: it is no rate, or slower than a limit may be.
    """
    match = _RATE.fullmatch(text.strip())
    if match is None or (match[3] and not match[2]):
        raise ValueError("write it as 5M or 500k, which are bytes per second, or none")
    unit: int = (1024 if match[3] else 1000) ** _POWERS[match[2].lower()]
    found = round(float(match[1]) * unit)
    if found < SLOWEST:
        raise ValueError(f"the slowest limit is {SLOWEST} bytes per second ({human_bytes(SLOWEST)}/s)")
    return found


def read_rate(_: click.Context, __: click.Parameter, text: str | None) -> int | UnsetType | None:
    """An option's callback: bytes per second, None for `none`, UNSET where the option was not given.

    Raises:
        click.BadParameter: it is no rate.
    """
    if text is None:
        return UNSET
    if text.lower() == "none":
        return None
    try:
        return bytes_per_s(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: {error}") from error
