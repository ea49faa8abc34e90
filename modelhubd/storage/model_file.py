"""Reading the header of a model file on disk, a growing piece at a time."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from modelhubd.errors import BadModelFile
from modelhubd.formats import MAX_HEADER_BYTES, NeedMoreBytes
from modelhubd.formats.gguf import MAGIC, read_gguf
from modelhubd.formats.mlx import CONFIG_MAX, read_config, read_quantization
from modelhubd.formats.safetensors import read_safetensors
from modelhubd.storage.confined import ConfinedRoot
from modelhubd.wire.architecture import ModelFacts

FIRST_BYTES = 1024 * 1024


async def read_model_facts(root: ConfinedRoot, relative: str) -> ModelFacts:
    """What the header of a file beneath `root` says. A safetensors file takes its shape from the
    `config.json` in the same folder.

    Raises:
        BadModelFile: the file is no model that this program reads; the message says why.
        OSError: it cannot be read.
    """
    return await asyncio.to_thread(_read, root, relative)


async def read_model_facts_at(path: Path) -> ModelFacts:
    """The same for a regular file anywhere; a symbolic link is refused."""
    return await read_model_facts(ConfinedRoot(path.parent), path.name)


def _read(root: ConfinedRoot, relative: str) -> ModelFacts:
    fd = root.open(relative)
    try:
        facts = facts_of(fd, relative)
    finally:
        os.close(fd)
    if facts.format == "gguf":
        return facts
    return _with_config(root, relative, facts)


def facts_of(fd: int, name: str) -> ModelFacts:
    """Facts from an open file, which may be in use by others: it is read by position. Blocking.

    The format is told by the first bytes, else by the ending of `name`.
    """
    size = os.fstat(fd).st_size
    prefix = _read_to(fd, b"", min(FIRST_BYTES, size))
    if prefix.startswith(MAGIC) or name.lower().endswith(".gguf"):
        read = read_gguf
    elif name.lower().endswith(".safetensors"):
        read = read_safetensors
    else:
        raise BadModelFile("it is neither a GGUF nor a safetensors file")
    while True:
        try:
            return read(prefix, size)
        except NeedMoreBytes as need:
            wanted = min(max(need.wanted, 4 * len(prefix)), size, MAX_HEADER_BYTES)
        longer = _read_to(fd, prefix, wanted)
        if len(longer) < wanted:
            raise BadModelFile("it became shorter while it was read")
        prefix = longer


def _read_to(fd: int, prefix: bytes, wanted: int) -> bytes:
    pieces = [prefix]
    at = len(prefix)
    while at < wanted:
        piece = os.pread(fd, wanted - at, at)
        if not piece:
            break
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


def _with_config(root: ConfinedRoot, relative: str, facts: ModelFacts) -> ModelFacts:
    folder, _, _ = relative.rpartition("/")
    with suppress(OSError, BadModelFile):
        fd = root.open(f"{folder}/config.json" if folder else "config.json")
        try:
            config = _read_to(fd, b"", CONFIG_MAX + 1)
        finally:
            os.close(fd)
        quantization = read_quantization(config)
        return msgspec.structs.replace(
            facts,
            architecture=read_config(config),
            quantization=quantization or facts.quantization,
        )
    return facts
