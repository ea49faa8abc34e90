"""The estimate of a load: the catalog's formula, llama.cpp's own figures, what was measured."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from modelhubd.fit.verdict import judge
from modelhubd.fit.vision import encoder_bytes
from modelhubd.llama.buffers import MIB
from modelhubd.llama.fit_params import read_figures
from modelhubd.llama.memory import UNKNOWN_SHARE, Need, need, notes_on_encoder, with_figures
from modelhubd.llama.settings import default_settings
from modelhubd.llama.weighing import Weighing
from modelhubd.storage.database import Database
from modelhubd.wire.architecture import Architecture, ModelFacts, Vision
from modelhubd.wire.catalog import Format, Hardware, Option, OptionFile
from modelhubd.wire.library import Artifact, ArtifactFile
from modelhubd.wire.servers import LoadSettings
from tests.fakes import samples
from tests.unit.fit.devices import LLAMA_8B, machine
from tests.unit.fit.test_vision import LLAVA
from tests.unit.llama.test_fit_params import build, program

GB = 1_000_000_000
SETTINGS = LoadSettings(ctx=8192)
DENSE = msgspec.structs.replace(LLAMA_8B, attention="full")
MIXTURE = msgspec.structs.replace(LLAMA_8B, n_experts=8, n_experts_used=2)


def artifact(*files: ArtifactFile) -> Artifact:
    whole = ArtifactFile(name="a.gguf", role="model", size_bytes=4 * GB, sha256=None)
    return samples.artifact(size_bytes=4 * GB, files=files or (whole,))


def facts(architecture: Architecture) -> ModelFacts:
    return ModelFacts(format="gguf", architecture=architecture, weights_bytes=4 * GB, n_tensors=1)


@pytest.mark.parametrize("architecture", [DENSE, MIXTURE])
def test_the_badge_before_the_download_and_the_estimate_after_it_agree(architecture: Architecture) -> None:
    file = OptionFile(name="a.gguf", size_bytes=4 * GB)
    badge = judge(
        Option(id="x", format=Format.GGUF, size_bytes=4 * GB, files=(file,)),
        architecture=architecture,
        hardware=Hardware(),
        parameters=None,
        device=machine(),
        installed=False,
    )
    assert badge.assumes is not None
    defaults = default_settings(ctx=badge.assumes.ctx, threads=4, ttl_s=1)
    assert need(artifact(), facts(architecture), defaults).total_bytes == badge.needed_bytes


def test_a_dense_model_is_exact_and_others_are_not() -> None:
    projector = ArtifactFile(name="p.gguf", role="projector", size_bytes=MIB, sha256=None)
    assert need(artifact(), facts(DENSE), SETTINGS).exact
    assert not need(artifact(), facts(MIXTURE), SETTINGS).exact
    (model,) = artifact().files
    blind, seeing = (need(it, facts(DENSE), SETTINGS) for it in (artifact(), artifact(model, projector)))
    assert not seeing.exact
    assert seeing.overhead_bytes == blind.overhead_bytes + MIB


def seeing() -> Artifact:
    (model,) = artifact().files
    file = ArtifactFile(name="p.gguf", role="projector", size_bytes=600 * MIB, sha256=None)
    return artifact(model, file)


def seen(architecture: Architecture, vision: Vision = LLAVA) -> ModelFacts:
    return msgspec.structs.replace(facts(architecture), vision=vision)


def test_what_an_encoder_computes_with_counts_with_the_compute() -> None:
    blind, known = need(artifact(), facts(DENSE), SETTINGS), need(seeing(), seen(DENSE), SETTINGS)
    assert known.encoder_bytes == encoder_bytes(LLAVA)
    assert known.compute_bytes == blind.compute_bytes + known.encoder_bytes
    assert known.total_bytes == blind.total_bytes + 600 * MIB + known.encoder_bytes
    scores = need(seeing(), seen(DENSE), LoadSettings(ctx=8192, flash_attention="off"))
    assert scores.encoder_bytes == encoder_bytes(LLAVA, flash_attention=False)
    assert need(artifact(), seen(DENSE), SETTINGS) == blind, "no projector, no encoder"


@pytest.mark.parametrize("facts", [facts(DENSE), seen(DENSE, Vision())])
def test_an_encoder_of_unknown_shape_is_assumed_and_said_to_be(facts: ModelFacts) -> None:
    assert need(seeing(), facts, SETTINGS).encoder_bytes == 300 * MIB
    (note,) = notes_on_encoder(seeing(), facts, SETTINGS)
    assert "315 MB are set aside for looking at images" in note
    assert not notes_on_encoder(seeing(), seen(DENSE), SETTINGS)
    assert not notes_on_encoder(artifact(), facts, SETTINGS)


def test_llama_cpps_figures_know_no_encoder_so_it_is_added() -> None:
    guess = need(seeing(), seen(MIXTURE), SETTINGS)
    for compute in (20, 270, 600):
        figures = read_figures(f"Host 4000 300 {compute} \n")
        blind = with_figures(need(artifact(), facts(MIXTURE), SETTINGS), figures, MIXTURE, SETTINGS)
        found = with_figures(guess, figures, MIXTURE, SETTINGS)
        assert found.compute_bytes == blind.compute_bytes + guess.encoder_bytes
        assert found.encoder_bytes == guess.encoder_bytes
    new = Architecture(family="new")
    unknown = need(seeing(), seen(new), SETTINGS)
    assert unknown.compute_bytes == unknown.encoder_bytes
    assert with_figures(unknown, figures, new, SETTINGS).overhead_bytes == unknown.overhead_bytes // 2


def test_the_weights_of_a_split_model_are_those_of_all_its_files() -> None:
    parts = (ArtifactFile(name=f"{n}.gguf", role="shard", size_bytes=3 * GB, sha256=None) for n in range(2))
    assert need(artifact(*parts), facts(DENSE), SETTINGS).weights_bytes == 6 * GB


def test_a_model_of_unknown_shape_counts_with_a_fifth_more_than_its_weights() -> None:
    found = need(artifact(), facts(Architecture(family="new")), SETTINGS)
    assert not found.exact
    assert found.total_bytes == pytest.approx(UNKNOWN_SHARE * 4 * GB)


def test_llama_cpps_figures_take_the_place_of_a_guess() -> None:
    guess = need(artifact(), facts(MIXTURE), SETTINGS)
    assert with_figures(guess, (), MIXTURE, SETTINGS) is guess
    found = with_figures(guess, read_figures("CUDA0 4000 300 1090 \nHost 200 0 10 \n"), MIXTURE, SETTINGS)
    assert found.weights_bytes == 4200 * MIB + MIB
    assert found.kv_bytes == 300 * MIB + MIB // 2
    assert found.compute_bytes == 1101 * MIB
    assert found.overhead_bytes == guess.overhead_bytes
    assert (found.basis, found.exact, len(found.figures)) == ("llama-fit-params", True, 2)
    tiny = with_figures(guess, read_figures("Host 1 2 3 \n"), MIXTURE, SETTINGS)
    assert tiny.weights_bytes == guess.weights_bytes, "the tensors in the file are there in any case"


def test_logits_that_a_server_never_makes_do_not_count() -> None:
    """For this vocabulary they are 250 MiB, which hides what a layer takes."""
    guess = need(artifact(), facts(MIXTURE), SETTINGS)
    hidden = with_figures(guess, read_figures("Host 4000 300 270 \n"), MIXTURE, SETTINGS)
    assert hidden.compute_bytes == guess.compute_bytes
    small = with_figures(guess, read_figures("Host 4000 300 20 \n"), MIXTURE, SETTINGS)
    assert small.compute_bytes == 20 * MIB + MIB // 2
    seen = with_figures(guess, read_figures("Host 4000 300 600 \n"), MIXTURE, SETTINGS)
    assert seen.compute_bytes == 600 * MIB + MIB // 2


def test_the_margin_of_an_unknown_shape_shrinks_where_llama_cpp_knows_it() -> None:
    guess = need(artifact(), facts(Architecture(family="new")), SETTINGS)
    found = with_figures(guess, read_figures("Host 3900 200 50 \n"), Architecture(family="new"), SETTINGS)
    assert found.total_bytes - found.kv_bytes - found.compute_bytes < guess.total_bytes


@pytest.fixture
async def weighing(tmp_path: Path) -> AsyncIterator[Weighing]:
    async with Database.open(tmp_path / "x.db") as database:
        yield Weighing(database, os.environ)


async def weighed(weighing: Weighing, folder: Path, architecture: Architecture) -> Need:
    server = program(folder / "llama-server")
    program(folder / "llama-fit-params", "echo 'Host 4000 300 90 '")
    (folder / "m.gguf").write_bytes(b"x")
    guess = need(artifact(), facts(architecture), SETTINGS)
    return await weighing.weigh("a", guess, facts(architecture), SETTINGS, build(server), folder / "m.gguf")


async def test_llama_fit_params_is_asked_where_the_formula_is_only_near(
    weighing: Weighing, tmp_path: Path
) -> None:
    assert (await weighed(weighing, tmp_path, MIXTURE)).basis == "llama-fit-params"
    assert (await weighed(weighing, tmp_path, DENSE)).basis == "formula"


async def test_what_a_load_took_counts_for_the_next_whatever_it_was_estimated_with(
    weighing: Weighing, tmp_path: Path
) -> None:
    before = await weighed(weighing, tmp_path, MIXTURE)
    log = ["x: CPU model buffer size = 4000.00 MiB", "x: CPU compute buffer size = 100.00 MiB"]
    await weighing.keep("a", SETTINGS, build(tmp_path / "llama-server"), log, None)
    after = await weighed(weighing, tmp_path, MIXTURE)
    assert after.basis == "measured"
    assert after.compute_bytes == pytest.approx(100 * MIB, abs=2)
    assert after.uncorrected == before


async def test_a_load_that_nobody_weighed_or_that_says_nothing_is_not_kept(
    weighing: Weighing, tmp_path: Path
) -> None:
    server = build(program(tmp_path / "llama-server"))
    log = ["x: CPU model buffer size = 4000.00 MiB", "x: CPU compute buffer size = 100.00 MiB"]
    await weighing.keep("a", SETTINGS, server, log, None)
    assert (await weighed(weighing, tmp_path, DENSE)).basis == "formula"
    await weighing.keep("a", SETTINGS, server, ["nothing"], None)
    assert (await weighed(weighing, tmp_path, DENSE)).basis == "formula"
