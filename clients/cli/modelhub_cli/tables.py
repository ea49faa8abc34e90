"""Tables, descriptions and paragraphs on a terminal. By hand: rich would take longer to import than the
daemon takes to answer; only its table of character widths is used."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import zip_longest
from typing import TypeVar

from rich.cells import cell_len, set_cell_size

from modelhub_cli.output import Column, Fact, Output

T = TypeVar("T")

GAP = 2
NARROWEST = 12
LEAST = 3
CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def print_table(out: Output, items: Sequence[T], columns: Sequence[Column[T]]) -> None:
    """Rows that fit the width: columns are left out where it is narrow or all are empty, long ones are cut or
    wrapped."""
    shown = [
        column
        for column in columns
        if out.width >= column.from_width and any(column.text(item) for item in items)
    ]
    widths = _widths(out.width, items, shown)

    def line(cells: Iterable[tuple[str, str]]) -> None:
        fitted = (
            paint(out, _fit(text, width, right=column.right), style)
            for (text, style), column, width in zip(cells, shown, widths, strict=True)
        )
        out.line((" " * GAP).join(fitted).rstrip())

    line((column.title.upper(), "bold dim") for column in shown)
    for item in items:
        styles = [column.style_of(item) for column in shown]
        for texts in zip_longest(*map(partial(_lines, item), shown, widths), fillvalue=""):
            line(zip(texts, styles, strict=True))


def print_facts(out: Output, facts: Sequence[Fact]) -> None:
    """`name  value` with the values in a column of their own; long ones wrap beneath themselves."""
    told = [fact for fact in facts if fact.text]
    indent = max((len(fact.name) for fact in told), default=0)
    for fact in told:
        name = paint(out, fact.name.replace("_", " ").ljust(indent), "dim")
        for number, line in enumerate(wrap(fact.text, max(NARROWEST, out.width - indent - GAP))):
            start = name if number == 0 else " " * indent
            out.line(start + " " * GAP + paint(out, line, fact.style))


def print_text(out: Output, text: str, style: str = "", *, indent: int = 0) -> None:
    """A paragraph, wrapped at the terminal's width."""
    for line in wrap(text, max(NARROWEST, out.width - indent)):
        out.line(" " * indent + paint(out, line, style))


def paint(out: Output, text: str, style: str) -> str:
    """The text in a style such as `bold` or `bold red`; as it is where no colour is wanted."""
    if not out.colour or not style or not text:
        return text
    codes = ";".join(CODES[word] for word in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m"


def wrap(text: str, width: int) -> Iterator[str]:
    """Lines of at most `width` cells, broken between words; only a word that is longer is broken itself."""
    line = ""
    for word in text.split():
        rest = word
        if line and cell_len(line) + 1 + cell_len(rest) > width:
            yield line
            line = ""
        while cell_len(rest) > width:
            part = set_cell_size(rest, width).rstrip() or rest[:1]
            yield part
            rest = rest[len(part) :]
        line = f"{line} {rest}" if line else rest
    if line:
        yield line


def _lines(item: T, column: Column[T], width: int) -> list[str]:
    """What stands in a cell, one beneath the other."""
    text = column.text(item)
    return list(wrap(text, width)) or [""] if column.wraps else [text]


def _fit(text: str, width: int, *, right: bool) -> str:
    """The text in exactly `width` cells, cut with an ellipsis where it is longer."""
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - size) + text if right else text + " " * (width - size)


def _widths(available: int, items: Sequence[T], columns: Sequence[Column[T]]) -> list[int]:
    """What each column needs; where that is too much, the widest flexible ones give, and then all."""
    widths = [max(len(column.title), *(cell_len(column.text(item)) for item in items)) for column in columns]
    room = available - GAP * (len(columns) - 1)
    every = range(len(columns))
    for giving, least in (
        ([index for index in every if columns[index].flexible], NARROWEST),
        (every, LEAST),
    ):
        while giving and sum(widths) > room:
            widest = max(giving, key=lambda index: widths[index])
            if widths[widest] <= least:
                break
            widths[widest] -= 1
    return widths
