"""What a version would change of what is served: differences at JSON pointers.

Options are matched by `id` and files by `name`, so that a moved one is no difference. Other lists are
compared as a whole. A pointer leads into the new content, or into the served one where something is removed.
"""

from collections.abc import Iterator
from typing import Any

from modelhubd.entries.reading import escaped
from modelhubd.wire.registry import Change

Content = dict[str, Any]
KEYS = {("options",): "id", ("options", "files"): "name"}
"""What identifies the items of a list, by its path of names."""


def changes_between(served: Content | None, content: Content) -> tuple[Change, ...]:
    """Differences from what is served to `content`, both as `entries.content.content_of` has them.

    Where nothing is served, every top-level field is one.
    """
    return tuple(_in_object(served or {}, content, (), ()))


def _in_object(
    before: Content, after: Content, place: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        here = (*place, name)
        if name not in before or name not in after:
            yield Change(pointer=pointer(here), before=before.get(name), after=after.get(name))
        else:
            yield from _in_value(before[name], after[name], here, (*names, name))


def _in_value(before: Any, after: Any, place: tuple[str, ...], names: tuple[str, ...]) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _in_object(before, after, place, names)
    elif names in KEYS:
        yield from _in_list(before, after, place, names)
    elif before != after:
        yield Change(pointer=pointer(place), before=before, after=after)


def _in_list(
    before: list[Content], after: list[Content], place: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[Change]:
    key = KEYS[names]
    known = {item[key]: item for item in before}
    kept = {item[key] for item in after}
    for index, item in enumerate(before):
        if item[key] not in kept:
            yield Change(pointer=pointer((*place, str(index))), before=item)
    for index, item in enumerate(after):
        here = (*place, str(index))
        if item[key] in known:
            yield from _in_object(known[item[key]], item, here, names)
        else:
            yield Change(pointer=pointer(here), after=item)


def pointer(place: tuple[str, ...]) -> str:
    """The JSON pointer of a place (RFC 6901)."""
    return "".join(f"/{escaped(part)}" for part in place)
