"""YAML as JSON values: bounded, without aliases, tags or surprises. Pure.

PyYAML's parser gives the events; what they mean is decided here, by the core schema of YAML 1.2: `no` and
`on` are texts, `12:30` is a text, and a mapping's keys always are.
"""

import math
import re
from typing import Any

import yaml

MAX_CHARS = 64 * 1024
MAX_DEPTH = 24
MAX_NODES = 10_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]{1,400}|0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,400}|[0-9]{1,400}(?:\.[0-9]{0,400})?)(?:[eE][-+]?[0-9]{1,9})?")
_NOT_JSON = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

Path = tuple[str | int, ...]


class BadYaml(Exception):
    """The text cannot be used. `line` begins at 1, and is 0 where none can be named."""

    def __init__(self, detail: str, line: int = 0) -> None:
        super().__init__(detail)
        self.detail = detail
        self.line = line


def read_yaml(text: str) -> tuple[Any, dict[Path, int]]:
    """The one document of `text` as JSON values, and the line on which each value begins.

    Raises:
        BadYaml: too long, deep or large, no YAML, or something of YAML that JSON does not have.
    """
    if len(text) > MAX_CHARS:
        raise BadYaml(f"it is longer than {MAX_CHARS // 1024} KiB")
    reader = _Reader()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BadYaml(f"it is no YAML: {error.problem}", line) from None
    except (yaml.YAMLError, UnicodeError):
        raise BadYaml("it is no YAML: it has characters that may not be in it") from None
    return reader.value, reader.lines


class _Reader:
    """Builds the value from events."""

    def __init__(self) -> None:
        self.value: Any = None
        self.lines: dict[Path, int] = {}
        self._open: list[tuple[Any, Path]] = []
        """The lists and mappings that have begun and not ended, with their places."""
        self._key: list[str | None] = []
        """For each of them the key whose value comes next; None where a key, or an item, is next."""
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 0
        match event:
            case yaml.AliasEvent():
                raise BadYaml("aliases (*name) are not allowed; write it out", line)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise BadYaml("only one document is allowed", line)
            case yaml.ScalarEvent():
                _refuse_tag(event.tag, line)
                if self._wants_key():
                    self._begin_key(event.value, line)
                else:
                    plain = event.implicit[0]
                    self._add(_scalar(event.value, line) if plain else event.value, line)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                _refuse_tag(event.tag, line)
                if self._wants_key():
                    raise BadYaml("a key must be a text", line)
                if len(self._open) >= MAX_DEPTH:
                    raise BadYaml(f"it is nested deeper than {MAX_DEPTH} levels", line)
                value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                place = self._add(value, line)
                self._open.append((value, place))
                self._key.append(None)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
                self._key.pop()
            case _:
                pass

    def _wants_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][0], dict) and self._key[-1] is None

    def _begin_key(self, key: str, line: int) -> None:
        if key in self._open[-1][0]:
            raise BadYaml(f"the key {key[:60]!r} stands in it twice", line)
        self._key[-1] = key

    def _add(self, value: Any, line: int) -> Path:
        place = self._put(value)
        self.lines[place] = line
        if len(self.lines) > MAX_NODES:
            raise BadYaml(f"it has more than {MAX_NODES} values", line)
        return place

    def _put(self, value: Any) -> Path:
        if not self._open:
            self.value = value
            return ()
        into, place = self._open[-1]
        key = self._key[-1]
        if key is None:
            into.append(value)
            return (*place, len(into) - 1)
        into[key] = value
        self._key[-1] = None
        return (*place, key)


def _refuse_tag(tag: str | None, line: int) -> None:
    if tag is not None:
        raise BadYaml("tags (!name) are not allowed", line)


def _scalar(text: str, line: int) -> Any:
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    if _FLOAT.fullmatch(text) or _NOT_JSON.fullmatch(text):
        raise BadYaml("this number is too large to be one", line)
    return text
