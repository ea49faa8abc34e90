"""What is installed, and what it is asked for by."""

import pytest

from modelhubd.errors import Conflict, InvalidInput, NotFound
from modelhubd.wire.library import Finished
from tests.integration.library.world import World


async def test_a_finished_download_is_in_the_library(world: World) -> None:
    artifact = await world.install(files={"tiny.gguf": b"12345"})
    assert artifact == await world.library.get(artifact.id)
    assert (artifact.model, artifact.version, artifact.option) == ("acme/tiny", 1, "gguf")
    assert (artifact.source, artifact.state.value, artifact.size_bytes) == ("download", "ok", 5)
    assert artifact.installed_at == "2026-03-01T12:00:00.000Z"
    assert artifact.verified_at == "2026-03-01T11:59:00.000Z"
    assert artifact.active and artifact.loaded_by == ()
    assert await world.told() == [("library.added", artifact.id)]
    assert await world.library.keys() == {("acme/tiny", 1, "gguf")}
    assert await world.library.has("acme/tiny", 1, "gguf")
    assert not await world.library.has("acme/tiny", 2, "gguf")
    assert await world.library.used_bytes() == 5
    assert world.keys_changed == 1


async def test_a_download_that_is_rolled_back_is_not_in_the_library(world: World) -> None:
    finished = Finished(
        model="acme/tiny",
        version=1,
        option="gguf",
        format="gguf",
        quantization=None,
        digest=None,
        directory="acme/tiny/1/gguf",
        files=(),
        verified_at=None,
    )
    with pytest.raises(ZeroDivisionError):
        async with world.database.transaction() as tx:
            await world.library.arrivals.add(tx, finished)
            raise ZeroDivisionError
    assert await world.library.all() == ()
    assert await world.told() == []


async def test_files_elsewhere_are_not_recorded(world: World) -> None:
    finished = Finished(
        model="acme/tiny",
        version=1,
        option="gguf",
        format="gguf",
        quantization=None,
        digest=None,
        directory="acme/other/1/gguf",
        files=(),
        verified_at=None,
    )
    with pytest.raises(ValueError, match="belongs"):
        async with world.database.transaction() as tx:
            await world.library.arrivals.add(tx, finished)


async def test_what_is_downloaded_again_keeps_its_id_and_place(world: World) -> None:
    first = await world.install()
    await world.library.set_active("acme/tiny", first.id)
    again = await world.install(files={"other.gguf": b"longer"})
    assert again.id == first.id
    assert [file.name for file in again.files] == ["other.gguf"]
    assert [kind for kind, _ in await world.told()] == ["library.added", "library.changed"]


async def test_the_list_is_filtered_and_paged(world: World) -> None:
    world.know("acme/tiny", gguf={"tiny.gguf": b"model"})
    await world.install()
    await world.install(option="second")
    await world.install("acme/other")
    assert [item.model for item in (await world.library.list(q="TINY")).items] == ["acme/tiny"] * 2
    assert [item.model for item in (await world.library.list(capability=["chat"])).items] == ["acme/tiny"] * 2
    assert (await world.library.list(format=["mlx"])).total == 0
    assert (await world.library.list(state=["ok"])).total == 3
    page = await world.library.list(limit=2)
    assert page.total == 3 and [item.model for item in page.items] == ["acme/other", "acme/tiny"]
    rest = await world.library.list(limit=2, after=page.next)
    assert [item.option for item in rest.items] == ["second"] and rest.next is None


async def test_names_mean_the_active_artifact(world: World) -> None:
    old = await world.install(version=1)
    new = await world.install(version=2)
    assert (await world.library.resolve("acme/tiny")).id == new.id
    assert (await world.library.resolve("acme/tiny@1")).id == old.id
    assert (await world.library.resolve("acme/tiny@1:gguf")).id == old.id
    assert (await world.library.resolve(old.id)).id == old.id
    await world.told()
    changed = await world.library.set_active("acme/tiny", old.id)
    assert changed.active
    assert (await world.library.resolve("acme/tiny")).id == old.id
    assert sorted(await world.told()) == sorted([("library.changed", old.id), ("library.changed", new.id)])


async def test_a_bare_name_means_the_best_fitting_of_several_options(world: World) -> None:
    await world.install(option="small", files={"a.gguf": b"x"})
    large = await world.install(option="large", files={"a.gguf": b"xxxx"})
    assert (await world.library.resolve("acme/tiny")).id == large.id


async def test_a_newer_version_takes_the_name_over_and_says_so(world: World) -> None:
    old = await world.install(version=1)
    await world.told()
    new = await world.install(version=2)
    assert await world.told() == [("library.added", new.id), ("library.changed", old.id)]
    assert not (await world.library.get(old.id)).active


@pytest.mark.parametrize("text", ["acme/tiny@1:gguf", "acme/tiny", "acme/other"])
async def test_what_is_not_installed_is_not_found_and_says_how_to_get_it(world: World, text: str) -> None:
    await world.install(version=7)
    if text == "acme/tiny":
        await world.library.remove((await world.library.resolve(text)).id)
    with pytest.raises(NotFound, match="modelhub pull") as refused:
        await world.library.resolve(text)
    assert refused.value.code == "not_installed"
    if "@" in text:
        assert "@7:gguf" in refused.value.detail


async def test_unknown_ids_are_not_found(world: World) -> None:
    for ask in (
        world.library.get("0123456789abcdef"),
        world.library.resolve("0123456789abcdef"),
        world.library.remove("0123456789abcdef"),
        world.library.set_active("acme/tiny", "0123456789abcdef"),
    ):
        with pytest.raises(NotFound):
            await ask


async def test_text_that_is_no_name_is_invalid(world: World) -> None:
    with pytest.raises(InvalidInput):
        await world.library.resolve("../../etc/passwd")


async def test_another_models_artifact_cannot_be_made_active(world: World) -> None:
    other = await world.install("acme/other")
    with pytest.raises(InvalidInput) as refused:
        await world.library.set_active("acme/tiny", other.id)
    assert refused.value.errors[0].pointer == "/library_id"


async def test_readers_are_told_which_servers_run_an_artifact(world: World) -> None:
    artifact = await world.install()
    await world.told()
    world.loaded[artifact.id] = ("5e1f",)
    await world.library.servers_changed(artifact.id)
    assert await world.told() == [("library.changed", artifact.id)]
    assert (await world.library.get(artifact.id)).loaded_by == ("5e1f",)
    await world.library.servers_changed("0123456789abcdef")
    assert await world.told() == []


async def test_a_server_is_given_paths_in_the_models_directory(world: World) -> None:
    artifact = await world.install()
    path, projector = world.library.model_path(artifact)
    assert path == world.models / "acme/tiny/1/gguf/tiny.gguf"
    assert path.read_bytes() == b"model" and projector is None


async def test_an_artifact_without_a_model_file_cannot_be_loaded(world: World) -> None:
    artifact = await world.install(files={})
    with pytest.raises(Conflict) as refused:
        world.library.model_path(artifact)
    assert refused.value.code == "not_loadable"


async def test_what_is_gone_or_damaged_is_noticed_when_it_is_asked_for(world: World) -> None:
    artifact = await world.install()
    await world.library.scan()  # leaves its marker
    path = world.models / "acme/tiny/1/gguf/tiny.gguf"
    await world.told()
    path.write_bytes(b"short")
    assert (await world.library.resolve("acme/tiny")).state == "ok"
    path.write_bytes(b"longer than it was")
    with pytest.raises(Conflict) as refused:
        await world.library.resolve("acme/tiny")
    assert refused.value.code == "artifact_damaged"
    path.unlink()
    with pytest.raises(Conflict) as refused:
        await world.library.resolve("acme/tiny")
    assert refused.value.code == "artifact_missing"
    assert (await world.library.get(artifact.id)).state == "missing"
    assert await world.told() == [("library.changed", artifact.id)] * 2
    assert not await world.library.has("acme/tiny", 1, "gguf"), "it can be downloaded again"
    path.write_bytes(b"model")
    assert (await world.library.resolve("acme/tiny")).state == "ok"


async def test_no_absolute_path_leaves_in_an_error(world: World) -> None:
    artifact = await world.install()
    (world.models / "acme/tiny/1/gguf/tiny.gguf").unlink()
    world.loaded[artifact.id] = ("5e1f",)
    for ask in (world.library.resolve("acme/tiny"), world.library.remove(artifact.id)):
        with pytest.raises(Conflict) as refused:
            await ask
        assert str(world.models) not in refused.value.detail
