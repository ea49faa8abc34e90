"""Prometheus's text exposition format, version 0.0.4: written from values, and read from strangers."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

from modelhubd.trust.text import printable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_SAMPLES = 1000
"""Of one stranger's text; what comes after them is not read."""
HELP_LENGTH = 200

Kind = Literal["counter", "gauge", "histogram", "untyped"]
Labels = tuple[tuple[str, str], ...]

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]{0,127}"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]{0,63})="((?:[^"\\\n]|\\[\\"n]){0,200})"'
_LINE = re.compile(
    rf"({_NAME})[ \t]*(?:\{{((?:{_LABEL},?){{0,16}})\}})?[ \t]+"
    r"([-+0-9.a-zA-Z]{1,40})(?:[ \t]+-?\d{1,20})?",
    re.ASCII,
)
_LABELS = re.compile(_LABEL, re.ASCII)
_ABOUT = re.compile(rf"# (HELP|TYPE) ({_NAME}) (.*)", re.ASCII)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|Inf|NaN)", re.ASCII)


class Sample(Struct, frozen=True):
    """One number; `suffix` follows the family's name, as in `_bucket`."""

    value: float
    labels: Labels = ()
    suffix: str = ""


class Family(Struct, frozen=True, kw_only=True):
    """All samples of one name."""

    name: str
    kind: Kind
    help: str
    samples: tuple[Sample, ...]


def family(name: str, kind: Kind, help: str, *samples: Sample) -> Family:
    return Family(name=name, kind=kind, help=help, samples=samples)


def text(families: Iterable[Family]) -> str:
    """The exposition of families whose names differ."""
    return "".join(f"{line}\n" for found in families for line in _lines(found))


def merged(groups: Iterable[Sequence[Family]]) -> tuple[Family, ...]:
    """Families of several sources, each name once; whoever is first says what it is."""
    found: dict[str, Family] = {}
    for one in (one for group in groups for one in group):
        first = found.get(one.name, one)
        before = () if first is one else first.samples
        found[one.name] = Family(
            name=first.name, kind=first.kind, help=first.help, samples=(*before, *one.samples)
        )
    return tuple(found.values())


def read(exposition: str, prefix: str, labels: Labels) -> tuple[Family, ...]:
    """The samples in a stranger's text whose names begin with `prefix`, each with `labels` in place of
    or beside its own. Whatever else stands in it is left out."""
    kinds: dict[str, Kind] = {}
    helps: dict[str, str] = {}
    samples: dict[str, dict[Labels, Sample]] = {}
    ours = {name for name, _ in labels}
    seen = 0
    for line in exposition.split("\n"):
        if match := _ABOUT.fullmatch(line):
            if match[1] == "HELP":
                helps.setdefault(match[2], printable(match[3])[:HELP_LENGTH])
            elif match[3] in ("counter", "gauge"):
                kinds.setdefault(match[2], match[3])  # type: ignore[arg-type]  # one of the two
        elif (match := _LINE.fullmatch(line)) and match[1].startswith(prefix) and _NUMBER.fullmatch(match[5]):
            if (seen := seen + 1) > MOST_SAMPLES:
                break
            own = {name: _unescaped(value) for name, value in _LABELS.findall(match[2] or "")}
            kept = (*labels, *((name, value) for name, value in own.items() if name not in ours))
            samples.setdefault(match[1], {})[kept] = Sample(float(match[5]), kept)
    return tuple(
        Family(
            name=name,
            kind=kinds.get(name, "untyped"),
            help=helps.get(name, ""),
            samples=tuple(found.values()),
        )
        for name, found in samples.items()
    )


def _lines(found: Family) -> Iterator[str]:
    if found.help:
        yield f"# HELP {found.name} {found.help.translate(_HELP_ESCAPES)}"
    yield f"# TYPE {found.name} {found.kind}"
    for sample in found.samples:
        yield f"{found.name}{sample.suffix}{_braces(sample.labels)} {number(sample.value)}"


_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})
_VALUE_ESCAPES = _HELP_ESCAPES | str.maketrans({'"': r"\""})


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value.translate(_VALUE_ESCAPES)}"' for name, value in labels) + "}"


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], value)


def number(value: float) -> str:
    """As Prometheus writes it: whole numbers without a point."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
