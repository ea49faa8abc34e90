"""Memory that a vision encoder computes with, from the shape that its projector (mmproj) file states.

llama-server reserves it at the load, for one image of the size that it warms up with. With `n` tokens (the
patches and the class token) of `w` values, f32, it is the image, 3 i² values, and the most of

    feed-forward  n · (n_ff + 4 w)      the widened block (thrice with a gate: gate, up, their product), the
                                        residual, what went in, what comes out, and a gap of one vector
    attention     n · 6 w               queries, keys, values, residual, result; keys and values as f16
                  n · 5 w + heads · n²  without flash attention: scores of all heads instead of f16 copies
    projector     n · (2 p + w)         what its two matrices put out, beside the encoder's

or, where patches are very large, of the first step: the image, its patches as f16, and what becomes of them.

The blocks follow each other in the same memory, so their number does not matter. The image lies at the front
and is done with after the first step: whole vectors of all tokens that fit in its place are put there. The
graph is that of build() in llama.cpp's tools/mtmd/models/llava.cpp; what the allocator makes of it, and so
the gap, was measured (docs/benchmarks/estimate.md): small images in large patches can come out a third too
high, and none came out too low. Encoders of other kinds than `mlp` were not compared.
"""

from modelhubd.wire.architecture import Vision

MIB = 1024 * 1024
VALUE = 4
COLOURS = 3
IMAGE_MAX = 16_384
HEADS_MAX = 4096
WIDTH_MAX = 1 << 20
BYTES_MAX = 1 << 40
ASSUMED_LEAST, ASSUMED_MOST = 64 * MIB, 1024 * MIB
WARMED_UP = {
    "gemma4v": (16, 3),
    "glm4v": (46, 2),
    "hunyuanocr": (28, 2),
    "paddleocr": (28, 2),
    "pixtral": (16, 1),
    "qwen2.5vl_merger": (46, 2),
    "qwen2vl_merger": (46, 2),
    "qwen3vl_merger": (46, 2),
    "youtuvl": (16, 2),
}
"""Kinds that take images of any size: tokens a side of the one that llama-server warms up with, and patches a
side that become one token. Source: set_warmup_n_tokens in tools/mtmd/clip.cpp; not compared with loads."""


def encoder_bytes(vision: Vision, *, flash_attention: bool = True) -> int | None:
    """What the encoder takes beside its weights; None where a figure is missing or absurd."""
    image, patch, wide = _image_size(vision), vision.patch_size, vision.hidden_size
    heads, block = vision.n_heads, vision.feed_forward_size
    if image is None or patch is None or wide is None or heads is None or block is None:
        return None
    projection = vision.projection_size or 0
    widest = max(wide, block, projection)
    if not 0 < patch <= image <= IMAGE_MAX or heads > HEADS_MAX or widest > WIDTH_MAX:
        return None
    n = (image // patch) ** 2 + 1
    attention = 6 * wide if flash_attention else 5 * wide + heads * n
    feed_forward = (3 if vision.gated else 1) * block + 4 * wide
    pixels = COLOURS * image * image
    later = n * max(attention, feed_forward, 2 * projection + wide) + pixels % (n * wide)
    found = VALUE * max(later, pixels + pixels // 2 + n * wide)
    return found if found <= BYTES_MAX else None


def assumed_encoder_bytes(file_bytes: int) -> int:
    """What to set aside where only the size of the projector's file is known: half of it, at least 64 MiB and
    at most 1 GiB.

    With f16 weights, 24 blocks 1024 wide for 336 pixels come to a thirtieth, 32 gated ones 1280 wide for
    46 · 46 tokens of 28 pixels to two fifths.
    """
    return min(max(file_bytes // 2, ASSUMED_LEAST), ASSUMED_MOST)


def _image_size(vision: Vision) -> int | None:
    """Pixels a side of the image that memory is reserved for."""
    if vision.kind not in WARMED_UP:
        return vision.image_size
    side, merged = WARMED_UP[vision.kind]
    return None if vision.patch_size is None else side * vision.patch_size * (vision.merged or merged)
