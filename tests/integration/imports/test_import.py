"""A file or a folder from outside becomes a model of the library, and stays as it was."""

import asyncio
import json
import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from modelhubd.errors import Conflict, InvalidInput, NotFound
from modelhubd.library.imports import placing, sources
from modelhubd.library.imports import service as imports_service
from modelhubd.settings import PolicyConfig
from modelhubd.wire.jobs import JobState
from modelhubd.wire.library import ArtifactState
from tests.integration.imports.test_clones import is_shared as is_cloned
from tests.integration.imports.world import World, sha256, snapshot, world_in

PLACE = "acme/tiny/1/gguf-q4/tiny.gguf"


@pytest.mark.parametrize("mode", ["link", "copy", "move", "reference"])
async def test_a_known_file_becomes_that_model_whatever_it_is_called(world: World, mode: str) -> None:
    await world.know("acme/tiny", **{"gguf-q4": {"tiny.gguf": b"weights"}})
    source = world.source("Downloads/called otherwise.bin.gguf", b"weights")
    before = source.stat()
    result = await world.bring(source, mode)
    (made,) = result.imported
    assert (made.model, made.version, made.option, made.recognised) == ("acme/tiny", 1, "gguf-q4", True)
    artifact = await world.library.resolve("acme/tiny")
    assert (artifact.id, artifact.source, artifact.state) == (made.library_id, "import", ArtifactState.OK)
    assert artifact.verified_at is not None
    assert artifact.digest == sha256(b"weights")
    place = world.models / PLACE
    if mode == "reference":
        assert artifact.files[0].where == "~/Downloads/called otherwise.bin.gguf"
        assert not place.exists()
    else:
        assert place.read_bytes() == b"weights"
        assert world.library.model_path(artifact)[0] == place
    assert source.exists() == (mode != "move")
    if mode != "move":
        after = source.stat()
        assert (after.st_ino, after.st_mtime_ns, after.st_mode) == (
            before.st_ino,
            before.st_mtime_ns,
            before.st_mode,
        )
    if mode == "copy":
        assert place.stat().st_ino != before.st_ino
        assert made.how == "copy"
    assert not (world.models / ".importing").exists()
    assert (await world.library.scan()).changed == 0
    await world.library.remove(artifact.id)
    assert not place.exists()
    assert source.exists() == (mode != "move"), "our entry goes, their file stays"


async def test_a_link_costs_no_space(world: World) -> None:
    await world.know("acme/tiny", **{"gguf-q4": {"tiny.gguf": b"weights"}})
    source = world.source("tiny.gguf", b"weights")
    (made,) = (await world.bring(source)).imported
    if made.how == "hard_link":  # a clone cannot be told from a copy
        assert (world.models / PLACE).stat().st_ino == source.stat().st_ino
    assert made.how in ("hard_link", "clone")


async def test_a_model_with_its_projector_is_recognised_by_either_of_the_two(world: World) -> None:
    files = {"tiny.gguf": b"weights", "mmproj-tiny.gguf": b"eyes"}
    await world.know("acme/tiny", alone={"tiny.gguf": b"weights"}, seeing=files)
    model = world.source("folder/model.gguf", b"weights")
    world.source("folder/eyes.gguf", b"eyes")
    world.source("folder/other.gguf", b"other")
    (made,) = (await world.bring(model)).imported
    assert made.option == "seeing", "what lies beside completes it"
    artifact = await world.library.resolve("acme/tiny@1:seeing")
    assert {file.name for file in artifact.files} == set(files)
    (made,) = (await world.bring(model, model="acme/tiny:alone")).imported
    assert made.option == "alone"


async def test_all_parts_of_a_set_come_along(world: World) -> None:
    names = [f"big-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    parts = {name: f"part {name}".encode() for name in names}
    await world.know("acme/big", whole=parts)
    for name, content in parts.items():
        world.source(f"big/{name}", content)
    (made,) = (await world.bring(world.home / "big" / names[1])).imported
    assert (made.model, made.option) == ("acme/big", "whole")
    artifact = await world.library.resolve("acme/big")
    assert world.library.model_path(artifact)[0].name == names[0]
    assert [file.role for file in artifact.files] == ["model", "shard", "shard"]


async def test_a_folder_of_quantizations_becomes_its_options(world: World) -> None:
    await world.know("acme/tiny", q4={"tiny-q4.gguf": b"four"}, q8={"tiny-q8.gguf": b"eight"})
    world.source("tiny/a-Q4_K_M.gguf", b"four")
    world.source("tiny/a-Q8_0.gguf", b"eight")
    world.source("tiny/README.md", b"# Tiny")
    result = await world.bring(world.home / "tiny")
    assert {made.option for made in result.imported} == {"q4", "q8"}
    assert result.left_out == {}
    again = await world.refused(world.home / "tiny")
    assert again[0] == "already_installed"
    await world.library.remove(result.imported[0].library_id)
    third = await world.bring(world.home / "tiny")
    assert len(third.imported) == len(third.already) == 1


async def test_what_no_catalog_knows_gets_an_entry_of_its_own(world: World, chat: bytes) -> None:
    source = world.source("models/Nice Model-F16.gguf", chat)
    (made,) = (await world.bring(source)).imported
    assert not made.recognised
    assert made.model.startswith("local/")
    assert made.option == "gguf-f16"
    artifact = await world.library.resolve(made.model)
    assert artifact.verified_at is not None
    detail = await world.catalog.detail(made.model)
    assert detail.source == "local"
    assert "chat" in detail.capabilities
    assert detail.options[0].digest == sha256(chat)
    assert detail.fit.verdict == "compatible"
    assert detail.architecture.family == "llama"
    assert detail.installed_versions == (1,)
    assert (await world.refused(source))[0] == "already_installed"
    await world.library.remove(artifact.id)
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        while await world.catalog.entry(made.model) is not None:
            await asyncio.sleep(0.01)


MLX_CONFIG = {
    "model_type": "qwen3", "num_hidden_layers": 4, "hidden_size": 64, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 128, "max_position_embeddings": 4096, "vocab_size": 1000,
    "head_dim": 16, "quantization": {"group_size": 64, "bits": 4},
}  # fmt: skip


def tensors_of(dtype: str, size: int, **metadata: str) -> bytes:
    header = {
        "__metadata__": metadata,
        "model.layers.0.weight": {"dtype": dtype, "shape": [64, 32], "data_offsets": [0, size]},
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(size)


@pytest.mark.parametrize(
    ("format", "weights", "quantization"),
    [
        ("safetensors", tensors_of("BF16", 64 * 32 * 2), "BF16"),
        ("mlx", tensors_of("U32", 64 * 32 * 4, format="mlx"), "4bit"),
    ],
)
async def test_folders_of_safetensors_and_of_mlx_get_an_entry_of_their_own(
    world: World, format: str, weights: bytes, quantization: str
) -> None:
    config = MLX_CONFIG if format == "mlx" else {k: v for k, v in MLX_CONFIG.items() if k != "quantization"}
    for name, content in {
        "model.safetensors": weights, "config.json": json.dumps(config).encode(), "tokenizer.json": b"{}",
    }.items():  # fmt: skip
        world.source(f"Nice Model/{name}", content)
    (made,) = (await world.bring(world.home / "Nice Model", "copy")).imported
    assert (made.recognised, made.model.partition("/")[0]) == (False, "local")
    artifact = await world.library.resolve(made.model)
    assert artifact.format == format
    assert {file.name for file in artifact.files} == {"model.safetensors", "config.json", "tokenizer.json"}
    detail = await world.catalog.detail(made.model)
    assert (detail.architecture.family, detail.architecture.n_layers) == ("qwen3", 4)
    assert detail.architecture.context_length == 4096
    (option,) = detail.options
    assert (option.format.value, (option.quantization or "").lower()) == (format, quantization.lower())


async def test_a_name_that_no_file_system_need_hold_is_made_safe(world: World, chat: bytes) -> None:
    (made,) = (await world.bring(world.source("мо:дель.gguf", chat))).imported
    artifact = await world.library.resolve(made.model)
    assert [file.name for file in artifact.files] == ["model.gguf"]


async def test_it_can_be_given_a_name(world: World, chat: bytes, embedding: bytes) -> None:
    (made,) = (
        await world.bring(world.source("x.gguf", chat), model="mine/nice", option="gguf-best")
    ).imported
    assert (made.model, made.option) == ("mine/nice", "gguf-best")
    assert (await world.library.resolve("mine/nice:gguf-best")).id == made.library_id
    code, words = await world.refused(world.source("y.gguf", embedding), model="mine/nice")
    assert code == "not_recognised"
    assert "mine/nice" in words


async def test_two_models_of_one_name_do_not_mix(world: World, chat: bytes, embedding: bytes) -> None:
    first = (await world.bring(world.source("a/same.gguf", chat[:-1] + b"\x01"))).imported[0]
    second = (await world.bring(world.source("b/same.gguf", chat))).imported[0]
    assert first.model == second.model, "the same shape and name: another form of one model"
    assert first.option != second.option
    third = (await world.bring(world.source("c/same.gguf", embedding))).imported[0]
    assert third.model != first.model


async def test_a_policy_against_entries_of_ones_own_is_respected(tmp_path: Path, chat: bytes) -> None:
    async with world_in(tmp_path, PolicyConfig(local_entries=False)) as world:
        code, words = await world.refused(world.source("x.gguf", chat))
        assert code == "refused_by_policy"
        assert "local_entries" in words


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("model.gguf.part", b"GGUF", "half_written"),
        ("model.gguf.incomplete", b"GGUF", "half_written"),
        ("model.download", b"GGUF", "half_written"),
        ("model.gguf", b"GGUF" + b"\x03\0\0\0" + b"\xff" * 64, "not_a_model"),
        ("model.gguf", b"", "not_a_model"),
        ("model.txt", b"a letter", "not_a_model"),
        ("model.safetensors", b"\x08\0\0\0\0\0\0\0{}      ", "not_a_model"),
    ],
)
async def test_what_is_no_whole_model_is_refused(world: World, name: str, content: bytes, code: str) -> None:
    source = world.source(f"somewhere/{name}", content)
    try:
        found = (await world.refused(source))[0]
    except Conflict as refused:
        found = refused.code
    assert found == code


async def test_a_file_that_ends_before_its_header_says_is_refused(world: World, chat: bytes) -> None:
    code, words = await world.refused(world.source("cut.gguf", chat[: len(chat) * 2 // 3]))
    assert code == "not_a_model"
    assert "cut.gguf" in words


async def test_paths_that_lead_nowhere_are_refused(world: World) -> None:
    with pytest.raises(NotFound) as missing:
        await world.start(world.home / "nothing.gguf")
    assert str(world.home) not in missing.value.detail
    for bad in ("relative.gguf", "", "/a\0b"):
        with pytest.raises(InvalidInput):
            await world.start(bad)
    loop = world.home / "loop"
    loop.symlink_to(loop)
    with pytest.raises((Conflict, NotFound)):
        await world.start(loop)
    os.mkfifo(world.home / "pipe.gguf")
    with pytest.raises(Conflict, match="plain"):
        await world.start(world.home / "pipe.gguf")
    with pytest.raises(InvalidInput):
        await world.start(None)
    with pytest.raises(NotFound):
        await world.start(None, found="0" * 16)
    assert (await world.ended(await world.start("~/.", "copy"))).error is not None


async def test_links_that_lead_out_of_a_folder_are_not_followed(world: World, chat: bytes) -> None:
    secret = world.source("secret/other.gguf", b"weights")
    await world.know("acme/tiny", q4={"tiny.gguf": b"weights"})
    folder = world.source("folder/chat.gguf", chat).parent
    (folder / "tiny.gguf").symlink_to(secret)
    (folder / "up").symlink_to(world.home / "secret")
    result = await world.bring(folder)
    assert [made.model for made in result.imported] != ["acme/tiny"]
    assert result.left_out == {"tiny.gguf": "it is a link that leads out of the folder"}
    (made,) = (await world.bring(folder / "tiny.gguf")).imported
    assert made.model == "acme/tiny", "who names the link itself means what it leads to"
    with pytest.raises(Conflict) as refused:
        await world.start(folder / "tiny.gguf", "move")
    assert refused.value.code == "cannot_move"
    assert secret.read_bytes() == b"weights"


async def test_names_that_differ_by_case_alone_are_refused(world: World, chat: bytes) -> None:
    world.source("folder/Model.gguf", chat)
    world.source("folder/model.GGUF", chat)
    if len(list((world.home / "folder").iterdir())) == 1:
        pytest.skip("this file system does not tell them apart")
    code, words = await world.refused(world.home / "folder")
    assert (code, "side by side" in words) == ("not_a_model", True)


async def test_files_that_are_in_the_way_stay(world: World) -> None:
    await world.know("acme/tiny", **{"gguf-q4": {"tiny.gguf": b"weights"}})
    other = world.models / "acme/tiny/1/gguf-q4/mine.txt"
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    code, _ = await world.refused(world.source("tiny.gguf", b"weights"))
    assert code == "files_in_the_way"
    assert other.read_text() == "mine"


async def test_a_source_that_changes_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody appends between the hash and the link, and during a copy."""
    await world.know("acme/tiny", q4={"tiny.gguf": b"weights"})
    source = world.source("tiny.gguf", b"weights")
    real: dict[str, Callable[..., object]] = {
        "stage_link": placing.stage_link,
        "stage_copy": placing.stage_copy,
    }

    def changing(name: str) -> None:
        def call(*arguments: object) -> object:
            with source.open("ab") as file:
                file.write(b"!")
            return real[name](*arguments)

        monkeypatch.setattr(imports_service, name, call)

    for mode, name in (("link", "stage_link"), ("copy", "stage_copy"), ("move", "stage_link")):
        source.write_bytes(b"weights")
        changing(name)
        code, words = await world.refused(source, mode)
        assert code == "source_changed"
        assert "nothing was taken" in words
        assert source.read_bytes() == b"weights!"


async def test_bytes_that_change_under_equal_times_are_not_copied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was copied is hashed, so that not even a writer who sets the clock back gets through."""
    await world.know("acme/tiny", q4={"tiny.gguf": b"weights"})
    source = world.source("tiny.gguf", b"weights")
    facts = source.stat()
    real = placing.stage_copy

    def call(*arguments: object) -> object:
        source.write_bytes(b"WEIGHTS")
        os.utime(source, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(imports_service, "stage_copy", call)
    assert (await world.refused(source, "copy"))[0] == "source_changed"


@pytest.mark.parametrize("mode", ["copy", "move"])
async def test_bytes_that_the_library_has_are_not_stored_twice(
    world: World, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two models with the same projector; where nothing can be linked from outside, too."""
    eyes = b"what both see with" * 1000
    for model in ("acme/one", "acme/two"):
        await world.know(model, all={"m.gguf": model.encode() * 1000, "mmproj.gguf": eyes})
        world.source(f"{model}/m.gguf", model.encode() * 1000)
        world.source(f"{model}/mmproj.gguf", eyes)
    await world.bring(world.home / "acme/one", "copy")

    def cannot(*_: object) -> str:
        raise placing.CannotLink("another disk")

    monkeypatch.setattr(imports_service, "stage_link", cannot)
    (made,) = (await world.bring(world.home / "acme/two", mode)).imported
    assert made.how == "copy", "one of them is"
    placed = [world.models / f"{model}/1/all/mmproj.gguf" for model in ("acme/one", "acme/two")]
    assert [path.read_bytes() for path in placed] == [eyes, eyes]
    assert placed[1].stat().st_ino == placed[0].stat().st_ino or is_cloned(placed[1]), "stored once"
    assert (world.models / "acme/two/1/all/m.gguf").stat().st_nlink == 1
    first = await world.library.resolve("acme/one")
    assert (first.state, first.verified_at is not None) == ("ok", True)
    await world.library.remove(first.id)
    assert placed[1].read_bytes() == eyes


async def test_a_copy_of_a_file_with_holes_has_holes(world: World) -> None:
    content = b"begin" + bytes((4 << 20) - 5) + b"middle" + bytes(4 << 20)
    await world.know("acme/tiny", **{"gguf-q4": {"tiny.gguf": content}})
    await world.bring(world.source("tiny.gguf", content), "copy")
    place = world.models / PLACE
    assert place.read_bytes() == content
    assert place.stat().st_blocks * 512 < len(content) / 2


async def test_a_file_system_that_cannot_link_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.know("acme/tiny", q4={"tiny.gguf": b"weights"})
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == world.models.stat().st_dev:
        pytest.skip("there is no second file system here")
    source = other / f"modelhub-test-{os.getpid()}.gguf"
    source.write_bytes(b"weights")
    try:
        code, words = await world.refused(source)
        assert (code, "copy" in words) == ("cannot_link", True)
        (made,) = (await world.bring(source, "move")).imported
        assert made.how == "copy"
        assert not source.exists()
    finally:
        source.unlink(missing_ok=True)


async def test_a_full_disk_is_told_before_anything_is_copied(world: World) -> None:
    await world.know("acme/tiny", q4={"tiny.gguf": b"weights"})
    world.imports._reserve_bytes = 2**60  # no disk has that much
    assert (await world.refused(world.source("tiny.gguf", b"weights"), "copy"))[0] == "disk_full"
    world.imports._reserve_bytes, world.promised = 0, 2**60
    code, words = await world.refused(world.source("tiny.gguf", b"weights"), "copy")
    assert (code, "still to come for other downloads" in words) == ("disk_full", True)
    world.promised = 0


async def test_a_cancelled_import_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.know("acme/tiny", q4={"tiny.gguf": b"w" * 3_000_000})
    source = world.source("tiny.gguf", b"w" * 3_000_000)
    monkeypatch.setattr(placing, "BLOCK", 1024)
    began = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = placing.stage_copy

    def call(*arguments: object) -> object:
        loop.call_soon_threadsafe(began.set)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(imports_service, "stage_copy", call)
    before = snapshot(world.models)
    job = await world.start(source, "copy")
    async with asyncio.timeout(20):
        await began.wait()
    ended = await world.jobs.cancel(job.id)
    assert ended.state is JobState.CANCELLED
    assert snapshot(world.models) == before
    assert await world.database.reader.fetch_all("SELECT * FROM importing") == []
    assert source.stat().st_size == 3_000_000
    monkeypatch.undo()
    assert (await world.bring(source, "copy")).imported


async def test_what_is_imported_cannot_be_called_as_what_lies_at_an_address(world: World) -> None:
    source = world.source("tiny.gguf", b"weights")
    assert (await world.refused(source, model="hf.acme/tiny"))[0] == "id_reserved"


async def test_a_cancel_during_the_last_step_comes_too_late(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.know("acme/tiny", q4={"tiny.gguf": b"weights"})
    placing_began, loop = asyncio.Event(), asyncio.get_running_loop()
    may_go_on = threading.Event()

    def held(*arguments: object) -> None:
        loop.call_soon_threadsafe(placing_began.set)
        assert may_go_on.wait(20)
        placing.place(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(imports_service, "place", held)
    job = await world.start(world.source("tiny.gguf", b"weights"))
    async with asyncio.timeout(20):
        await placing_began.wait()
    cancelling = asyncio.create_task(world.jobs.cancel(job.id))
    await asyncio.sleep(0)
    may_go_on.set()
    ended = await cancelling
    assert ended.state is JobState.COMPLETED
    assert [one.id for one in await world.library.all()] == [ended.result.imported[0].library_id]
    assert await world.database.reader.fetch_all("SELECT * FROM importing") == []


async def test_what_is_in_the_models_directory_can_be_moved_to_its_place(world: World) -> None:
    await world.know("acme/tiny", **{"gguf-q4": {"tiny.gguf": b"weights"}})
    dropped = world.models / "dropped.gguf"
    dropped.write_bytes(b"weights")
    with pytest.raises(Conflict) as refused:
        await world.start(dropped, "reference")
    assert refused.value.code == "cannot_refer"
    await world.bring(dropped, "move")
    assert (world.models / PLACE).read_bytes() == b"weights"
    assert not dropped.exists()


async def test_parts_under_other_names_cannot_be_used_where_they_are(world: World) -> None:
    parts = {f"big-0000{number}-of-00002.gguf": f"part {number}".encode() for number in (1, 2)}
    await world.know("acme/big", whole=parts)
    folder = world.home / "cache"
    (folder / "blobs").mkdir(parents=True)
    for number, (name, content) in enumerate(parts.items()):
        (folder / "blobs" / f"{number}").write_bytes(content)
        (folder / name).symlink_to(f"blobs/{number}")
    assert (await world.refused(folder, "reference"))[0] == "cannot_refer"
    assert (await world.bring(folder)).imported[0].option == "whole"


async def test_a_version_that_was_served_before_is_recognised(world: World) -> None:
    await world.database.reader.fetch_all("SELECT 1")
    async with world.database.transaction() as tx:
        await tx.execute(
            "INSERT INTO vouched_version VALUES ('acme/old', 3, 'x', '[]', ?)",
            (f'{{"gguf-q8": "{sha256(b"old weights")}"}}',),
        )
    (made,) = (await world.bring(world.source("old.gguf", b"old weights"))).imported
    assert (made.model, made.version, made.option, made.recognised) == ("acme/old", 3, "gguf-q8", True)


def test_the_names_of_half_written_files_are_known() -> None:
    for name in ("a.gguf.part", "A.GGUF.INCOMPLETE", "a.crdownload", "a.gguf.downloadInProgress", "a.aria2"):
        assert sources.half_written(name)
    assert sources.half_written("a.gguf") is None
