"""Which identifiers and file names are safe.

A catalog is written by strangers and its file names become paths here, so a name passes only if it is
spelled with known characters; nothing is repaired. Every pattern is matched to the very end (`fullmatch`:
`$` would let a trailing newline through).
"""

import re
from collections.abc import Iterable

from msgspec import Struct

from modelhubd.errors import InvalidInput

PART = "[a-z0-9][a-z0-9._-]{0,63}"
_MODEL = re.compile(f"{PART}/{PART}")
_OPTION = re.compile(PART)
_REFERENCE = re.compile(
    f"(?P<model>{PART}/{PART})(?:@(?P<version>[1-9][0-9]{{0,8}}))?(?::(?P<option>{PART}))?"
)

SUFFIXES: dict[str, tuple[str, ...]] = {
    "gguf": (".gguf",),
    "safetensors": (".safetensors", ".json", ".txt", ".model", ".jinja", ".tiktoken", ".md"),
    "mlx": (".safetensors", ".json", ".txt", ".model", ".jinja", ".tiktoken", ".md"),
}
"""Endings a file of each format may have. No pickles, scripts, archives: nothing that runs or unpacks."""

SEGMENT_MAX = 200
"""Characters of one segment: room for a suffix of our own within the 255 bytes file systems allow."""
NAME_MAX = 512
DEPTH_MAX = 4
_SEGMENT = re.compile(r"[A-Za-z0-9 ._+=@,()\[\]-]+")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin|conout|clock|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


def is_model_id(text: str) -> bool:
    """Whether `text` is a model id, `publisher/name`."""
    return _MODEL.fullmatch(text) is not None and ".." not in text


ADDRESSED = ("hf.", "url.")
"""How publishers' names begin that stand for an address. Nobody publishes under one: it would seem to be what
lies at that address."""


def is_addressed(model: str) -> bool:
    """Whether a model id, or a publisher's name, is one of those that are made of addresses."""
    return model.startswith(ADDRESSED)


def is_option_id(text: str) -> bool:
    """Whether `text` is an option id such as `gguf-q4_k_m`."""
    return _OPTION.fullmatch(text) is not None and ".." not in text


class Reference(Struct, frozen=True):
    """A model as people name it: `publisher/name[@version][:option]`. None leaves a part to the rules."""

    model: str
    version: int | None = None
    option: str | None = None

    def __str__(self) -> str:
        version = "" if self.version is None else f"@{self.version}"
        option = "" if self.option is None else f":{self.option}"
        return f"{self.model}{version}{option}"


def parse_reference(text: str) -> Reference:
    """The parts of a model reference.

    Raises:
        InvalidInput: at `/model`, where `text` is not a reference.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None or ".." in text:
        raise InvalidInput.at(
            "/model", "not a model reference; write publisher/name, publisher/name@2 or publisher/name:option"
        )
    version = match["version"]
    return Reference(match["model"], None if version is None else int(version), match["option"])


def fault_in_file_name(name: str, format: str) -> str | None:
    """Why a file of an option must not be stored under `name`; None where it may.

    A name is one segment or a relative path of segments joined by `/`. `format` decides which endings
    are allowed.
    """
    if not name:
        return "the file name is empty"
    if len(name) > NAME_MAX:
        return f"the file name is longer than {NAME_MAX} characters"
    segments = name.split("/")
    if len(segments) > DEPTH_MAX:
        return f"the file name has more than {DEPTH_MAX} segments"
    for segment in segments:
        fault = _fault_in_segment(segment)
        if fault is not None:
            return fault
    allowed = SUFFIXES.get(format)
    if allowed is None:
        return "the format is not one of gguf, mlx, safetensors"
    if not name.lower().endswith(allowed):
        return f"a {format} option may only hold files that end in {', '.join(allowed)}"
    return None


def _fault_in_segment(segment: str) -> str | None:
    if not segment:
        return "the file name is absolute or has an empty segment"
    if segment in (".", ".."):
        return "the file name leaves its folder"
    if len(segment) > SEGMENT_MAX:
        return f"a segment of the file name is longer than {SEGMENT_MAX} characters"
    if _SEGMENT.fullmatch(segment) is None:
        return "the file name has a character other than A-Z a-z 0-9 space and . _ + = @ , ( ) [ ] -"
    if segment[0] in ".- ":
        return "a segment of the file name begins with a dot, a hyphen or a space"
    if segment[-1] in ". ":
        return "a segment of the file name ends with a dot or a space"
    if _RESERVED.fullmatch(segment) is not None:
        return "a segment of the file name is reserved by an operating system"
    return None


def is_reference(text: str) -> bool:
    """Whether `text` is a model reference."""
    return _REFERENCE.fullmatch(text) is not None and ".." not in text


def case_twins(names: Iterable[str]) -> tuple[str, str] | None:
    """Two names that one folder cannot hold side by side on every file system; None where there are none.

    They are equal, equal but for case, or one is a file where the other needs a folder.
    """
    seen: dict[str, tuple[str, bool, str]] = {}
    for name in names:
        segments = name.split("/")
        for depth in range(1, len(segments) + 1):
            path = "/".join(segments[:depth])
            is_file = depth == len(segments)
            other = seen.get(path.casefold())
            if other is None:
                seen[path.casefold()] = (path, is_file, name)
            elif other[0] != path or other[1] or is_file:
                return other[2], name
    return None
