"""Jan: `<data>/llamacpp/models/<id>/model.yml` names files relative to the data folder.

Its keys are `model_path` and `mmproj_path`. Before, there was `<data>/models/<id>/` with the files and a
`model.json` or `model.yml`. The data folder is `~/.local/share/Jan/data` (macOS: `~/Library/Application
Support/Jan/data`), before `~/jan`. Source: janhq/jan, extensions/llamacpp-extension, and its documentation of
the data folder.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from modelhubd.library.found.held import Budget, Held, of_folder, read_small

TOOL = "jan"
DEPTH = 3
_LINE = re.compile(
    r"(model_path|mmproj_path):[ \t]+"
    r"(?:\"([^\"\\]{1,1000})\"|'([^']{1,1000})'|([^\s#'\"][^#\n]{0,999}))[ \t]*"
)


def roots(environ: Mapping[str, str], home: Path) -> list[Path]:
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return [
        data / "Jan" / "data", home / "Library" / "Application Support" / "Jan" / "data", home / "jan",
    ]  # fmt: skip


def models(root: Path, budget: Budget) -> Iterator[Held]:
    within = root.resolve()
    described = root / "llamacpp" / "models"
    for relative, path in budget.below(described, DEPTH):
        if relative.rpartition("/")[2] != "model.yml":
            continue
        data = read_small(path, within)
        paths = {} if data is None else paths_of(data)
        if "model_path" in paths:
            files = {
                ("mmproj-" if key == "mmproj_path" and "mmproj" not in place.name else "") + place.name: root
                / place
                for key, place in paths.items()
            }
            name = relative.removesuffix("/model.yml")
            yield from of_folder(TOOL, name, path.parent, files, within)
    for model in budget.names(root / "models"):
        if model.is_folder:
            yield from of_folder(TOOL, model.name, model.path, dict(budget.below(model.path, 1)), within)


def paths_of(description: bytes) -> dict[str, PurePosixPath]:
    """The files that a `model.yml` names, relative to the data folder; such as lead out of it are not. Pure.

    Its YAML is not parsed as such: a line is a key with a text.
    """
    found = {}
    for line in description.decode("utf-8", "replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        place = PurePosixPath((match[2] or match[3] or match[4]).strip())
        if not place.is_absolute() and ".." not in place.parts and "\0" not in str(place):
            found[match[1]] = place
    return found
