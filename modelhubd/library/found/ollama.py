"""Ollama: `manifests/<host>/<namespace>/<model>/<tag>` are JSON files that name the files in `blobs/`.

Each of their `layers` has a digest: `sha256:<hex>` is `blobs/sha256-<hex>`. A layer of the type
`application/vnd.ollama.image.model` is a GGUF file, one of `…image.projector` its projector. All of it is at
`$OLLAMA_MODELS`, else `~/.ollama/models`, or where the service of Linux keeps it,
`/usr/share/ollama/.ollama/models`. Source: ollama/ollama, server/internal/manifest
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from modelhubd.library.found.held import Budget, Held, read_small
from modelhubd.library.imports.own import safe_name
from modelhubd.library.imports.sources import SourceFile, regular_within

TOOL = "ollama"
MODEL = "application/vnd.ollama.image.model"
PROJECTOR = "application/vnd.ollama.image.projector"
LAYERS_MAX = 256
DEFAULT = ("registry.ollama.ai", "library")
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")


class Layer(Struct, frozen=True):
    media_type: str
    sha256: str
    size_bytes: int


def roots(environ: Mapping[str, str], home: Path) -> list[Path]:
    if own := environ.get("OLLAMA_MODELS"):
        return [Path(own)]
    return [home / ".ollama" / "models", Path("/usr/share/ollama/.ollama/models")]


def models(root: Path, budget: Budget) -> Iterator[Held]:
    within = root.resolve()
    manifests = root / "manifests"
    for relative, path in budget.below(manifests, 4):
        parts = relative.split("/")
        data = read_small(path, within) if len(parts) == 4 else None
        layers = None if data is None else weights_of(data)
        if layers is None:
            continue
        name = _name(parts)
        files: dict[str, SourceFile] = {}
        digests: dict[str, str] = {}
        for called, layer in _called(parts, layers):
            found = regular_within(root / "blobs" / f"sha256-{layer.sha256}", within)
            if isinstance(found, str) or found.size_bytes != layer.size_bytes:
                break  # not whole, or not what the manifest says
            files[called], digests[called] = found, layer.sha256
        else:
            yield Held(TOOL, name, path, "gguf", files, digests)


def weights_of(manifest: bytes) -> tuple[Layer, ...] | None:
    """The layers that make up a model: its weights first, then projectors. None where the manifest is none,
    or of another kind of model. Pure."""
    try:
        document = json.loads(manifest)
        listed = document["layers"]
        if not isinstance(listed, list) or len(listed) > LAYERS_MAX:
            return None
        layers = [_layer(item) for item in listed]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    weights = [layer for layer in layers if layer is not None and layer.media_type == MODEL]
    projectors = [layer for layer in layers if layer is not None and layer.media_type == PROJECTOR]
    if len(weights) != 1 or len(projectors) > 1:
        return None
    return (*weights, *projectors)


def _layer(item: object) -> Layer | None:
    """None for a layer that is no file of a model's.

    Raises:
        ValueError: it claims to be one and cannot be.
    """
    if not isinstance(item, dict) or item.get("mediaType") not in (MODEL, PROJECTOR):
        return None
    digest, size = item.get("digest"), item.get("size")
    match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
    if match is None or not isinstance(size, int) or isinstance(size, bool) or not 0 < size < 2**53:
        raise ValueError("a layer without a digest and a size")
    return Layer(item["mediaType"], match[1], size)


def _name(parts: list[str]) -> str:
    host, namespace, model, tag = parts
    above = (
        ""
        if (host, namespace) == DEFAULT
        else f"{namespace}/"
        if host == DEFAULT[0]
        else f"{host}/{namespace}/"
    )
    return f"{above}{model}:{tag}"


def _called(parts: list[str], layers: tuple[Layer, ...]) -> Iterator[tuple[str, Layer]]:
    stem = safe_name(f"{parts[2]}-{parts[3]}")
    for layer in layers:
        yield (f"mmproj-{stem}.gguf" if layer.media_type == PROJECTOR else f"{stem}.gguf"), layer
