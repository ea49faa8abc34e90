"""The races as horizontal bars: an SVG that is readable on light and dark ground."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from tests.benchmarks.downloads.peers import OURS
from tests.benchmarks.downloads.results import Race

WIDTH, NAMES, FIGURES = 860, 270, 110
BAR, STEP, TITLE, BETWEEN, MARGIN = 14, 22, 30, 14, 16
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; font-size: 14px; }
.note, .figure { fill: #59636e; }
.figure { font-variant-numeric: tabular-nums; }
.bar { fill: #9aa4af; }
.ours { fill: #0a7d5a; }
.spread { stroke: #1f2328; stroke-width: 1.2; }
.ground { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .note, .figure { fill: #9198a1; }
  .bar { fill: #5b6570; }
  .ours { fill: #2fbf8f; }
  .spread { stroke: #e6edf3; }
  .ground { fill: #0d1117; }
}
"""


def plot(races: Sequence[Race], caption: str) -> str:
    """One group of bars per race, each with its own scale; the thin lines go from the fastest round to the
    slowest."""
    parts: list[str] = []
    y = MARGIN
    for race in races:
        names = sorted((name for name, costs in race.costs.items() if costs), key=race.seconds)
        if not names:
            continue
        parts.append(_text(MARGIN, y + 16, f"{race.title}: seconds to a verified file", "title"))
        y += TITLE
        longest = max(race.spread(name)[1] for name in names)
        for name in names:
            parts.append(_bar(race, name, y, (WIDTH - NAMES - FIGURES - 2 * MARGIN) / longest))
            y += STEP
        y += BETWEEN
    parts.append(_text(MARGIN, y + 8, caption, "note"))
    height = y + 8 + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" '
        f'aria-label="Seconds to a verified file">\n<style>{STYLE}</style>\n'
        f'<rect class="ground" width="{WIDTH}" height="{height}" rx="6"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _bar(race: Race, name: str, y: float, scale: float) -> str:
    x = MARGIN + NAMES
    seconds, (low, high) = race.seconds(name), race.spread(name)
    kind = "bar ours" if name == OURS else "bar"
    middle = f'y1="{y + BAR / 2}" y2="{y + BAR / 2}"'
    return "\n".join(
        (
            _text(MARGIN, y + 12, name, "title" if name == OURS else ""),
            f'<rect class="{kind}" x="{x}" y="{y}" width="{seconds * scale:.1f}" height="{BAR}" rx="2"/>',
            f'<line class="spread" x1="{x + low * scale:.1f}" x2="{x + high * scale:.1f}" {middle}/>',
            _text(x + high * scale + 8, y + 12, f"{seconds:.2f} s", "figure"),
        )
    )


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
