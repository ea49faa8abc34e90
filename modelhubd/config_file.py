"""Changes a key of config.toml and leaves the rest of the file, comments too, as its owner wrote it.

`modelhubd config-set`, `config-reset` and `check-config` are what the command line and `doctor` call: they
need no running daemon, and say what a start would say.
"""

import argparse
import json
import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from modelhubd.config import Config, known_key, read_config, value_of
from modelhubd.errors import CannotStart
from modelhubd.places import Places, find_places, private_dir

VERBS = ("check-config", "config-set", "config-reset")
OK, FAILED, WRONG, LOCKED = 0, 1, 2, 4
"""Exit codes: as those of `modelhub`."""


def main_config(argv: Sequence[str]) -> int:
    """`check-config`, `config-set SECTION.KEY VALUE` or `config-reset SECTION.KEY`.

    The first prints nothing, or what `--json` asks for, where the daemon could start with these settings; the
    others print the key, its value now and the layer that this comes from as JSON.
    """
    parser = argparse.ArgumentParser(prog="modelhubd", description="Reads and changes the settings.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    check = verbs.add_parser(VERBS[0], help="say what is wrong with the settings")
    check.add_argument("--json", action="store_true", help="say what they are, as far as doctor asks")
    for verb in VERBS[1:]:
        made = verbs.add_parser(verb)
        made.add_argument("key", metavar="SECTION.KEY")
        if verb == "config-set":
            made.add_argument("value")
    options = parser.parse_args(argv)
    places = find_places(os.environ)
    try:
        if options.verb == "check-config":
            _summarise(read_config(places, os.environ), shown=options.json)
            return OK
        return _change(places, options.key, getattr(options, "value", None))
    except CannotStart as error:
        return _fail(str(error), FAILED if options.verb == "check-config" else WRONG)
    except OSError as error:
        return _fail(f"config.toml cannot be changed: {error.strerror or error}.", FAILED)


def _summarise(config: Config, *, shown: bool) -> None:
    found = {
        "models_dir": str(config.models_dir),
        "reserve_bytes": config.settings.models.reserve_bytes,
        "registry_url": config.settings.catalog.registry_url,
        "offline": config.settings.policy.offline,
    }
    if shown:
        sys.stdout.write(json.dumps(found) + "\n")


def _change(places: Places, key: str, text: str | None) -> int:
    value = value_of(key, text) if text is not None else None
    known_key(key, "The command line")
    path = places.config_file.resolve()
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after = edited(before, key, value)
    _check(places, after)
    config = read_config(places, os.environ)
    if key in config.locked:
        return _fail(f"The administrator of this machine has locked {key}.", LOCKED)
    _write(path, after)
    now = read_config(places, os.environ).described()[key]
    sys.stdout.write(json.dumps({"key": key} | msgspec.to_builtins(now)) + "\n")
    return OK


def edited(text: str, key: str, value: object) -> str:
    """The file's text with `section.key` set to a value, or without it where that is None.

    Raises:
        CannotStart: it is no TOML, or writes the section in a way that cannot be changed line by line.
    """
    section, _, name = key.partition(".")
    wanted = _with(_document(text), section, name, value)
    lines = text.splitlines()
    begin, end = _section(lines, section)
    at = next((i for i in range(begin, end) if re.match(rf"\s*{re.escape(name)}\s*=", lines[i])), None)
    new = None if value is None else f"{name} = {rendered(value)}"
    if at is not None:
        length = _length(lines[at:end])
        remark = _remark(lines[at]) if length == 1 else ""
        lines[at : at + length] = [] if new is None else [new + remark]
    elif new is not None and begin == end == len(lines):
        lines += ["", f"[{section}]", new] if lines else [f"[{section}]", new]
    elif new is not None:
        while end > begin and not lines[end - 1].strip():
            end -= 1
        lines.insert(end, new)
    after = "\n".join(lines) + "\n" if lines else ""
    if not _parses(after) or tomllib.loads(after) != wanted:
        raise CannotStart(f"config.toml writes [{section}] in a form of its own: change {key} there by hand.")
    return after


def rendered(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, tuple | list):
        return "[" + ", ".join(rendered(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def _section(lines: Sequence[str], section: str) -> tuple[int, int]:
    """The lines below a section's header: the first and the one after the last; twice the end where there is
    none."""
    header = re.compile(rf"\s*\[\s*{re.escape(section)}\s*\]\s*(#.*)?")
    begin = next((i + 1 for i, line in enumerate(lines) if header.fullmatch(line)), None)
    if begin is None:
        return len(lines), len(lines)
    return begin, next((i for i in range(begin, len(lines)) if lines[i].lstrip().startswith("[")), len(lines))


def _length(lines: Sequence[str]) -> int:
    """How many lines the value takes that begins on the first."""
    for count in range(1, len(lines) + 1):
        if _parses("\n".join(lines[:count])):
            return count
    return 1


def _remark(line: str) -> str:
    """The comment behind a value, with the space before it."""
    for found in re.finditer(r"\s*#", line):
        if _parses(line[: found.start()]):
            return line[found.start() :]
    return ""


def _parses(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _document(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CannotStart(f"config.toml is not TOML: {error}. Correct it first.") from error


def _with(document: Mapping[str, Any], section: str, name: str, value: object) -> dict[str, Any]:
    found = dict(document)
    keys = dict(found.get(section, {}))
    keys.pop(name, None)
    if value is not None:
        keys[name] = list(value) if isinstance(value, tuple) else value
    if keys or section in found:
        found[section] = keys
    return found


def _check(places: Places, text: str) -> None:
    """
    Raises:
        CannotStart: the daemon would not start with this file.
    """
    import tempfile

    with tempfile.TemporaryDirectory(prefix="modelhub-") as folder:
        (Path(folder) / places.config_file.name).write_text(text, encoding="utf-8")
        read_config(msgspec.structs.replace(places, config_dir=Path(folder)), os.environ)


def _write(path: Path, text: str) -> None:
    private_dir(path.parent)
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    staged.touch(mode=(path.stat().st_mode & 0o777) if path.exists() else 0o600)
    staged.write_text(text, encoding="utf-8")
    staged.replace(path)


def _fail(text: str, code: int) -> int:
    sys.stderr.write(f"modelhubd: {text}\n")
    return code
