"""What a model card says of a model: the few keys that an entry takes.

A card is the front matter of a README, or the same as JSON from a repository's API. Its YAML is not parsed as
such: a line is a key with a text or a list, and what is anything else is passed over. All of it is a
stranger's text: it is cut, cleaned, and never believed to be more than text.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelhubd.trust.text import printable

FRONT_MATTER_MAX = 64 * 1024
WORDS_MAX = 32
WORD_MAX = 64
LINE_MAX = 200
_KEY = re.compile(r"(?P<key>[A-Za-z_][A-Za-z0-9_-]{0,63}):(?:[ \t]+(?P<rest>.*))?")
_ITEM = re.compile(r"[ \t]*-[ \t]+(?P<item>.*)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    license: str | None = None
    license_name: str | None = None
    license_link: str | None = None
    base_model: str | None = None
    pipeline: str | None = None
    library: str | None = None
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


def card_of_readme(text: str) -> Card:
    """The card at the beginning of a README; an empty one where there is none."""
    return card_of(dict(_front_matter(text[:FRONT_MATTER_MAX])))


def card_of(values: Mapping[str, Any]) -> Card:
    """The card that these keys give; values that are neither text nor a list of texts count as absent."""
    return Card(
        license=_line(values.get("license")),
        license_name=_line(values.get("license_name")),
        license_link=_link(values.get("license_link")),
        base_model=_line(values.get("base_model")),
        pipeline=_line(values.get("pipeline_tag")),
        library=_line(values.get("library_name")),
        tags=_words(values.get("tags")),
        languages=_words(values.get("language")),
    )


def _front_matter(text: str) -> Iterator[tuple[str, str | list[str]]]:
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != "---":
        return
    key: str | None = None
    items: list[str] = []
    for line in lines[1:]:
        if line.rstrip() in ("---", "..."):
            break
        item = _ITEM.fullmatch(line)
        if item is not None:
            items.append(_unquoted(item["item"]))
            continue
        found = _KEY.fullmatch(line.rstrip())
        if found is None:
            continue
        if key is not None and items:
            yield key, items
        key, items = found["key"], []
        rest = (found["rest"] or "").strip()
        if rest.startswith("[") and rest.endswith("]"):
            yield key, [_unquoted(part) for part in rest[1:-1].split(",") if part.strip()]
            key = None
        elif rest and rest[0] not in "|>&*{":
            yield key, _unquoted(rest)
            key = None
    if key is not None and items:
        yield key, items


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] in "\"'" and text[0] == text[-1]:
        return text[1:-1].strip()
    return text.partition(" #")[0].strip()


def _line(value: Any) -> str | None:
    """One line of text; of a list the first."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if not isinstance(value, str):
        return None
    return printable(value[: 4 * LINE_MAX]).strip()[:LINE_MAX] or None


def _link(value: Any) -> str | None:
    text = _line(value)
    return text if text is not None and re.fullmatch(r"https?://[^\s<>\"]+", text) else None


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple):
        return ()
    return tuple(dict.fromkeys(_short(value)))[:WORDS_MAX]


def _short(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        word = printable(value[:LINE_MAX]).strip() if isinstance(value, str) else ""
        if 0 < len(word) <= WORD_MAX:
            yield word
