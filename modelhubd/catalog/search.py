"""What may be asked of the catalog, and how a person's words become a text query."""

import re
from typing import Literal, NamedTuple

from modelhubd.errors import InvalidInput
from modelhubd.paging import DEFAULT_LIMIT, Limit, decode_cursor
from modelhubd.wire.base import Request
from modelhubd.wire.catalog import Format

Sort = Literal["relevance", "name", "params", "size", "downloads", "updated"]

Q_MAX = 200
"""Characters of a query that are read."""
WORDS_MAX = 12
IN_NAME = "name"
IN_NAMES = "{name id publisher}"
IN_LABELS = "{name id publisher tags options}"
"""Narrow an FTS5 expression to these columns."""


class SearchQuery(Request, frozen=True, kw_only=True):
    """Values of one facet widen the result, facets narrow each other. `after` is a page's `next`."""

    q: str = ""
    format: tuple[Format, ...] = ()
    capability: tuple[str, ...] = ()
    license: tuple[str, ...] = ()
    publisher: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    compatible: bool = False
    verified: bool = False
    installed: bool = False
    sort: Sort = "relevance"
    limit: Limit = DEFAULT_LIMIT
    after: str | None = None


def plain_words(q: str) -> list[str]:
    """The searchable words of any text: nothing in them means anything to the text index."""
    visible = "".join(character if character.isprintable() else " " for character in q[:Q_MAX])
    words = (word.replace('"', " ").strip() for word in visible.split())
    return [word for word in words if any(character.isalnum() for character in word)][:WORDS_MAX]


def text_query(q: str) -> str | None:
    """An FTS5 expression for all words of `q`, the last one as the beginning of a word; None without words.

    Each word is a quoted phrase, which the index splits as it split the catalog: `qwen3-8b` finds the two
    words side by side. A last word of one character is looked for in names only: nearly every description
    has it. A name and its number are found written together and apart: `gemma3`, `gemma 3`, `qwen 3`.
    """
    words = plain_words(q)
    terms, taken = [], 0
    while taken < len(words):
        word, following = words[taken], words[taken + 1 : taken + 2]
        taken += 1
        is_last = taken == len(words)
        term = _any_of({word, _apart(word)}, is_last)
        if following and _together(f"{word} {following[0]}") == word + following[0]:
            taken += 1
            is_last = taken == len(words)
            whole = _any_of({word + following[0]}, is_last)
            term = f"(({term} AND {_any_of(set(following), is_last)}) OR {whole})"
        terms.append(term)
    return " AND ".join(terms) if terms else None


def ranked_queries(q: str) -> tuple[str, ...]:
    """FTS5 expressions for `q`, the strictest first; each finds what the one before it finds, and more.

    All words side by side in the name, all in names, all in names or labels, all anywhere.
    """
    everywhere = text_query(q)
    if everywhere is None:
        return ()
    typed = " ".join(plain_words(q))
    side_by_side = f"{IN_NAME}: ({_any_of({typed, _apart(typed), _together(typed)}, is_last=True)})"
    if len(typed) <= 2:  # the beginnings of half of all words: no order among them is worth its time
        return side_by_side, everywhere
    return (
        side_by_side,
        f"{IN_NAMES}: ({everywhere})",
        f"{IN_LABELS}: ({everywhere})",
        everywhere,
    )


def _any_of(phrases: set[str], is_last: bool) -> str:
    """One of these phrases; the last of a query may be the beginning of one."""
    found = " OR ".join(f'"{phrase}"*' if is_last else f'"{phrase}"' for phrase in sorted(phrases))
    in_names = is_last and all(len(phrase) == 1 for phrase in phrases)
    return f"{IN_NAMES}: ({found})" if in_names else f"({found})"


def _apart(text: str) -> str:
    """`gemma3` as `gemma 3`."""
    return re.sub(r"(?<=[^\W\d_]{2})(?=\d)", " ", text)


def _together(text: str) -> str:
    """`gemma 3` as `gemma3`."""
    return re.sub(r"\b([^\W\d_]{2,}) (?=\d)", r"\1", text)


def any_word_query(q: str) -> str | None:
    """An FTS5 expression for entries whose name or id has some word of `q` or begins as it does."""
    words = {part[:3] for word in plain_words(q) for part in _alphanumeric_runs(word)}
    return f"{IN_NAMES}: (" + " OR ".join(f'"{word}"*' for word in sorted(words)) + ")" if words else None


def _alphanumeric_runs(word: str) -> list[str]:
    return "".join(character if character.isalnum() else " " for character in word).split()


class Cursor(NamedTuple):
    """Where a page ended: at this model, which was the `offset`-th of the results sorted so."""

    sort: str
    offset: int
    id: str


def cursor_of(after: str, sort: str) -> Cursor:
    """The place that a page's `next` names.

    Raises:
        InvalidInput: at `?after`, which is none of ours or belongs to results sorted in another way.
    """
    cursor = decode_cursor(after, Cursor)
    if cursor.sort != sort or cursor.offset < 0:
        raise InvalidInput.at("?after", f"the cursor does not belong to results sorted by {sort}")
    return cursor
