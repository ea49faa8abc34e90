"""GGUF models of any shape and size that take no room: a true header, and holes where the weights would be.

llama-server maps such a file and makes the same buffers as for a real one, so that what it reports can be
compared with what was estimated. The weights are zeros: it answers, but nothing worth reading.

    python -m tests.fakes.hollow_gguf model.gguf --shape qwen3
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import TokenType

from tests.fakes.tiny_gguf import CHAT, CONTROL, QUANTIZATIONS, add_vocabulary, begin

QUERY, LATENT, ROPE, KEY, VALUE = 1536, 512, 64, 128, 128
"""Widths of latent attention, those of a published model."""
CONVOLUTION, STATE = 4, 16
"""Of a recurrent block."""


@dataclass(frozen=True, kw_only=True)
class Hollow:
    """A model's dimensions. `head_dim` 0 is the width over the heads; `n_expert` 0 is a dense model."""

    family: str = "llama"
    n_embd: int = 1024
    n_ff: int = 2816
    n_layer: int = 4
    n_head: int = 16
    n_head_kv: int = 16
    head_dim: int = 0
    n_ctx: int = 32768
    n_vocab: int = 32000
    tied: bool = False
    quantization: str = "f16"
    n_expert: int = 0
    n_expert_used: int = 0
    sliding_window: int = 0

    @property
    def d_head(self) -> int:
        return self.head_dim or self.n_embd // self.n_head


DENSE = {
    "llama": Hollow(),
    "llama, grouped heads": Hollow(n_head=32, n_head_kv=8, n_embd=2048, n_ff=8192, tied=True),
    "llama, many heads": Hollow(n_head=64, n_head_kv=64, n_embd=2048, n_layer=2),
    "llama, wide blocks": Hollow(n_embd=512, n_ff=8192, n_head=8, n_head_kv=2),
    "llama, narrow blocks": Hollow(n_embd=2048, n_ff=1024, n_head=16, n_head_kv=4),
    "llama, q8_0": Hollow(quantization="q8_0", n_head_kv=4),
    "qwen2": Hollow(family="qwen2", n_embd=896, n_ff=4864, n_head=14, n_head_kv=2, tied=True),
    "qwen3": Hollow(
        family="qwen3", n_embd=1024, n_ff=3072, n_head_kv=8, head_dim=128, n_vocab=151936, tied=True
    ),
    "gemma": Hollow(
        family="gemma", n_embd=2048, n_ff=16384, n_layer=2, n_head=8, n_head_kv=1, head_dim=256,
        n_vocab=64000, n_ctx=8192, tied=True,
    ),
}  # fmt: skip
"""Shapes that the formula was fitted to: those that people run, with fewer layers, and odd ones."""
UNSEEN = {
    "576 wide": Hollow(n_embd=576, n_ff=1536, n_head=9, n_head_kv=3),
    "2048 wide": Hollow(n_embd=2048, n_ff=5632, n_head=32, n_head_kv=4),
    "2560 wide": Hollow(family="qwen3", n_embd=2560, n_ff=9728, n_head=32, n_head_kv=8, head_dim=128),
    "3584 wide": Hollow(family="qwen2", n_embd=3584, n_ff=18944, n_head=28, n_head_kv=4),
    "4096 wide": Hollow(n_embd=4096, n_ff=14336, n_head=32, n_head_kv=8),
    "5120 wide": Hollow(n_embd=5120, n_ff=13824, n_head=40, n_head_kv=40),
}
"""Shapes of published models that it was not fitted to."""
OTHERS = {
    "gemma3, sliding window": Hollow(
        family="gemma3", n_embd=1152, n_ff=6912, n_layer=12, n_head=4, n_head_kv=1, head_dim=256,
        n_vocab=64000, tied=True, sliding_window=512,
    ),
    "qwen3moe, experts": Hollow(
        family="qwen3moe", n_embd=2048, n_ff=768, n_head=32, n_head_kv=4, head_dim=128,
        n_expert=32, n_expert_used=8,
    ),
    "deepseek2, latent attention": Hollow(family="deepseek2", n_embd=2048, n_ff=10944, n_head=16),
    "mamba, recurrent": Hollow(family="mamba", n_embd=1024, n_ff=2816, n_layer=8),
}  # fmt: skip
SHAPES = {**DENSE, **OTHERS}


def write_hollow(path: Path, shape: Hollow) -> Path:
    """Write a model of this shape to `path`, and return it."""
    weight_type, file_type = QUANTIZATIONS[shape.quantization]
    writer = begin(path, shape.family, "hollow", shape, file_type)
    writer.add_layer_norm_rms_eps(1e-6)
    if shape.family == "deepseek2":
        writer.add_head_count_kv(1)
        writer.add_q_lora_rank(QUERY)
        writer.add_kv_lora_rank(LATENT)
        writer.add_key_length(LATENT + ROPE)
        writer.add_value_length(LATENT)
        writer.add_key_length_mla(KEY + ROPE)
        writer.add_value_length_mla(VALUE)
        writer.add_rope_dimension_count(ROPE)
        writer.add_leading_dense_block_count(shape.n_layer)
        writer.add_expert_feed_forward_length(shape.n_ff)
        writer.add_expert_shared_count(0)
        writer.add_expert_weights_scale(1.0)
    else:
        writer.add_head_count_kv(shape.n_head_kv)
        writer.add_key_length(shape.d_head)
        writer.add_value_length(shape.d_head)
    if shape.family == "mamba":
        writer.add_ssm_conv_kernel(CONVOLUTION)
        writer.add_ssm_inner_size(2 * shape.n_embd)
        writer.add_ssm_state_size(STATE)
        writer.add_ssm_time_step_rank(shape.n_embd // 16)
    if shape.sliding_window:
        writer.add_sliding_window(shape.sliding_window)
    if shape.n_expert:
        writer.add_expert_count(shape.n_expert)
        writer.add_expert_used_count(shape.n_expert_used)
        writer.add_expert_feed_forward_length(shape.n_ff)
    _tokenizer(writer, shape.n_vocab)

    def put(name: str, *dims: int, kind: Type = weight_type) -> None:
        stored = gguf.quant_shape_to_byte_shape(dims, kind) if kind not in (Type.F16, Type.F32) else dims
        width = {Type.F16: np.float16, Type.F32: np.float32}.get(kind, np.uint8)
        count = int(np.prod(stored)) * np.dtype(width).itemsize
        writer.add_tensor_info(name, stored, np.dtype(width), count, raw_dtype=kind)

    put("token_embd.weight", shape.n_vocab, shape.n_embd)
    put("output_norm.weight", shape.n_embd, kind=Type.F32)
    if not shape.tied:
        put("output.weight", shape.n_vocab, shape.n_embd)
    for layer in range(shape.n_layer):
        for name, dims, kind in _layer(shape, weight_type):
            put(f"blk.{layer}.{name}", *dims, kind=kind)
    return finish(writer, path)


def _layer(shape: Hollow, matrix: Type) -> list[tuple[str, tuple[int, ...], Type]]:
    """The tensors of one block: name, dimensions as numpy counts them, type."""
    n_embd, n_ff = shape.n_embd, shape.n_ff
    n_q, n_kv = shape.n_head * shape.d_head, shape.n_head_kv * shape.d_head
    found: dict[str, tuple[tuple[int, ...], Type]] = {"attn_norm.weight": ((n_embd,), Type.F32)}

    def vector(name: str, width: int) -> None:
        found[name] = (width,), Type.F32

    def weight(name: str, *dims: int, kind: Type = matrix) -> None:
        found[f"{name}.weight"] = dims, kind

    if shape.family == "mamba":
        inner, rank = 2 * n_embd, n_embd // 16
        weight("ssm_in", 2 * inner, n_embd)
        weight("ssm_conv1d", inner, CONVOLUTION, kind=Type.F32)
        weight("ssm_x", rank + 2 * STATE, inner)
        weight("ssm_dt", inner, rank)
        found["ssm_a"] = (inner, STATE), Type.F32
        for name in ("ssm_conv1d.bias", "ssm_dt.bias", "ssm_d"):
            vector(name, inner)
        weight("ssm_out", n_embd, inner)
        return [(name, *stored) for name, stored in found.items()]
    vector("ffn_norm.weight", n_embd)
    if shape.family == "deepseek2":
        weight("attn_q_a", QUERY, n_embd)
        vector("attn_q_a_norm.weight", QUERY)
        weight("attn_q_b", shape.n_head * (KEY + ROPE), QUERY)
        weight("attn_kv_a_mqa", LATENT + ROPE, n_embd)
        vector("attn_kv_a_norm.weight", LATENT)
        weight("attn_k_b", shape.n_head, LATENT, KEY)
        weight("attn_v_b", shape.n_head, VALUE, LATENT)
        weight("attn_output", n_embd, shape.n_head * VALUE)
    else:
        weight("attn_q", n_q, n_embd)
        weight("attn_k", n_kv, n_embd)
        weight("attn_v", n_kv, n_embd)
        weight("attn_output", n_embd, n_q)
    if shape.family == "qwen2":
        for name, width in (("attn_q", n_q), ("attn_k", n_kv), ("attn_v", n_kv)):
            vector(f"{name}.bias", width)
    if shape.family in ("qwen3", "qwen3moe", "gemma3"):
        vector("attn_q_norm.weight", shape.d_head)
        vector("attn_k_norm.weight", shape.d_head)
    if shape.family == "gemma3":
        vector("post_attention_norm.weight", n_embd)
        vector("post_ffw_norm.weight", n_embd)
    if shape.n_expert:
        weight("ffn_gate_inp", shape.n_expert, n_embd, kind=Type.F32)
        weight("ffn_gate_exps", shape.n_expert, n_ff, n_embd)
        weight("ffn_up_exps", shape.n_expert, n_ff, n_embd)
        weight("ffn_down_exps", shape.n_expert, n_embd, n_ff)
    else:
        weight("ffn_gate", n_ff, n_embd)
        weight("ffn_up", n_ff, n_embd)
        weight("ffn_down", n_embd, n_ff)
    return [(name, *stored) for name, stored in found.items()]


def _tokenizer(writer: Any, n_vocab: int) -> None:
    tokens = [*CONTROL, *(f"t{number}" for number in range(n_vocab - len(CONTROL)))]
    types = [int(TokenType.CONTROL)] * len(CONTROL) + [int(TokenType.NORMAL)] * (n_vocab - len(CONTROL))
    add_vocabulary(writer, tokens, types, merge="t 1")
    writer.add_chat_template(CHAT)


def finish(writer: Any, path: Path) -> Path:
    """Write the header, and leave a hole as large as the tensors after it."""
    sizes = [info.nbytes for tensors in writer.tensors for info in tensors.values()]
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    align = gguf.GGUF_DEFAULT_ALIGNMENT
    start = -(-path.stat().st_size // align) * align
    with path.open("r+b") as file:
        file.truncate(start + sum(-(-size // align) * align for size in sizes))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--shape", choices=SHAPES, default="llama")
    asked = parser.parse_args()
    write_hollow(asked.path, SHAPES[asked.shape])


if __name__ == "__main__":
    main()
