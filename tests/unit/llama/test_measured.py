"""What loads took corrects later estimates, within bounds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from modelhubd.llama import measured_store
from modelhubd.llama.buffers import Buffers
from modelhubd.llama.measured import FACTOR, PROGRAM_MAX, Load, Measurement, corrected, load_of, measure
from modelhubd.llama.memory import Need
from modelhubd.storage.database import Database
from modelhubd.wire.servers import LoadSettings

NEED = Need(weights_bytes=1000, kv_bytes=100, compute_bytes=50, overhead_bytes=10, exact=True)
LOAD = Load(library_id="a", family="llama", kind="k", ctx=4096)
TOOK = Buffers(weights_bytes=1100, kv_bytes=100, compute_bytes=75)


def took(found: Buffers = TOOK, load: Load = LOAD, rss: int | None = None) -> Measurement:
    return measure(load, NEED, found, rss)


def test_without_measurements_an_estimate_stays() -> None:
    assert corrected(NEED, LOAD, ()) is NEED
    assert corrected(NEED, LOAD, [took(load=replace(LOAD, kind="other"))]) is NEED
    assert corrected(NEED, LOAD, [took(load=replace(LOAD, family="qwen3"))]) is NEED


def test_the_same_load_is_estimated_as_it_was_measured() -> None:
    found = corrected(NEED, LOAD, [took()])
    assert (found.weights_bytes, found.kv_bytes, found.compute_bytes) == (1100, 100, 75)
    assert (found.basis, found.uncorrected, found.exact) == ("measured", NEED, True)


def test_another_context_is_scaled_from_the_nearest() -> None:
    near, far = replace(LOAD, ctx=8192), replace(LOAD, ctx=100_000)
    measured = [took(replace(TOOK, compute_bytes=100), far), took(load=near)]
    assert corrected(NEED, LOAD, measured).compute_bytes == 75
    twice = replace(NEED, kv_bytes=200, compute_bytes=100)
    assert corrected(twice, LOAD, measured).compute_bytes == 150


def test_others_of_the_family_say_nothing_of_the_weights() -> None:
    guess, another = replace(NEED, exact=False), replace(LOAD, library_id="b")
    found = corrected(guess, another, [took()])
    assert (found.weights_bytes, found.compute_bytes) == (1000, 75)
    assert corrected(NEED, another, [took()]) is NEED, "the formula knows better than a stranger's load"
    own = replace(LOAD, library_id="b", ctx=1)
    assert corrected(NEED, replace(LOAD, library_id="b"), [took(), took(load=own)]).weights_bytes == 1100


def test_the_program_itself_counts_where_the_process_is_measured() -> None:
    whole = TOOK.total_bytes + NEED.overhead_bytes
    assert corrected(NEED, LOAD, [took(rss=whole + 7)]).overhead_bytes == 17
    assert corrected(NEED, LOAD, [took(rss=whole - 900)]).overhead_bytes == 10, "mapped weights come and go"
    assert corrected(NEED, LOAD, [took(rss=1 << 60)]).overhead_bytes == 10 + PROGRAM_MAX


figures = st.integers(0, 1 << 62)


@given(figures, figures, figures, figures, figures, figures, st.none() | figures)
def test_no_measurement_makes_an_estimate_more_than_a_factor_wrong(
    expected: int, kv: int, compute: int, weights: int, found_kv: int, found_compute: int, rss: int | None
) -> None:
    before = Need(weights_bytes=expected, kv_bytes=kv, compute_bytes=compute, overhead_bytes=0, exact=True)
    found = Buffers(weights_bytes=weights, kv_bytes=found_kv, compute_bytes=found_compute)
    after = corrected(before, LOAD, [measure(LOAD, before, found, rss)])
    slack = 1 << 12  # floats are exact to 53 bits
    assert before.total_bytes / FACTOR - slack <= after.total_bytes
    assert after.total_bytes <= before.total_bytes * FACTOR + PROGRAM_MAX + slack


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (LoadSettings(), LoadSettings(kv_type_k="f16", kv_type_v="f16", parallel=1, batch=2048), True),
        (LoadSettings(), LoadSettings(flash_attention="on"), True),
        (LoadSettings(), LoadSettings(ctx=9, threads=4, seed=1, ttl_s=5), True),
        (LoadSettings(), LoadSettings(flash_attention="off"), False),
        (LoadSettings(), LoadSettings(kv_type_k="q8_0"), False),
        (LoadSettings(), LoadSettings(parallel=2), False),
        (LoadSettings(), LoadSettings(batch=64), False),
        (LoadSettings(), LoadSettings(gpu_layers=0), False),
    ],
)
def test_settings_that_decide_make_another_kind(one: LoadSettings, other: LoadSettings, alike: bool) -> None:
    kinds = [load_of("a", None, settings, "formula", "b1").kind for settings in (one, other)]
    assert (kinds[0] == kinds[1]) is alike
    assert load_of("a", None, one, "formula", "b2").kind != kinds[0]
    assert load_of("a", None, one, "llama-fit-params", "b1").kind != kinds[0]


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "x.db") as database:
        yield database


async def test_a_measurement_is_kept_in_the_place_of_the_one_before(database: Database) -> None:
    for compute in (60, 75):
        async with database.transaction() as tx:
            await measured_store.put(tx, took(replace(TOOK, compute_bytes=compute), rss=5000))
    (found,) = await measured_store.alike(database.reader, LOAD)
    assert found == took(rss=5000)
    assert await measured_store.alike(database.reader, replace(LOAD, kind="other")) == ()


async def test_only_the_newest_are_kept(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_store, "KEPT", 3)
    for ctx in range(5):
        async with database.transaction() as tx:
            await measured_store.put(tx, took(load=replace(LOAD, ctx=ctx)))
    found = await measured_store.alike(database.reader, LOAD)
    assert [measurement.load.ctx for measurement in found] == [4, 3, 2]
