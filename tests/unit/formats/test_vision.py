"""The shape of a vision encoder, from the header of its projector file."""

from pathlib import Path

import pytest

from modelhubd.errors import BadModelFile
from modelhubd.formats.gguf import read_gguf
from modelhubd.wire.architecture import Vision
from tests.fakes.hollow_projector import Projector, write_projector
from tests.unit.formats.build import STRING, U32, entry, llama, tensor, whole

CLIP = entry("general.architecture", STRING, "clip")
WIDTH = entry("clip.vision.embedding_length", U32, 64)


def vision(*entries: bytes, tensors: tuple[bytes, ...] = ()) -> Vision | None:
    data = whole(entries, tensors, data=64)
    return read_gguf(data, len(data)).vision


def test_a_projector_states_the_shape_of_its_encoder(tmp_path: Path) -> None:
    shape = Projector(image=560, patch=28, n_embd=512, n_ff=2048, n_head=8, n_text=640)
    path = write_projector(tmp_path / "mm.gguf", shape)
    with path.open("rb") as file:
        found = read_gguf(file.read(1 << 20), path.stat().st_size).vision
    assert found == Vision(
        kind="mlp",
        image_size=560,
        patch_size=28,
        hidden_size=512,
        feed_forward_size=2048,
        n_heads=8,
        projection_size=640,
    )


def test_what_it_does_not_state_or_states_as_nothing_is_unknown() -> None:
    assert vision(CLIP, WIDTH) == Vision(hidden_size=64)
    assert vision(CLIP, WIDTH, entry("clip.vision.image_size", U32, 0)) == Vision(hidden_size=64)


def test_its_own_kind_goes_before_the_one_it_shares_with_an_ear() -> None:
    kinds = entry("clip.projector_type", STRING, "shared"), entry("clip.vision.projector_type", STRING, "own")
    assert vision(CLIP, WIDTH, *kinds) == Vision(hidden_size=64, kind="own")
    assert vision(CLIP, WIDTH, kinds[0]) == Vision(hidden_size=64, kind="shared")


def test_a_gate_is_seen_by_its_tensor() -> None:
    gate = tensor("v.blk.0.ffn_gate.weight", [4])
    assert vision(CLIP, WIDTH, tensors=(gate,)) == Vision(hidden_size=64, gated=True)


def test_a_model_and_an_ear_have_no_vision() -> None:
    assert vision(*llama()) is None
    assert vision(*llama(), WIDTH) is None
    assert vision(CLIP, entry("clip.audio.embedding_length", U32, 64)) is None


def test_an_absurd_figure_makes_it_a_bad_file() -> None:
    with pytest.raises(BadModelFile, match="patch_size is absurd"):
        vision(CLIP, WIDTH, entry("clip.vision.patch_size", U32, (1 << 32) - 1))
