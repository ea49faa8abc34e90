"""Saved settings among the other layers: the administrator's locks, the catalog's entry, the model's file."""

import asyncio

import msgspec
import pytest

from modelhubd.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from modelhubd.llama import saved_store
from modelhubd.llama.saved import SavedSettings
from modelhubd.llama.settings import Configured
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.servers import LoadSettings, ModelSettings
from tests.integration.llama.conftest import House

ENTRY = CatalogEntry(id="lab/tiny", options=(), version=1, settings=ModelSettings(ctx=256, kv_type_k="q8_0"))


def saved_in(
    house: House, configured: Configured | None = None, entry: CatalogEntry | None = None
) -> SavedSettings:
    async def find(model: str) -> CatalogEntry | None:
        assert model == "lab/tiny"
        return entry

    return SavedSettings(
        house.database,
        configured or Configured(),
        resolve=house.shelf.resolve,
        model_path=house.shelf.model_path,
        entry=find,
        threads=lambda: 1,
        ttl_s=60,
    )


LOCKED = Configured(
    layers=(
        ("administrator", LoadSettings(ctx=512)),
        ("file", LoadSettings(batch=64)),
        ("environment", LoadSettings(seed=3)),
    ),
    locked=frozenset({"ctx"}),
)


async def test_each_layer_stands_over_those_below_it(house: House) -> None:
    configured = msgspec.structs.replace(LOCKED, locked=frozenset())
    saved = saved_in(house, configured, ENTRY)
    found = await saved.replace("lib-tiny", LoadSettings(kv_type_k="f16", seed=0), None)
    origins = {name: setting.origin for name, setting in found.effective.items()}
    assert (origins["ctx"], found.effective["ctx"].value) == ("model", 256)
    assert (origins["batch"], origins["seed"], origins["kv_type_k"]) == ("file", "saved", "saved")
    assert (origins["ttl_s"], found.effective["ttl_s"].value) == ("default", 60)
    assert found.defaults["seed"].value == 3
    assert found.defaults["kv_type_k"].origin == "model"


async def test_a_lock_stands_over_the_catalog_and_over_what_was_saved_before(house: House) -> None:
    await saved_in(house).replace("lib-tiny", LoadSettings(ctx=1024, batch=32), None)
    found = await saved_in(house, LOCKED, ENTRY).show("lib-tiny")
    assert found.saved == {"ctx": 1024, "batch": 32}
    assert (found.effective["ctx"].value, found.effective["ctx"].origin) == (512, "administrator")
    assert found.effective["batch"].origin == "saved"
    assert found.locked == ("ctx",)


async def test_what_is_locked_cannot_be_saved_otherwise(house: House) -> None:
    saved = saved_in(house, LOCKED)
    with pytest.raises(Conflict) as refused:
        await saved.replace("lib-tiny", LoadSettings(ctx=1024, batch=32), None)
    assert refused.value.code == "decided_elsewhere"
    assert [error.pointer for error in refused.value.errors] == ["/ctx"]
    assert (await saved.show("lib-tiny")).saved == {}
    assert (await saved.replace("lib-tiny", LoadSettings(ctx=512), None)).saved == {"ctx": 512}


async def test_an_entry_of_another_version_recommends_nothing(house: House) -> None:
    newer = msgspec.structs.replace(ENTRY, version=2)
    found = await saved_in(house, entry=newer).show("lib-tiny")
    assert {setting.origin for setting in found.effective.values()} == {"default"}


async def test_a_revision_changes_with_what_it_stands_for(house: House) -> None:
    saved, advised = saved_in(house), saved_in(house, entry=ENTRY)
    first = await saved.show("lib-tiny")
    assert (await saved.show("lib-tiny")).revision == first.revision
    assert (await advised.show("lib-tiny")).revision != first.revision
    second = await saved.replace("lib-tiny", LoadSettings(ctx=512), {first.revision})
    assert second.revision != first.revision
    for late in (
        saved.replace("lib-tiny", LoadSettings(), {first.revision}),
        saved.forget("lib-tiny", set()),
    ):
        with pytest.raises(PreconditionFailed):
            await late
    third = await saved.forget("lib-tiny", {first.revision, second.revision})
    assert third == first


async def test_changes_at_the_same_time_are_one_after_the_other(house: House) -> None:
    saved = saved_in(house)
    seen = (await saved.show("lib-tiny")).revision
    answers = await asyncio.gather(
        *(saved.replace("lib-tiny", LoadSettings(ctx=512 + n), {seen}) for n in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, PreconditionFailed) for answer in answers) == 7
    [ours] = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert (await saved.show("lib-tiny")).saved == ours.saved


async def test_what_a_recommendation_makes_impossible_is_refused_with_the_field_that_was_sent(
    house: House,
) -> None:
    quantised = msgspec.structs.replace(ENTRY, settings=ModelSettings(kv_type_v="q8_0"))
    with pytest.raises(InvalidInput, match="recommended by the catalog") as refused:
        await saved_in(house, entry=quantised).replace("lib-tiny", LoadSettings(flash_attention="off"), None)
    assert [error.pointer for error in refused.value.errors] == ["/flash_attention"]


async def test_saving_nothing_keeps_no_row(house: House) -> None:
    saved = saved_in(house)
    await saved.replace("lib-tiny", LoadSettings(ctx=512), None)
    await saved.replace("lib-tiny", LoadSettings(), None)
    assert await saved_store.saved(house.database.reader, "lab/tiny", "gguf-f16") is None


async def test_what_cannot_be_run_has_no_settings(house: House) -> None:
    path = house.folder / "broken.gguf"
    path.write_bytes(b"GGUF\x03\x00\x00\x00" + b"\xff" * 64)
    house.shelf.put(path, "broken")
    house.shelf.put(path, "other", format="mlx")
    for library_id, code in (("lib-broken", "bad_model"), ("lib-other", "unsupported_format")):
        with pytest.raises(Conflict) as refused:
            await saved_in(house).show(library_id)
        assert refused.value.code == code
    path.unlink()
    with pytest.raises(Conflict) as refused:
        await saved_in(house).show("lib-broken")
    assert refused.value.code == "artifact_missing"
    with pytest.raises(NotFound):
        await saved_in(house).show("lib-none")
