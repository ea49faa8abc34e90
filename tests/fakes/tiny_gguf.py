"""Real GGUF models with random weights, small enough for a test, that answer what a test expects.

The transformer blocks hold small noise. The embedding and output matrices are random too, but coupled so
that each token prefers one follower: at temperature 0 such a model recites ``SENTENCE`` to any prompt and
stops. A thinking model recites ``THOUGHTS`` first, unless its template is told not to think.

    python -m tests.fakes.tiny_gguf tiny.gguf
    python -m tests.fakes.tiny_gguf tiny.gguf --kind thinking --quantization q8_0
    python -m tests.fakes.tiny_gguf large.gguf --megabytes 200
"""

import argparse
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType, LlamaFileType, TokenType
from numpy.typing import NDArray

ANSWER = ("Hello", " from", " a", " tiny", " random", " model", ".")
THOUGHT = ("Let", " me", " think", " about", " it")
SENTENCE = "".join(ANSWER)
THOUGHTS = "".join(THOUGHT)
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
THINK = ("<think>", "</think>")

CHAT = r"""
{%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""
CHAT_THINKING = r"""
{%- for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}
{%- if m.reasoning_content %}{{ '<think>' + m.reasoning_content + '</think>\n\n' }}{% endif %}
{{- m.content + '<|im_end|>\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}
{%- endif %}"""

QUANTIZATIONS = {
    "f16": (GGMLQuantizationType.F16, LlamaFileType.MOSTLY_F16),
    "q8_0": (GGMLQuantizationType.Q8_0, LlamaFileType.MOSTLY_Q8_0),
    "q4_0": (GGMLQuantizationType.Q4_0, LlamaFileType.MOSTLY_Q4_0),
}
KINDS = ("chat", "thinking", "embedding", "rerank")
FAULTS = (
    "magic",
    "version",
    "truncated",
    "header_only",
    "tensor_count",
    "string_length",
    "empty",
    "architecture",
)

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Dimensions of a llama model. The vocabulary is padded with unused tokens up to `n_vocab`."""

    n_embd: int = 128
    n_ff: int = 256
    n_layer: int = 2
    n_head: int = 4
    n_head_kv: int = 2
    n_ctx: int = 4096
    n_vocab: int = 0

    @property
    def head_dim(self) -> int:
        return self.n_embd // self.n_head

    @property
    def layer_weights(self) -> int:
        """Weights of one block, norms aside."""
        attention = 2 * self.n_embd * self.n_embd + 2 * self.n_embd * self.n_head_kv * self.head_dim
        return attention + 3 * self.n_embd * self.n_ff


def large_shape(megabytes: int) -> Shape:
    """A shape whose f16 file is about this large (steps of 33 MB)."""
    block = Shape(n_embd=1024, n_ff=4096, n_head=16, n_head_kv=8)
    n_layer = max(1, round(megabytes * 1e6 / 2 / block.layer_weights))
    return Shape(n_embd=1024, n_ff=4096, n_layer=n_layer, n_head=16, n_head_kv=8, n_ctx=32768)


ROOMY = Shape(n_ctx=131_072)
"""Room for an answer that goes on for long."""


def begin(path: Path, family: str, name: str, shape: Any, file_type: int) -> gguf.GGUFWriter:
    """A writer that has what every model says of itself. `shape` is a `Shape`, or has its fields."""
    writer = gguf.GGUFWriter(path, family)
    writer.add_name(name)
    writer.add_file_type(file_type)
    writer.add_context_length(shape.n_ctx)
    writer.add_embedding_length(shape.n_embd)
    writer.add_block_count(shape.n_layer)
    writer.add_feed_forward_length(shape.n_ff)
    writer.add_head_count(shape.n_head)
    return writer


def add_vocabulary(writer: gguf.GGUFWriter, tokens: list[str], types: list[int], *, merge: str) -> None:
    """A byte-level vocabulary with CONTROL in it."""
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")  # looks whole words up first, so one dummy merge is enough
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([merge])
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))


def write_chat(
    path: Path,
    *,
    shape: Shape | None = None,
    quantization: str = "f16",
    thinking: bool = False,
    seed: int = 0,
    answer: tuple[str, ...] = ANSWER,
) -> Path:
    """Write a llama model with a chat template to `path`, and return it. Equal arguments give equal bytes.
    `answer` is what it recites, word by word; no word may come twice."""
    shape = shape or Shape()
    tensor_type, file_type = QUANTIZATIONS[quantization]
    random = np.random.default_rng(seed)
    tokens, types = _vocabulary(shape.n_vocab, answer)
    writer = begin(path, "llama", "tiny", shape, file_type)
    writer.add_head_count_kv(shape.n_head_kv)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_layer_norm_rms_eps(1e-5)
    add_vocabulary(writer, tokens, types, merge="H e")
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_THINKING if thinking else CHAT)

    def noise(rows: int, columns: int, scale: float) -> Floats:
        return random.standard_normal((rows, columns), dtype=np.float32) * np.float32(scale)

    embedding = noise(len(tokens), shape.n_embd, 1.0)
    output = noise(len(tokens), shape.n_embd, 0.02)
    embedding[:, 0] = output[:, 0] = 0
    embedding[:256, 0] = 6  # dimension 0 marks plain text, which leads into the answer
    output[tokens.index(_encode(answer[0])), 0] = 2
    for before, after in _followers(tokens, thinking, answer).items():
        embedding[before, 0] = 0
        output[after] += embedding[before] * np.float32(10 / shape.n_embd)
    ones = np.ones(shape.n_embd, dtype=np.float32)
    _put(writer, "token_embd.weight", embedding, tensor_type)
    _put(writer, "output_norm.weight", ones, tensor_type)
    _put(writer, "output.weight", output, tensor_type)
    n_kv = shape.n_head_kv * shape.head_dim
    for layer in range(shape.n_layer):
        for name, rows, columns in (
            ("attn_q", shape.n_embd, shape.n_embd),
            ("attn_k", n_kv, shape.n_embd),
            ("attn_v", n_kv, shape.n_embd),
            ("attn_output", shape.n_embd, shape.n_embd),
            ("ffn_gate", shape.n_ff, shape.n_embd),
            ("ffn_up", shape.n_ff, shape.n_embd),
            ("ffn_down", shape.n_embd, shape.n_ff),
        ):
            _put(writer, f"blk.{layer}.{name}.weight", noise(rows, columns, 0.1 / shape.n_embd), tensor_type)
        _put(writer, f"blk.{layer}.attn_norm.weight", ones, tensor_type)
        _put(writer, f"blk.{layer}.ffn_norm.weight", ones, tensor_type)
    return _finish(writer, path)


def write_embedding(
    path: Path, *, n_embd: int = 64, n_layer: int = 2, n_ctx: int = 512, seed: int = 0, ranks: bool = False
) -> Path:
    """Write a sentence-embedding model (BERT, mean pooling, one token per character) and return its path. One
    that `ranks` scores pairs of texts instead."""
    random = np.random.default_rng(seed)
    characters = [chr(code) for code in range(33, 127)]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *("\u2581" + c for c in characters), *characters]
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name("tiny-embedding")
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_context_length(n_ctx)
    writer.add_embedding_length(n_embd)
    writer.add_block_count(n_layer)
    writer.add_feed_forward_length(2 * n_embd)
    writer.add_head_count(2)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.RANK if ranks else gguf.PoolingType.MEAN)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([int(TokenType.CONTROL)] * 5 + [int(TokenType.NORMAL)] * (len(tokens) - 5))
    writer.add_token_type_count(2)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(1)
    writer.add_bos_token_id(2)
    writer.add_sep_token_id(3)
    writer.add_mask_token_id(4)
    f16, f32 = GGMLQuantizationType.F16, GGMLQuantizationType.F32

    def matrix(name: str, rows: int, columns: int, tensor_type: Any) -> None:
        values = random.standard_normal((rows, columns), dtype=np.float32) / np.sqrt(np.float32(columns))
        _put(writer, name, values, tensor_type)

    def vector(name: str, value: float, length: int) -> None:
        _put(writer, name, np.full(length, value, dtype=np.float32), f32)

    def norm(name: str) -> None:
        vector(f"{name}.weight", 1, n_embd)
        vector(f"{name}.bias", 0, n_embd)

    matrix("token_embd.weight", len(tokens), n_embd, f16)
    matrix("token_types.weight", 2, n_embd, f32)
    matrix("position_embd.weight", n_ctx, n_embd, f16)
    norm("token_embd_norm")
    for layer in range(n_layer):
        for part, rows, columns in (
            ("attn_q", n_embd, n_embd),
            ("attn_k", n_embd, n_embd),
            ("attn_v", n_embd, n_embd),
            ("attn_output", n_embd, n_embd),
            ("ffn_up", 2 * n_embd, n_embd),
            ("ffn_down", n_embd, 2 * n_embd),
        ):
            matrix(f"blk.{layer}.{part}.weight", rows, columns, f16)
            vector(f"blk.{layer}.{part}.bias", 0, rows)
        norm(f"blk.{layer}.attn_output_norm")
        norm(f"blk.{layer}.layer_output_norm")
    if ranks:
        matrix("cls.weight", n_embd, n_embd, f32)
        vector("cls.bias", 0, n_embd)
        matrix("cls.output.weight", 1, n_embd, f32)
        vector("cls.output.bias", 0, 1)
    return _finish(writer, path)


def write_faulty(path: Path, fault: str) -> Path:
    """Write a model file with one of ``FAULTS`` to `path`, and return it."""
    if fault == "architecture":
        writer = gguf.GGUFWriter(path, "nosucharch")
        writer.add_tensor("token_embd.weight", np.zeros((4, 32), dtype=np.float32))
        return _finish(writer, path)
    good = write_chat(path).read_bytes()
    head = b"GGUF" + struct.pack("<I", 3)
    path.write_bytes(
        {
            "magic": b"GGML" + good[4:],
            "version": b"GGUF" + struct.pack("<I", 99) + good[8:],
            "truncated": good[: len(good) * 2 // 3],
            "header_only": good[:2000],
            "tensor_count": head + struct.pack("<QQ", 2**60, 0) + good[24:],
            "string_length": head + struct.pack("<QQQ", 0, 1, 2**62) + b"x" * 64,
            "empty": b"",
        }[fault]
    )
    return path


def _byte_alphabet() -> list[str]:
    """Printable stand-ins for the 256 bytes, as byte-level BPE vocabularies use them."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    shifted = iter(range(256, 512))
    return [chr(byte) if byte in plain else chr(next(shifted)) for byte in range(256)]


BYTES = _byte_alphabet()


def _encode(text: str) -> str:
    return "".join(BYTES[byte] for byte in text.encode())


def _vocabulary(n_vocab: int, answer: tuple[str, ...]) -> tuple[list[str], list[int]]:
    known = dict.fromkeys(_encode(word) for word in ("\n\n", *answer, *THOUGHT))
    words = [word for word in known if word not in BYTES]
    kinds = [
        (TokenType.NORMAL, [*BYTES, *words]),
        (TokenType.USER_DEFINED, list(THINK)),
        (TokenType.CONTROL, list(CONTROL)),
    ]
    used = sum(len(names) for _, names in kinds)
    kinds.append((TokenType.UNUSED, [f"<unused{i}>" for i in range(n_vocab - used)]))
    return [t for _, names in kinds for t in names], [int(kind) for kind, names in kinds for _ in names]


def _followers(tokens: list[str], thinking: bool, said: tuple[str, ...]) -> dict[int, int]:
    index = {token: i for i, token in enumerate(tokens)}
    answer = [*map(_encode, said), "<|im_end|>"]
    paths = [answer, [_encode("\n\n"), answer[0]]]
    if thinking:
        paths.append(
            [_encode("\n"), "<think>", *map(_encode, THOUGHT), "</think>", _encode("\n\n"), answer[0]]
        )
    return {index[a]: index[b] for path in paths for a, b in pairwise(path)}


def _put(writer: Any, name: str, data: Floats, tensor_type: Any) -> None:
    if data.ndim == 1:
        writer.add_tensor(name, data)
    else:
        writer.add_tensor(name, gguf.quants.quantize(data, tensor_type), raw_dtype=tensor_type)


def _finish(writer: Any, path: Path) -> Path:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--kind", choices=KINDS, default="chat")
    parser.add_argument("--quantization", choices=QUANTIZATIONS, default="f16")
    parser.add_argument("--megabytes", type=int, default=0, help="about this large (chat and thinking)")
    parser.add_argument("--fault", choices=FAULTS, help="write a broken file instead")
    asked = parser.parse_args()
    if asked.fault:
        write_faulty(asked.path, asked.fault)
    elif asked.kind in ("embedding", "rerank"):
        write_embedding(asked.path, ranks=asked.kind == "rerank")
    else:
        write_chat(
            asked.path,
            shape=large_shape(asked.megabytes) if asked.megabytes else None,
            quantization=asked.quantization,
            thinking=asked.kind == "thinking",
        )


if __name__ == "__main__":
    main()
