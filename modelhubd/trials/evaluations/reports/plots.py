"""Plots as SVG: what they show is text in, text out, and every word in them is escaped.

Colours come from the page they stand in (`currentColor` and the classes `mark` and `quiet`), so that they
suit light and dark. Without scripts, fonts or anything else from outside.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

from msgspec import Struct

WIDTH = 640
LABEL_WIDTH = 190
TEXT_WIDTH = 150
ROW_HEIGHT = 26
AXIS_HEIGHT = 30
LONGEST_LABEL = 28


class Row(Struct, frozen=True, kw_only=True):
    """One line of a plot: a dot at `middle` and a bar from `low` to `high`."""

    label: str
    low: float
    middle: float
    high: float
    text: str = ""
    """What stands at its right."""


def range_plot(
    title: str,
    rows: Sequence[Row],
    *,
    bounds: tuple[float, float] | None = None,
    line_at: float | None = None,
) -> str:
    """One `<svg>` element. `bounds` are the ends of the scale, by default those of the rows; at `line_at`
    there is a line, such as at "no difference". Without rows the empty text."""
    rows = [row for row in rows if all(map(math.isfinite, (row.low, row.middle, row.high)))]
    if not rows:
        return ""
    ticks = ticks_of(*(bounds or _bounds(rows, line_at)))
    scale = _Scale(ticks[0], ticks[-1])
    height = len(rows) * ROW_HEIGHT + AXIS_HEIGHT
    parts = [_element("title", {}, escape(title))]
    for tick in ticks:
        parts += _tick(scale.x(tick), height - AXIS_HEIGHT, f"{tick:g}")
    if line_at is not None:
        parts.append(_line(scale.x(line_at), 0, scale.x(line_at), height - AXIS_HEIGHT, "even"))
    for place, row in enumerate(rows):
        parts += _row(row, scale, place * ROW_HEIGHT + ROW_HEIGHT / 2)
    return _element(
        "svg",
        {"viewBox": f"0 0 {WIDTH} {height}", "role": "img", "aria-label": title, "class": "plot"},
        "".join(parts),
    )


def ticks_of(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from at or below `low` to at or above `high`, evenly apart, two at least."""
    if high <= low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


class _Scale(Struct, frozen=True):
    low: float
    high: float

    def x(self, value: float) -> float:
        inner = WIDTH - LABEL_WIDTH - TEXT_WIDTH
        share = (value - self.low) / (self.high - self.low)
        return round(LABEL_WIDTH + inner * min(max(share, 0.0), 1.0), 1)


def _bounds(rows: Sequence[Row], line_at: float | None) -> tuple[float, float]:
    values = [value for row in rows for value in (row.low, row.middle, row.high)]
    values += [] if line_at is None else [line_at]
    return min(values), max(values)


def _row(row: Row, scale: _Scale, y: float) -> list[str]:
    label = row.label if len(row.label) <= LONGEST_LABEL else f"…{row.label[-LONGEST_LABEL + 1 :]}"
    return [
        _text(LABEL_WIDTH - 12, y, label, "end"),
        _line(scale.x(row.low), y, scale.x(row.high), y, "bar"),
        _element("circle", {"cx": scale.x(row.middle), "cy": y, "r": 4.5, "class": "mark"}),
        _text(WIDTH - TEXT_WIDTH + 12, y, row.text, "start"),
    ]


def _tick(x: float, bottom: float, text: str) -> list[str]:
    return [_line(x, 0, x, bottom, "quiet"), _text(x, bottom + 14, text, "middle")]


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return _element("line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "class": kind})


def _text(x: float, y: float, text: str, anchor: str) -> str:
    attributes = {"x": x, "y": y, "text-anchor": anchor, "dominant-baseline": "central"}
    return _element("text", attributes, escape(text))


def _element(name: str, attributes: Mapping[str, str | float], inner: str = "") -> str:
    written = "".join(f' {key}="{escape(str(value))}"' for key, value in attributes.items())
    return f"<{name}{written}>{inner}</{name}>"
