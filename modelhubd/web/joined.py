"""A page's scripts joined into one: a browser that holds none of them asks once and not for thirty files.

Each module becomes a function that is called once, in the order in which they need each other, and answers
what it exports. Nothing else of it is changed. The forms of `import` and `export` that the pages' scripts are
written in are understood, and others refused.
"""

import posixpath
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

IMPORT = re.compile(r'^import (?:\{([^}]*)\}|\* as (\w+)) from "([^"]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async function|function|const|class) (\w+)\b)", re.MULTILINE)
OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def joined(sources: Mapping[str, str], entries: Sequence[str], early: str | None = None) -> dict[str, str]:
    """The scripts at the paths `entries`, each with all that it needs. What the others share with the first
    they take from it, so that no module of it is there twice.

    The one at `early` is a classic script, which runs before them on the same page; what it holds they find
    by name, as everything on a page finds what a classic script declares.

    Raises:
        ValueError: a script imports or exports in a way that is not understood, or modules need each other.
    """
    first, *others = entries
    found: dict[str, str] = {}
    known: tuple[str, ...] = ()
    if early is not None:
        known = _needed(sources, early, ())
        found[early] = f'"use strict";\n{_modules(sources, known)}'
    held = _needed(sources, first, known)
    given = ", ".join(f"{path!r}: {_name(path)}" for path in held)
    found[first] = f"{_modules(sources, held)}export const modules = {{ {given} }};\n"
    for entry in others:
        start = posixpath.relpath(first, posixpath.dirname(entry))
        taken = "".join(f"const {_name(path)} = modules[{path!r}];\n" for path in held)
        own = _modules(sources, _needed(sources, entry, (*known, *held)))
        found[entry] = f'import {{ modules }} from "./{start}";\n{taken}{own}'
    return found


def _modules(sources: Mapping[str, str], paths: Iterable[str]) -> str:
    return "".join(_module(path, sources[path]) for path in paths)


def _needed(sources: Mapping[str, str], entry: str, known: Collection[str]) -> tuple[str, ...]:
    """What a script imports, what that imports, and so on, each after what it needs itself."""
    order: dict[str, None] = {}

    def visit(path: str, above: tuple[str, ...]) -> None:
        if path in above:
            raise ValueError(f"{path} needs itself.")
        if path in order or path in known:
            return
        for _, _, target in IMPORT.findall(sources[path]):
            visit(_path(path, target), (*above, path))
        order[path] = None

    visit(entry, ())
    return tuple(order)


def _module(path: str, text: str) -> str:
    """One module as a constant, which holds what it exports."""
    names = EXPORT.findall(text)

    def taken(found: "re.Match[str]") -> str:
        names, whole, target = found.groups()
        wanted = whole or f"{{{names.replace(' as ', ': ')}}}"
        return f"const {wanted} = {_name(_path(path, target))};"

    body = EXPORT.sub("", IMPORT.sub(taken, text))
    if other := OTHER.search(body):
        raise ValueError(f"{path}: {other[0]!r} is not understood.")
    return f"const {_name(path)} = (() => {{ // {path}\n{body}return {{ {', '.join(names)} }};\n}})();\n"


def _path(importing: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(importing), target))


def _name(path: str) -> str:
    """No module declares such a name itself."""
    return "$" + re.sub(r"\W", "$", path.removesuffix(".js"))
