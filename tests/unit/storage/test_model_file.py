import json
import os
import struct
from pathlib import Path

import pytest

from modelhubd.errors import BadModelFile
from modelhubd.storage import model_file
from modelhubd.storage.confined import ConfinedRoot, UnsafePath
from modelhubd.storage.model_file import facts_of, read_model_facts, read_model_facts_at
from tests.fakes.tiny_gguf import write_chat
from tests.unit.formats.build import STRING, array, llama, whole


async def test_a_gguf_file_is_read_beneath_a_root_and_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    write_chat(tmp_path / "p" / "tiny.gguf")
    facts = await read_model_facts(ConfinedRoot(tmp_path), "p/tiny.gguf")
    assert facts.format == "gguf"
    assert facts.architecture.family == "llama"
    assert await read_model_facts_at(tmp_path / "p" / "tiny.gguf") == facts


async def test_a_header_of_several_megabytes_is_read_in_growing_pieces(tmp_path: Path) -> None:
    tokens = [f"a rather long token {i}" for i in range(200_000)]
    data = whole([array("tokenizer.ggml.tokens", STRING, tokens), *llama()])
    assert len(data) > 5 * model_file.FIRST_BYTES
    (tmp_path / "big.gguf").write_bytes(data)
    facts = await read_model_facts_at(tmp_path / "big.gguf")
    assert facts.architecture.vocab_size == 200_000


async def test_the_first_bytes_count_more_than_the_name(tmp_path: Path) -> None:
    write_chat(tmp_path / "model.bin")
    assert (await read_model_facts_at(tmp_path / "model.bin")).format == "gguf"
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(BadModelFile, match="neither"):
        await read_model_facts_at(tmp_path / "notes.txt")
    (tmp_path / "empty.gguf").touch()
    with pytest.raises(BadModelFile):
        await read_model_facts_at(tmp_path / "empty.gguf")


def safetensors(format_: str | None = None) -> bytes:
    header: dict[str, object] = {"w": {"dtype": "U32", "shape": [4], "data_offsets": [0, 16]}}
    if format_ is not None:
        header["__metadata__"] = {"format": format_}
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + bytes(16)


async def test_a_safetensors_file_takes_its_shape_from_the_configuration_beside_it(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.safetensors").write_bytes(safetensors("mlx"))
    root = ConfinedRoot(tmp_path)
    bare = await read_model_facts(root, "m/model.safetensors")
    assert bare.format == "mlx"
    assert bare.architecture.n_layers is None
    (tmp_path / "m" / "config.json").write_text('{"num_hidden_layers": 3, "quantization": {"bits": 4}}')
    facts = await read_model_facts(root, "m/model.safetensors")
    assert facts.architecture.n_layers == 3
    assert facts.quantization == "4bit"
    (tmp_path / "m" / "config.json").write_text('{"num_hidden_layers": 3}')
    assert (await read_model_facts_at(tmp_path / "m" / "model.safetensors")).quantization is None
    (tmp_path / "m" / "config.json").write_text("damaged")
    assert await read_model_facts(root, "m/model.safetensors") == bare


async def test_only_a_regular_file_within_the_root_is_read(tmp_path: Path) -> None:
    write_chat(tmp_path / "tiny.gguf")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link.gguf").symlink_to(tmp_path / "tiny.gguf")
    os.mkfifo(tmp_path / "root" / "pipe.gguf")
    root = ConfinedRoot(tmp_path / "root")
    for name in ("link.gguf", "pipe.gguf", "../tiny.gguf"):
        with pytest.raises(UnsafePath):
            await read_model_facts(root, name)
    with pytest.raises(UnsafePath):
        await read_model_facts_at(tmp_path / "root" / "link.gguf")
    with pytest.raises(FileNotFoundError):
        await read_model_facts(root, "missing.gguf")


def test_a_file_that_shrinks_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_chat(tmp_path / "tiny.gguf")
    monkeypatch.setattr(model_file, "FIRST_BYTES", 100)
    fd = os.open(tmp_path / "tiny.gguf", os.O_RDWR)
    real_fstat = os.fstat

    def fstat_then_cut(of: int) -> os.stat_result:
        found = real_fstat(of)
        os.ftruncate(of, 200)
        return found

    monkeypatch.setattr(os, "fstat", fstat_then_cut)
    try:
        with pytest.raises(BadModelFile, match="shorter"):
            facts_of(fd, "tiny.gguf")
    finally:
        os.close(fd)
