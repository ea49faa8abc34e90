"""What an installed model's file says of itself, and its projector's of the encoder."""

from pathlib import Path

import pytest

from modelhubd.llama.facts import facts_of, sound_facts_of
from tests.fakes import samples
from tests.fakes.hollow_projector import Projector, write_projector
from tests.fakes.tiny_gguf import write_chat


async def test_the_encoder_of_the_projector_is_among_the_facts(tmp_path: Path) -> None:
    model, projector = tmp_path / "m.gguf", write_projector(tmp_path / "p.gguf", Projector(n_layer=1))
    write_chat(model)
    alone = await facts_of(samples.artifact(), model)
    assert alone.vision is None
    found = await sound_facts_of(samples.artifact(), model, projector)
    assert found.vision is not None and found.vision.image_size == 336
    assert found.architecture == alone.architecture


@pytest.mark.parametrize("content", [None, b"no GGUF at all"])
async def test_a_projector_that_cannot_be_read_is_no_fault_of_the_model(
    tmp_path: Path, content: bytes | None
) -> None:
    model, projector = tmp_path / "m.gguf", tmp_path / "p.gguf"
    write_chat(model)
    if content is not None:
        projector.write_bytes(content)
    assert (await facts_of(samples.artifact(), model, projector)).vision is None
