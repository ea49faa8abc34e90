"""Projector (mmproj) files of any shape that take no room, as `tests.fakes.hollow_gguf` makes models.

Vision encoders of the `mlp` kind: a class token beside the patches, blocks, and two matrices that lead to the
width of the model.
"""

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np

from tests.fakes.hollow_gguf import finish


@dataclass(frozen=True, kw_only=True)
class Projector:
    """An encoder's dimensions; `image` and `patch` are pixels a side, `n_text` the model's width."""

    image: int = 336
    patch: int = 14
    n_embd: int = 1024
    n_ff: int = 4096
    n_head: int = 16
    n_layer: int = 2
    n_text: int = 1024


PROJECTORS = {
    "336 px": Projector(),
    "336 px, 8 heads": Projector(n_head=8),
    "336 px, narrow blocks": Projector(n_ff=1024),
    "336 px, wide model": Projector(n_ff=1024, n_text=3072),
    "448 px": Projector(image=448, n_embd=768, n_ff=3072, n_head=12, n_layer=3),
    "896 px": Projector(image=896, n_embd=1152, n_ff=4304),
    "224 px, patches of 16": Projector(image=224, patch=16, n_embd=768, n_ff=3072, n_head=12),
    "384 px, patches of 32": Projector(image=384, patch=32, n_embd=768, n_ff=3072, n_head=12),
    "560 px, patches of 28": Projector(image=560, patch=28, n_embd=512, n_ff=2048, n_head=8),
    "224 px, patches of 28": Projector(image=224, patch=28),
    "768 px, patches of 64": Projector(image=768, patch=64, n_embd=512, n_ff=1024, n_head=8),
}
"""Shapes of published encoders, with fewer blocks, and odd ones."""


def write_projector(path: Path, shape: Projector) -> Path:
    """Write a projector of this shape to `path`, and return it."""
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_name("hollow projector")
    writer.add_file_type(1)
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type("mlp")
    writer.add_vision_use_gelu(True)
    writer.add_vision_image_size(shape.image)
    writer.add_vision_patch_size(shape.patch)
    writer.add_vision_embedding_length(shape.n_embd)
    writer.add_vision_feed_forward_length(shape.n_ff)
    writer.add_vision_projection_dim(shape.n_text)
    writer.add_vision_block_count(shape.n_layer)
    writer.add_vision_head_count(shape.n_head)
    writer.add_vision_attention_layernorm_eps(1e-5)
    writer.add_vision_image_mean([0.5] * 3)
    writer.add_vision_image_std([0.5] * 3)

    def vector(name: str, width: int) -> None:
        writer.add_tensor_info(name, (width,), np.dtype(np.float32), 4 * width)

    def matrix(name: str, *dims: int) -> None:
        writer.add_tensor_info(name, dims, np.dtype(np.float16), 2 * int(np.prod(dims)))

    def norm(name: str) -> None:
        vector(f"{name}.weight", shape.n_embd)
        vector(f"{name}.bias", shape.n_embd)

    def linear(name: str, n_out: int, n_in: int) -> None:
        matrix(f"{name}.weight", n_out, n_in)
        vector(f"{name}.bias", n_out)

    patches = (shape.image // shape.patch) ** 2
    vector("v.class_embd", shape.n_embd)
    norm("v.pre_ln")
    matrix("v.patch_embd.weight", shape.n_embd, 3, shape.patch, shape.patch)
    matrix("v.position_embd.weight", patches + 1, shape.n_embd)
    for layer in range(shape.n_layer):
        block = f"v.blk.{layer}"
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            linear(f"{block}.{name}", shape.n_embd, shape.n_embd)
        norm(f"{block}.ln1")
        norm(f"{block}.ln2")
        linear(f"{block}.ffn_up", shape.n_ff, shape.n_embd)
        linear(f"{block}.ffn_down", shape.n_embd, shape.n_ff)
    linear("mm.0", shape.n_text, shape.n_embd)
    linear("mm.2", shape.n_text, shape.n_text)
    return finish(writer, path)
