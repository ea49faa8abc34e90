"""Whether a load may begin, and under which name."""

from pathlib import Path

import msgspec
import pytest

from modelhubd.errors import Conflict, InvalidInput
from modelhubd.fit.verdict import default_ctx
from modelhubd.llama.admission import (
    free_name,
    refuse_name,
    refuse_unknown,
    refuse_unrunnable,
    running_alike,
    usable_build,
)
from modelhubd.llama.command import Options
from modelhubd.llama.discovery import Build
from modelhubd.llama.memory import need
from modelhubd.llama.planning import Planned, launch, plan
from modelhubd.llama.settings import Below, default_settings
from modelhubd.wire.architecture import Architecture, ModelFacts
from modelhubd.wire.device import Gpu, LlamaBuild
from modelhubd.wire.library import Artifact, ArtifactFile, ArtifactState
from modelhubd.wire.servers import EffectiveSetting, LoadSettings, Server, ServerState
from tests.unit.llama.test_command import BUILTIN

ARTIFACT = Artifact(
    id="a", model="lab/tiny", version=2, option="gguf-f16", format="gguf", quantization=None, source="scan",
    state=ArtifactState.OK, size_bytes=900, digest=None,
    files=(ArtifactFile(name="m.gguf", role="model", size_bytes=900, sha256=None),),
    verified_at=None, installed_at="2026-01-01T00:00:00.000Z", active=True,
)  # fmt: skip
SHAPE = Architecture(
    family="llama", n_layers=2, n_heads=4, n_kv_heads=2, head_dim_k=32, head_dim_v=32, hidden_size=128,
    feed_forward_size=256, vocab_size=300, context_length=4096, attention="full",
)  # fmt: skip
FACTS = ModelFacts(format="gguf", architecture=SHAPE, weights_bytes=800, n_tensors=3)
SETTINGS = LoadSettings(ctx=512)


def server(state: ServerState = ServerState.READY, name: str = "lab/tiny") -> Server:
    return Server(
        id="s", name=name, library_id="a", model="lab/tiny", version=2, option="gguf-f16", state=state,
        started_at="2026-01-01T00:00:00.000Z",
    )  # fmt: skip


def build(*, usable: bool = True, devices: tuple[Gpu, ...] = ()) -> Build:
    about = LlamaBuild(
        id="path",
        origin="path",
        version="9",
        devices=devices,
        usable=usable,
        reason=None if usable else "Odd.",
    )
    return Build(program=("/bin/llama-server",), options=BUILTIN, about=about)


def test_whole_gguf_artifacts_may_be_loaded() -> None:
    refuse_unrunnable(ARTIFACT)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"format": "mlx"}, "unsupported_format"),
        ({"state": ArtifactState.MISSING}, "artifact_missing"),
        ({"state": ArtifactState.DAMAGED}, "artifact_damaged"),
        ({"state": ArtifactState.OFFLINE}, "artifact_offline"),
    ],
)
def test_other_artifacts_are_refused_with_their_reason(changes: dict[str, object], code: str) -> None:
    with pytest.raises(Conflict) as refused:
        refuse_unrunnable(msgspec.structs.replace(ARTIFACT, **changes))
    assert refused.value.code == code


def test_the_first_usable_build_is_used() -> None:
    assert usable_build([build(usable=False), build()]).about.usable


@pytest.mark.parametrize(
    ("builds", "said"), [([], "models with. Install"), ([build(usable=False)], "(path: Odd.)")]
)
def test_without_a_usable_build_the_refusal_says_how_to_get_one(builds: list[Build], said: str) -> None:
    with pytest.raises(Conflict) as refused:
        usable_build(builds)
    assert refused.value.code == "binary_missing"
    assert said in refused.value.detail


def test_the_same_load_again_is_the_server_that_runs() -> None:
    for state in (ServerState.STARTING, ServerState.LOADING, ServerState.READY):
        assert running_alike([(server(state), SETTINGS)], ARTIFACT, SETTINGS, None) == "s"
    assert running_alike([(server(), SETTINGS)], ARTIFACT, SETTINGS, "lab/tiny") == "s"


def test_another_name_or_another_artifact_is_another_server() -> None:
    assert running_alike([(server(), SETTINGS)], ARTIFACT, SETTINGS, "mine") is None
    other = msgspec.structs.replace(ARTIFACT, id="b")
    assert running_alike([(server(), SETTINGS)], other, SETTINGS, None) is None
    assert running_alike([], ARTIFACT, SETTINGS, None) is None


@pytest.mark.parametrize(
    ("state", "settings"),
    [(ServerState.READY, LoadSettings(ctx=1024)), (ServerState.DRAINING, SETTINGS)],
)
def test_a_server_with_other_settings_or_on_its_way_out_is_in_the_way(
    state: ServerState, settings: LoadSettings
) -> None:
    with pytest.raises(Conflict) as refused:
        running_alike([(server(state), SETTINGS)], ARTIFACT, settings, None)
    assert refused.value.code == "already_loaded"


def test_of_several_servers_the_one_with_these_settings_is_the_server_that_runs() -> None:
    other = (server(name="big"), LoadSettings(ctx=1024))
    assert running_alike([other, (server(), SETTINGS)], ARTIFACT, SETTINGS, None) == "s"


def test_a_server_is_called_as_asked_else_by_its_model_else_exactly() -> None:
    assert free_name([], ARTIFACT, "mine") == "mine"
    assert free_name([], ARTIFACT, None) == "lab/tiny"
    assert free_name(["lab/tiny"], ARTIFACT, None) == "lab/tiny@2:gguf-f16"


@pytest.mark.parametrize(
    ("taken", "asked"), [(["mine"], "mine"), (["lab/tiny", "lab/tiny@2:gguf-f16"], None)]
)
def test_a_taken_name_is_refused(taken: list[str], asked: str | None) -> None:
    with pytest.raises(Conflict) as refused:
        free_name(taken, ARTIFACT, asked)
    assert refused.value.code == "name_taken"


def test_a_version_that_is_not_active_is_called_exactly() -> None:
    assert free_name([], msgspec.structs.replace(ARTIFACT, active=False), None) == "lab/tiny@2:gguf-f16"


@pytest.mark.parametrize("name", ["-x", "a,b", "a b", "", "a\n", "a" * 129])
def test_a_name_with_other_characters_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        refuse_name(ARTIFACT, name)


def test_a_name_that_refers_to_another_model_is_refused() -> None:
    for name in (None, "mine", "a/B", "lab/tiny", "lab/tiny@2:gguf-f16"):
        refuse_name(ARTIFACT, name)
    for name in ("lab/other", "lab/tiny@1", "lab/tiny:gguf-q4"):
        with pytest.raises(InvalidInput):
            refuse_name(ARTIFACT, name)
    with pytest.raises(InvalidInput):
        refuse_name(msgspec.structs.replace(ARTIFACT, active=False), "lab/tiny")


def test_an_unknown_option_matters_only_where_it_was_asked_for() -> None:
    bare = msgspec.structs.replace(build(), options=Options(names=frozenset({"-m"})))
    asked = LoadSettings(seed=1)
    for origin in ("default", "model"):
        refuse_unknown(bare, asked, {"seed": EffectiveSetting(value=1, origin=origin)})
    refuse_unknown(build(), asked, {"seed": EffectiveSetting(value=1, origin="load")})
    with pytest.raises(InvalidInput) as refused:
        refuse_unknown(bare, asked, {"seed": EffectiveSetting(value=1, origin="load")})
    assert refused.value.errors[0].pointer == "/settings/seed"


def planned_for(
    asked: LoadSettings, facts: ModelFacts = FACTS, *, threads: int = 1, ttl_s: int = 1
) -> Planned:
    defaults = default_settings(ctx=default_ctx(facts.architecture), threads=threads, ttl_s=ttl_s)
    return plan(ARTIFACT, facts, asked, Below(layers=(("default", defaults),)))


def test_a_plan_is_the_asked_settings_over_the_defaults() -> None:
    planned = planned_for(LoadSettings(batch=64), threads=3, ttl_s=60)
    assert (planned.settings.batch, planned.settings.threads, planned.settings.ttl_s) == (64, 3, 60)
    assert planned.ctx == 4096
    assert planned_for(LoadSettings(ctx=0)).ctx == 4096
    nothing = msgspec.structs.replace(FACTS, architecture=Architecture())
    assert planned_for(LoadSettings(ctx=0), nothing).ctx == 0


def test_weights_in_mapped_pages_are_known_as_such() -> None:
    def mapped(asked: LoadSettings, *devices: Gpu) -> int:
        planned = planned_for(asked)
        return launch(planned, build(devices=devices), Path("/m"), None, FACTS, force=False).mapped_bytes

    assert mapped(LoadSettings()) == 800
    assert mapped(LoadSettings(mmap=False)) == 0
    assert mapped(LoadSettings(), Gpu(id="g", name="g", total_bytes=1, free_bytes=1)) == 0


@pytest.mark.parametrize(
    ("family", "attention", "embeds"),
    [("llama", "full", False), ("nomic-bert", None, True), (None, "encoder", True)],
)
def test_an_encoder_is_started_for_embeddings(
    family: str | None, attention: str | None, embeds: bool
) -> None:
    facts = msgspec.structs.replace(FACTS, architecture=Architecture(family=family, attention=attention))
    planned = planned_for(LoadSettings(), facts)
    assert launch(planned, build(), Path("/m"), None, facts, force=False).embeddings is embeds


def test_a_need_adds_up_and_grows_with_the_context() -> None:
    small, large = (need(ARTIFACT, FACTS, LoadSettings(ctx=ctx)) for ctx in (512, 1024))
    assert small.exact
    assert large.kv_bytes == 2 * small.kv_bytes
    assert small.weights_bytes == 800
    assert small.total_bytes == 800 + small.kv_bytes + small.compute_bytes + small.overhead_bytes


def test_shards_and_projectors_count_with_their_sizes() -> None:
    files = tuple(
        ArtifactFile(name=f"{role}-{n}", role=role, size_bytes=1000, sha256=None)
        for n, role in enumerate(("model", "shard", "shard", "projector"))
    )
    split = msgspec.structs.replace(ARTIFACT, files=files)
    found, one = need(split, FACTS, SETTINGS), need(ARTIFACT, FACTS, SETTINGS)
    assert found.weights_bytes == 3000
    assert found.overhead_bytes == one.overhead_bytes + 1000


def test_a_model_of_unknown_shape_is_taken_for_a_fifth_more_than_its_weights() -> None:
    facts = msgspec.structs.replace(FACTS, architecture=Architecture())
    found = need(ARTIFACT, facts, SETTINGS)
    assert not found.exact
    assert found.total_bytes == 960
