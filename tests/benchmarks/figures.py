"""Percentiles and tables."""

import os
from collections.abc import Sequence


def percentile(samples: Sequence[float], part: float) -> float:
    """The sample below which `part` (0 to 1) of them lie, by the nearest rank."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain text table: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [title]
    for row in [head, *rows]:
        cells = [
            text.ljust(width) if n == 0 else text.rjust(width)
            for n, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells))
    return "\n".join(lines) + "\n"


def written_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The same for a page of Markdown."""
    marks = ["---", *("---:" for _ in head[1:])]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, marks, *rows))


def load() -> str:
    """How busy the machine is, for whoever reads the figures."""
    return f"{os.cpu_count()} cores, shared; load {os.getloadavg()[0]:.0f} while it ran"


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
