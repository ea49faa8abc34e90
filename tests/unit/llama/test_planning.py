"""What a load would be, and how it is shown when it is not done."""

import msgspec
import pytest

from modelhubd.errors import Conflict, InvalidInput
from modelhubd.llama.command import Options
from modelhubd.llama.discovery import Build
from modelhubd.llama.placement import Placement
from modelhubd.llama.planning import Planned, estimate_of, load_plan, plan
from modelhubd.llama.settings import Below, default_settings
from modelhubd.wire.device import LlamaBuild
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import LoadPlan, LoadSettings, ModelSettings
from tests.unit.llama.test_admission import ARTIFACT, FACTS, build

DEFAULTS = default_settings(ctx=4096, threads=4, ttl_s=900)
BELOW = Below(layers=(("default", DEFAULTS),))


def shown(planned: Planned, build: Build, artifact: Artifact = ARTIFACT) -> LoadPlan:
    placement = Placement(fits=True, available_bytes=1000, evict=("a",), reason="fits")
    return load_plan(
        artifact, planned, build, estimate_of(planned, placement), FACTS, name="lab/tiny", running=None
    )


def test_a_locked_setting_cannot_be_loaded_otherwise() -> None:
    locked = Below(
        layers=(*BELOW.layers, ("administrator", LoadSettings(ctx=512))), locked=frozenset({"ctx"})
    )
    with pytest.raises(Conflict) as refused:
        plan(ARTIFACT, FACTS, LoadSettings(ctx=1024), locked)
    assert refused.value.errors[0].pointer == "/settings/ctx"
    assert plan(ARTIFACT, FACTS, LoadSettings(), locked.with_layer("saved", LoadSettings(ctx=8))).ctx == 512


def test_settings_that_do_not_go_together_are_no_plan() -> None:
    with pytest.raises(InvalidInput):
        plan(ARTIFACT, FACTS, LoadSettings(flash_attention="off", kv_type_v="q8_0"), BELOW)


def test_the_command_line_is_shown_without_files_and_addresses() -> None:
    found = shown(plan(ARTIFACT, FACTS, LoadSettings(ctx=512, seed=7), BELOW), build())
    assert found.options[found.options.index("-c") + 1] == "512"
    assert found.options[found.options.index("--seed") + 1] == "7"
    assert not {"-m", "--mmproj", "--host", "--port", "127.0.0.1", "-"} & set(found.options)
    assert found.ignored == ()
    assert found.estimate.evicts == ("a",)
    assert found.estimate.settings == found.settings


def test_a_recommendation_that_the_build_has_no_option_for_is_named() -> None:
    advised = BELOW.with_layer("model", ModelSettings(reasoning="on"))
    old = Build(
        program=("x",),
        options=Options(names=build().options.names - {"--reasoning", "--reasoning-budget"}),
        about=LlamaBuild(id="a", origin="path", version="1"),
    )
    planned = plan(ARTIFACT, FACTS, LoadSettings(), advised)
    assert "reasoning" in shown(planned, old).ignored
    assert shown(planned, msgspec.structs.replace(old, options=build().options)).ignored == ()
