"""The estimate on the real programs: the formula for dense models, llama-fit-params for the others."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from modelhubd.llama.command import Options
from modelhubd.llama.discovery import Build
from modelhubd.llama.fit_params import FitParams, beside
from modelhubd.llama.memory import FIT_PARAMS, need, with_figures
from modelhubd.wire.device import LlamaBuild
from modelhubd.wire.library import Artifact, ArtifactFile
from modelhubd.wire.servers import LoadSettings
from tests.benchmarks.bench_estimate import FEW
from tests.benchmarks.loads import Setting, buffers, facts_of_model
from tests.benchmarks.projectors import seen
from tests.fakes import samples
from tests.fakes.hollow_gguf import DENSE, OTHERS, write_hollow
from tests.fakes.hollow_projector import PROJECTORS
from tests.real.kinds import the_real_one

pytestmark = pytest.mark.real
PROMISED = 0.1


@pytest.fixture(scope="module")
def program() -> str:
    """The real llama-server, with llama-fit-params beside it."""
    found = the_real_one()
    assert beside((found,)) is not None
    return found


def artifact(model: Path) -> Artifact:
    size = model.stat().st_size
    file = ArtifactFile(name=model.name, role="model", size_bytes=size, sha256=None)
    return samples.artifact(size_bytes=size, files=(file,))


def settings_of(setting: Setting) -> LoadSettings:
    return LoadSettings(
        ctx=setting.ctx,
        kv_type_k=setting.kv,  # type: ignore[arg-type]  # one of them
        kv_type_v=setting.kv,  # type: ignore[arg-type]
        flash_attention="on" if setting.flash else "off",
        parallel=setting.slots,
    )


@pytest.mark.parametrize("name", OTHERS)
async def test_llama_fit_params_holds_ten_per_cent_where_the_formula_only_guesses(
    tmp_path: Path, program: str, name: str
) -> None:
    model = write_hollow(tmp_path / "model.gguf", OTHERS[name])
    about = LlamaBuild(id="configured", origin="configured", version="b11434")
    build = Build(program=(program,), options=Options(names=frozenset()), about=about)
    facts, asker = facts_of_model(model), FitParams(os.environ)
    for setting in FEW:
        settings = settings_of(setting)
        guess = need(artifact(model), facts, settings)
        assert not guess.exact
        figures = await asker.figures(build, model, settings)
        found = with_figures(guess, figures, facts.architecture, settings)
        assert found.basis == FIT_PARAMS
        told = found.weights_bytes + found.kv_bytes + found.compute_bytes
        reported = buffers(model, setting, (program,))
        assert abs(told / reported.total_bytes - 1) <= PROMISED, (setting, found, reported)
        assert abs(found.kv_bytes - reported.kv_bytes) <= max(1 << 20, PROMISED * reported.kv_bytes)


@pytest.mark.parametrize("name", ["llama, grouped heads", "qwen2"])
def test_the_formula_holds_on_the_real_program_as_on_the_built_in_one(
    tmp_path: Path, program: str, name: str
) -> None:
    model = write_hollow(tmp_path / "model.gguf", replace(DENSE[name], n_vocab=3000))
    facts = facts_of_model(model)
    for setting in FEW:
        found = need(artifact(model), facts, settings_of(setting))
        reported = buffers(model, setting, (program,))
        assert abs(found.kv_bytes / reported.kv_bytes - 1) <= PROMISED
        assert abs(found.compute_bytes / reported.compute_bytes - 1) <= PROMISED


@pytest.mark.parametrize("name", PROJECTORS)
def test_a_model_and_its_projector_together_are_within_ten_per_cent(
    tmp_path: Path, program: str, name: str
) -> None:
    for load in seen(name, PROJECTORS[name], tmp_path, (program,), True, False):
        assert abs(load.error) <= PROMISED, load
        assert -0.01 <= load.encoder_error <= 0.35, load
