"""Jan: `<data>/llamacpp/models/<id>/model.yml` names files relative to the data folder.

Its keys are `model_path` and `mmproj_path`; a file that was imported where it is has an absolute path there,
and is not Jan's. Before, there was `<data>/models/` with folders of files at some depth, each with a
`model.yml` or `model.json`. The data folder is `$JAN_DATA_FOLDER`, else what `data_folder` says in
`~/.local/share/Jan/settings.json` (macOS: `~/Library/Application Support/Jan`), by default `data` beside
that, before `~/jan`.

Sources: janhq/jan, extensions/llamacpp-extension/src/index.ts and src-tauri/src/core/app/commands.rs
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import msgspec

from modelhubd.library.found.held import Budget, Held, of_folder, read_small

TOOL = "jan"
DEPTH = 3
LEGACY_DEPTH = 4
_LINE = re.compile(
    r"(model_path|mmproj_path):[ \t]+"
    r"(?:\"([^\"\\]{1,1000})\"|'([^']{1,1000})'|([^\s#'\"][^#\n]{0,999}))[ \t]*"
)


class _Settings(msgspec.Struct):
    data_folder: str = ""


def roots(environ: Mapping[str, str], home: Path) -> list[Path]:
    if own := environ.get("JAN_DATA_FOLDER"):
        return [Path(own)]
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    places = [data / "Jan", home / "Library" / "Application Support" / "Jan"]
    return [*(chosen(place) or place / "data" for place in places), home / "jan"]


def chosen(place: Path) -> Path | None:
    """The data folder that somebody has chosen."""
    data = read_small(place / "settings.json", place)
    try:
        text = "" if data is None else msgspec.json.decode(data, type=_Settings).data_folder
    except (msgspec.DecodeError, RecursionError):
        return None
    return Path(text) if text.startswith("/") and "\0" not in text else None


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
    before = root / "models"
    by_folder: dict[str, dict[str, Path]] = {}
    for relative, path in budget.below(before, LEGACY_DEPTH):
        folder, _, name = relative.rpartition("/")
        by_folder.setdefault(folder, {})[name] = path
    for folder in sorted(by_folder.keys() - {""}):
        yield from of_folder(TOOL, folder, before / folder, by_folder[folder], within)


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
