"""Artifacts whose files lie outside the models directory, and those that another source answers for."""

import hashlib
import os
from pathlib import Path

import pytest

from modelhubd.errors import Conflict, NotFound
from modelhubd.library.outside import outside_of
from modelhubd.library.service import Library
from modelhubd.wire.library import ArtifactFile, ArtifactState, Finished
from tests.integration.library.world import World

BUNDLE = "bundle:acme-app"


async def refer(
    world: World, files: dict[str, Path], *, model: str = "acme/away", managed: str | None = None
) -> str:
    finished = Finished(
        model=model,
        version=1,
        option="gguf",
        format="gguf",
        quantization=None,
        digest=None,
        directory="",
        files=tuple(
            ArtifactFile(
                name=name,
                role="projector" if name.startswith("mmproj") else "model",
                size_bytes=path.stat().st_size,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            )
            for name, path in files.items()
        ),
        verified_at="2026-03-01T11:59:00.000Z",
    )
    places = {name: outside_of(path, path.stat()) for name, path in files.items()}
    async with world.database.transaction() as tx:
        return await world.library.arrivals.refer(tx, finished, places, managed=managed)


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """A folder with a model and a projector that are not ours."""
    folder = tmp_path / "stick"
    folder.mkdir()
    (folder / "blob-1").write_bytes(b"model")
    (folder / "blob-2").write_bytes(b"projector")
    return folder


async def test_its_files_are_used_where_they_are(world: World, stick: Path) -> None:
    files = {"tiny.gguf": stick / "blob-1", "mmproj.gguf": stick / "blob-2"}
    library_id = await refer(world, files)
    artifact = await world.library.resolve("acme/away")
    assert artifact.id == library_id
    assert (artifact.source, artifact.state, artifact.size_bytes) == ("import", ArtifactState.OK, 14)
    assert [(file.outside, file.where) for file in artifact.files] == [
        (True, str(stick / "blob-1")),
        (True, str(stick / "blob-2")),
    ]
    assert world.library.model_path(artifact) == (stick / "blob-1", stick / "blob-2")
    assert await world.library.used_bytes() == 0, "nothing of it is in the models directory"
    assert await world.told() == [("library.added", library_id)]
    assert (await world.library.scan()).changed == 0


async def test_they_are_shown_beneath_the_home_folder(world: World, stick: Path) -> None:
    library = Library(
        world.database,
        world.bus,
        models_dir=world.models,
        entry=world._entry,  # the same catalog
        device=world.library._naming._device,
        loaded=dict,
        home=stick.parent,
    )
    await refer(world, {"tiny.gguf": stick / "blob-1"})
    artifact = await library.resolve("acme/away")
    assert artifact.files[0].where == "~/stick/blob-1"
    assert library.model_path(artifact) == (stick / "blob-1", None)


async def test_removing_the_artifact_leaves_them_alone(world: World, stick: Path) -> None:
    library_id = await refer(world, {"tiny.gguf": stick / "blob-1"})
    facts = (stick / "blob-1").stat()
    await world.library.remove(library_id)
    assert await world.library.all() == ()
    assert (stick / "blob-1").read_bytes() == b"model"
    after = (stick / "blob-1").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_mode) == (
        facts.st_ino,
        facts.st_mtime_ns,
        facts.st_mode,
    )


async def test_the_entry_can_be_removed_though_the_drive_is_away(world: World, stick: Path) -> None:
    library_id = await refer(world, {"tiny.gguf": stick / "blob-1"})
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE artifact_file SET outside_device = 0")
    stick.rename(stick.with_name("unplugged"))
    await world.library.scan()
    assert (await world.library.get(library_id)).state is ArtifactState.OFFLINE
    await world.library.remove(library_id)
    assert (stick.with_name("unplugged") / "blob-1").exists()


async def test_their_state_follows_them_away_and_back(world: World, stick: Path) -> None:
    library_id = await refer(world, {"tiny.gguf": stick / "blob-1"})
    blob, aside = stick / "blob-1", stick / "aside"

    async def state() -> ArtifactState:
        await world.library.scan()
        return (await world.library.get(library_id)).state

    assert await state() is ArtifactState.OK
    blob.rename(aside)
    assert await state() is ArtifactState.MISSING
    with pytest.raises(Conflict) as refused:
        await world.library.resolve(library_id)
    assert refused.value.code == "artifact_missing"
    assert str(stick) not in refused.value.detail
    blob.symlink_to(aside)
    assert await state() is ArtifactState.MISSING, "a link is not the file"
    blob.unlink()
    aside.rename(blob)
    assert await state() is ArtifactState.OK
    assert (await world.library.get(library_id)).verified_at is not None
    blob.write_bytes(b"longer than it was")
    assert await state() is ArtifactState.DAMAGED


async def test_a_drive_that_is_away_and_comes_back_under_another_number(world: World, stick: Path) -> None:
    library_id = await refer(world, {"tiny.gguf": stick / "blob-1"})
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE artifact_file SET outside_device = 0")
    unplugged = stick.with_name("unplugged")
    stick.rename(unplugged)
    with pytest.raises(Conflict) as refused:
        await world.library.resolve(library_id)
    assert refused.value.code == "storage_offline"
    assert await world.library.has("acme/away", 1, "gguf"), "it need not be downloaded again"
    unplugged.rename(stick)
    assert (await world.library.resolve(library_id)).state is ArtifactState.OK
    row = await world.database.reader.fetch_one("SELECT outside_device FROM artifact_file")
    assert row is not None
    assert row[0] == (stick / "blob-1").stat().st_dev


async def test_another_file_of_the_same_size_was_not_verified(world: World, stick: Path) -> None:
    library_id = await refer(world, {"tiny.gguf": stick / "blob-1"})
    facts = (stick / "blob-1").stat()
    other = stick / "other"
    other.write_bytes(b"MODEL")
    os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    other.replace(stick / "blob-1")
    artifact = await world.library.resolve(library_id)
    assert artifact.state is ArtifactState.OK
    assert artifact.verified_at is None


async def test_the_models_directory_may_be_away_meanwhile(world: World, stick: Path) -> None:
    library_id = await refer(world, {"tiny.gguf": stick / "blob-1"})
    world.models.rmdir()
    assert (await world.library.resolve(library_id)).state is ArtifactState.OK
    await world.library.scan()
    assert (await world.library.get(library_id)).state is ArtifactState.OK
    await world.library.remove(library_id)


async def test_what_another_source_answers_for_goes_with_that_source(world: World, stick: Path) -> None:
    library_id = await refer(world, {"tiny.gguf": stick / "blob-1"}, managed=BUNDLE)
    other = await refer(world, {"p.gguf": stick / "blob-2"}, model="acme/other", managed=BUNDLE)
    assert (await world.library.get(library_id)).managed == BUNDLE
    with pytest.raises(Conflict) as refused:
        await world.library.remove(library_id)
    assert refused.value.code == "managed"
    assert "bundle acme-app" in refused.value.detail
    again = await refer(world, {"tiny.gguf": stick / "blob-1"}, managed=BUNDLE)
    assert again == library_id, "the same source may say it anew"
    await world.told()
    async with world.database.transaction() as tx:
        assert await world.library.arrivals.forget_managed(tx, "bundle:another") == 0
        assert await world.library.arrivals.forget_managed(tx, BUNDLE, keep={other}) == 1
    assert await world.told() == [("library.removed", library_id)]
    with pytest.raises(NotFound):
        await world.library.get(library_id)
    assert sorted(path.name for path in stick.iterdir()) == ["blob-1", "blob-2"]


async def test_what_is_installed_is_not_taken_over(world: World, stick: Path) -> None:
    installed = await world.install("acme/away")
    with pytest.raises(Conflict) as refused:
        await refer(world, {"tiny.gguf": stick / "blob-1"}, managed=BUNDLE)
    assert refused.value.code == "already_installed"
    assert await world.library.get(installed.id) == installed
    with pytest.raises(ValueError, match="where"):
        async with world.database.transaction() as tx:
            await world.library.arrivals.refer(
                tx,
                Finished(
                    model="acme/x",
                    version=1,
                    option="gguf",
                    format="gguf",
                    quantization=None,
                    digest=None,
                    directory="",
                    files=installed.files,
                    verified_at=None,
                ),
                {},
            )


async def test_what_is_read_again_and_right_stays_verified(world: World, stick: Path) -> None:
    library_id = await refer(world, {"tiny.gguf": stick / "blob-1"})

    async def verified() -> str | None:
        job = await world.library.integrity.verify(library_id)
        assert await world.jobs.ended(job.id, within_s=20)
        await world.library.scan()
        return (await world.library.get(library_id)).verified_at

    assert await verified() is not None
    facts = (stick / "blob-1").stat()
    other = stick / "other"
    other.write_bytes(b"model")
    os.utime(other, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    other.replace(stick / "blob-1")
    await world.library.scan()
    assert (await world.library.get(library_id)).verified_at is None, "it is another file"
    assert await verified() is not None, "with the same bytes"
