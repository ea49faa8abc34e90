"""A folder in which models lie side by side."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from modelhubd.entries.grouping import siblings
from modelhubd.library.found.held import Budget, Held, groups_among
from modelhubd.library.imports.own import safe_name
from modelhubd.library.imports.sources import half_written, regular_within


def of_flat(tool: str, root: Path, budget: Budget, *, unfinished: str = "\0") -> Iterator[Held]:
    """Every model file with the other parts of its set; names that begin with `unfinished` are not whole."""
    within = root.resolve()
    seen = {}
    for named in budget.names(root):
        whole = half_written(named.name) is None and not named.name.startswith(unfinished)
        if named.is_folder or not whole or not named.name.lower().endswith(".gguf"):
            continue
        found = regular_within(named.path, within)
        if not isinstance(found, str):
            seen[safe_name(named.name)] = (named, found)
    for name in sorted(seen):
        for one in groups_among([name] if _is_whole(name) else _set_of(name, seen)):
            files = {member.name: seen[member.name][1] for member in one.members}
            yield Held(tool, name.removesuffix(".gguf"), seen[name][0].path, one.format.value, files)


def _is_whole(name: str) -> bool:
    return "-of-" not in name


def _set_of(name: str, names: Iterable[str]) -> list[str]:
    """All parts, for the first of them; nothing for the others."""
    parts = siblings(name, names)
    return list(parts) if parts and parts[0] == name else []
