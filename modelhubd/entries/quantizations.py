"""What file names say of a quantization, and ids made of names."""

import re

_LABEL = re.compile(
    r"(?:^|(?<=[-._/ ]))(?P<label>(?:UD-)?"
    r"(?:I?Q[1-9](?:_[0-9A-Z]+)*|TQ[12]_0|MXFP4(?:_MOE)?|NVFP4|BF16|F16|F32|FP16|FP32))(?=$|[-._/ ])",
    re.IGNORECASE,
)
_ALIASES = {"FP16": "F16", "FP32": "F32"}
ID_MAX = 64


def quantization_in(name: str) -> str | None:
    """The quantization that a file's name or path names, as it is written by convention: `Q4_K_M`, `BF16`."""
    found = _last(name)
    if found is None:
        return None
    label = found["label"].upper()
    return _ALIASES.get(label, label)


def without_quantization(name: str) -> str:
    """The name without that part: what the files of one model have in common."""
    found = _last(name)
    if found is None:
        return name
    return (name[: found.start()] + name[found.end() :]).strip("-._/ ")


def _last(name: str) -> re.Match[str] | None:
    return max(_LABEL.finditer(name), key=lambda match: match.start(), default=None)


def slug(text: str) -> str:
    """A part of an id made of any text: lower-case letters, digits, `. _ -`; empty where nothing is left."""
    kept = re.sub(r"[^a-z0-9._-]+", "-", text.lower())
    kept = re.sub(r"\.{2,}", ".", kept).strip("-._")
    return kept[:ID_MAX].rstrip("-._")


def option_id(format: str, quantization: str | None, taken: set[str]) -> str:
    """`gguf-q4_k_m`, with a number where another option has that id."""
    plain = slug(f"{format}-{quantization}" if quantization else format)
    ident, number = plain, 2
    while ident in taken:
        ident, number = f"{plain}-{number}", number + 1
    return ident
