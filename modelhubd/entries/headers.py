"""Reads the header of a model file in bounded pieces, and a folder's configuration, wherever they are."""

from collections.abc import Callable

from modelhubd.entries.drafts import OptionFacts
from modelhubd.entries.grouping import Group, NotAModel
from modelhubd.errors import BadModelFile
from modelhubd.formats import MAX_HEADER_BYTES, NeedMoreBytes
from modelhubd.formats.gguf import read_gguf
from modelhubd.formats.mlx import read_config, read_quantization
from modelhubd.formats.safetensors import read_safetensors
from modelhubd.wire.architecture import ModelFacts
from modelhubd.wire.catalog import Format

FIRST = 512 * 1024
"""Bytes; the header of a model with a small vocabulary fits."""

ReadStart = Callable[[int], bytes]
"""The first so many bytes of a file."""


def facts_of(name: str, size_bytes: int, read_start: ReadStart) -> ModelFacts:
    """What the header of a `.gguf` or `.safetensors` file says.

    Raises:
        NotAModel: it cannot be such a file, or ends before its size.
    """
    read = read_gguf if name.lower().endswith(".gguf") else read_safetensors
    wanted = FIRST
    while True:
        start = read_start(min(wanted, size_bytes))
        if len(start) < min(wanted, size_bytes):
            raise NotAModel(f"{name} is shorter than the {size_bytes} bytes it should have.")
        try:
            return read(start, size_bytes)
        except NeedMoreBytes as more:
            wanted = min(MAX_HEADER_BYTES, max(more.wanted, 2 * wanted))
        except BadModelFile as error:
            raise NotAModel(f"{name} cannot be used: {error}.") from error


def folder_option(found: Group, headers: tuple[ModelFacts, ...], config: bytes) -> OptionFacts:
    """What a folder of safetensors is, by its `config.json`: an MLX model where that or a file says so.

    Raises:
        NotAModel: the configuration is none of a model.
    """
    try:
        architecture, quantization = read_config(config), read_quantization(config)
    except BadModelFile as error:
        raise NotAModel(f"This folder cannot be used: {error}.") from error
    is_mlx = quantization is not None or any(header.format == "mlx" for header in headers)
    return OptionFacts(
        group=found,
        headers=headers,
        format=Format.MLX if is_mlx else Format.SAFETENSORS,
        quantization=quantization,
        architecture=architecture,
    )
