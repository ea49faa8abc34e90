"""Where a command's output goes: data on stdout as a table, as tab-separated raw values, as JSON or as ids;
everything else on stderr."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import click
import msgspec

from modelhub_cli.columns import columns
from modelhubd.trust.text import printable

T = TypeVar("T")
P = ParamSpec("P")


class ReaderGone(Exception):
    """Nobody reads our output any more, which is no failure."""


class Column(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One column: `raw` is what scripts get, `shown` what people get.

    Where the terminal is narrower than `from_width` the column is left out; a `flexible` one is cut first, or
    goes on in the next line where it `wraps`.
    """

    title: str
    raw: Callable[[T], object]
    shown: Callable[[T], str] | None = None
    style: Callable[[T], str] | str = ""
    right: bool = False
    from_width: int = 0
    flexible: bool = False
    wraps: bool = False

    def text(self, item: T) -> str:
        return plain(self.raw(item) if self.shown is None else self.shown(item))

    def style_of(self, item: T) -> str:
        return self.style if isinstance(self.style, str) else self.style(item)


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a description: what scripts get, what people get."""

    name: str
    raw: object
    shown: str | None = None
    style: str = ""

    @property
    def text(self) -> str:
        return plain(self.raw if self.shown is None else self.shown)


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """How this run prints. `terminal` is about stdout, `talks` about stderr."""

    json: bool = False
    quiet: bool = False
    terminal: bool = False
    talks: bool = False
    colour: bool = False
    width: int = 80

    @property
    def draws(self) -> bool:
        """Whether bars can be drawn on stderr; else what goes on is told in lines."""
        return self.talks and os.environ.get("TERM") != "dumb"

    def value(self, value: Any) -> None:
        """One line of JSON."""
        self.line(msgspec.json.encode(value).decode())

    def line(self, text: str = "") -> None:
        """One line of data."""
        self.write(text + "\n")

    def write(self, text: str) -> None:
        """Data as it is, at once.

        Raises:
            ReaderGone: whoever reads our output has seen enough, as `head` has.
        """
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise ReaderGone from error

    def say(self, text: str) -> None:
        """A message to the person, which is no data.

        Raises:
            ReaderGone: nobody reads what is said any more, as behind `2>&1 | head`.
        """
        if not self.quiet:
            try:
                print(printable(text, multiline=True), file=sys.stderr, flush=True)
            except BrokenPipeError as error:
                raise ReaderGone from error

    def items(
        self, items: Sequence[T], columns: Sequence[Column[T]], identity: Callable[[T], object]
    ) -> None:
        """A list in the form that was asked for."""
        if self.json:
            self.value(items)
        elif self.quiet:
            for item in items:
                self.line(plain(identity(item)))
        elif not self.terminal:
            for item in items:
                self.line("\t".join(plain(column.raw(item)) for column in columns))
        elif items:
            from modelhub_cli.tables import print_table

            print_table(self, items, columns)

    def facts(self, facts: Iterable[Fact]) -> None:
        """Names and values, one a line; nothing where only ids were asked for."""
        if self.quiet:
            return
        if self.terminal:
            from modelhub_cli.tables import print_facts

            print_facts(self, tuple(facts))
            return
        for fact in facts:
            self.line(f"{fact.name}\t{plain(fact.raw)}")


def plain(value: object) -> str:
    """A value as one cell: no control characters, nothing for None, lists joined by commas."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ",".join(plain(item) for item in value)
    return printable(str(value))


FORMS = ("auto", "json", "ids")


def output_options(command: Callable[Concatenate[Output, P], T]) -> Callable[P, T]:
    """Adds `-o auto|json|ids` with its short forms `--json` and `-q` to a command and hands it its `Output`
    first."""

    @click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(FORMS),
        default="auto",
        help="auto: a table here, tab-separated raw values into a pipe. json: a line per step for long jobs.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Short for -o json.")
    @click.option("-q", "--quiet", is_flag=True, help="Short for -o ids: ids on stdout, no messages.")
    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        form, as_json, quiet = (kwargs.pop(name) for name in ("form", "as_json", "quiet"))
        if form == "ids" and as_json:
            raise click.UsageError("-o ids and --json exclude each other.")
        out = find_output(as_json=bool(as_json) or form == "json", quiet=bool(quiet) or form == "ids")
        return command(out, *args, **kwargs)

    return wrapped


def text_options(command: Callable[Concatenate[Output, P], T]) -> Callable[P, T]:
    """`output_options` for what has lines of text and no ids: `-o auto|json`, and `--json`."""

    @click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(FORMS[:2]),
        default="auto",
        help="auto: text. json: a line of JSON for each line.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Short for -o json.")
    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        form, as_json = kwargs.pop("form"), kwargs.pop("as_json")
        return command(find_output(as_json=bool(as_json) or form == "json"), *args, **kwargs)

    return wrapped


def find_output(*, as_json: bool = False, quiet: bool = False) -> Output:
    """What stdout and stderr are, and what `NO_COLOR` and `TERM` ask for."""
    terminal = sys.stdout.isatty()
    dull = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Output(
        json=as_json,
        quiet=quiet,
        terminal=terminal and not as_json,
        talks=sys.stderr.isatty() and not quiet,
        colour=not dull,
        width=columns(),
    )
