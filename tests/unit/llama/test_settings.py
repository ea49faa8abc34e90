"""Load settings are laid in layers and checked before anything starts."""

from itertools import product

import msgspec
import pytest

from modelhubd.errors import Conflict, InvalidInput
from modelhubd.llama.settings import (
    NAMES,
    ORIGINS,
    Below,
    check,
    default_settings,
    lay,
    made,
    notes,
    refuse_locked,
)
from modelhubd.wire.architecture import Architecture, ModelFacts
from modelhubd.wire.servers import KvType, LoadSettings, ModelSettings

DEFAULTS = default_settings(ctx=4096, threads=4, ttl_s=900)
ROUND = Architecture(head_dim_k=64, head_dim_v=64, context_length=4096)
ODD = Architecture(head_dim_k=80, head_dim_v=64)


def refused(asked: LoadSettings, architecture: Architecture = ROUND, *below: LoadSettings) -> list[str]:
    """Pointers of the refusal; `below` are saved settings."""
    _, effective = lay([("default", DEFAULTS), *(("saved", one) for one in below), ("load", asked)])
    try:
        check(effective, architecture)
    except InvalidInput as error:
        return [one.pointer for one in error.errors]
    return []


def test_a_load_wins_over_the_defaults_and_each_value_names_its_layer() -> None:
    settings, effective = lay([("default", DEFAULTS), ("load", LoadSettings(ctx=512, mmap=False))])
    assert settings.ctx == 512
    assert settings.mmap is False
    assert settings.threads == 4
    assert (effective["ctx"].value, effective["ctx"].origin) == (512, "load")
    assert (effective["mmap"].value, effective["mmap"].origin) == (False, "load")
    assert (effective["threads"].value, effective["threads"].origin) == (4, "default")


def test_every_setting_is_shown_even_where_nobody_sets_it() -> None:
    _, effective = lay([("default", DEFAULTS)])
    assert tuple(effective) == NAMES
    assert (effective["seed"].value, effective["seed"].origin) == (None, "default")


def test_laying_one_layer_changes_nothing() -> None:
    assert lay([("default", DEFAULTS)])[0] == DEFAULTS


@pytest.mark.parametrize(("low", "high"), [(a, b) for a, b in product(ORIGINS, ORIGINS) if a != b])
def test_the_later_layer_wins_and_what_it_leaves_open_shows_through(low: str, high: str) -> None:
    settings, effective = lay(
        [(low, LoadSettings(ctx=1000, reasoning="on")), (high, ModelSettings(reasoning="off"))]
    )
    assert (settings.ctx, settings.reasoning) == (1000, "off")
    assert (effective["ctx"].origin, effective["reasoning"].origin) == (low, high)


@pytest.mark.parametrize(("name", "value"), [("ctx", 0), ("mmap", False), ("ttl_s", -1)])
def test_a_value_that_looks_like_nothing_is_a_value(name: str, value: int | bool) -> None:
    over = msgspec.structs.replace(LoadSettings(), **{name: value})
    _, effective = lay([("default", DEFAULTS), ("load", over)])
    assert (effective[name].value, effective[name].origin) == (value, "load")
    assert made(over) == {name: value}


@pytest.mark.parametrize("above", ["model", "saved", "load"])
def test_a_locked_setting_is_as_the_configuration_has_it(above: str) -> None:
    layers = [
        ("default", DEFAULTS),
        ("administrator", LoadSettings(ctx=2048)),
        (above, LoadSettings(ctx=512, batch=64)),
    ]
    settings, effective = lay(layers, frozenset({"ctx"}))
    assert (settings.ctx, effective["ctx"].origin) == (2048, "administrator")
    assert (settings.batch, effective["batch"].origin) == (64, above)


def test_asking_for_another_value_than_the_locked_one_is_refused_by_name() -> None:
    below = Below(
        layers=(("default", DEFAULTS), ("administrator", LoadSettings(ctx=2048, seed=1))),
        locked=frozenset({"ctx", "seed"}),
    )
    refuse_locked(LoadSettings(ctx=2048, batch=64), below)
    with pytest.raises(Conflict) as found:
        refuse_locked(LoadSettings(ctx=512, seed=2, batch=64), below)
    assert found.value.code == "decided_elsewhere"
    assert [error.pointer for error in found.value.errors] == ["/settings/ctx", "/settings/seed"]
    assert "2048" in found.value.detail


@pytest.mark.parametrize("kv_type", ["q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"])
def test_a_quantised_v_cache_without_flash_attention_is_refused(kv_type: KvType) -> None:
    assert refused(LoadSettings(flash_attention="off", kv_type_v=kv_type)) == ["/settings/kv_type_v"]


def test_the_pointer_is_that_of_the_field_that_was_sent() -> None:
    assert refused(LoadSettings(flash_attention="off"), ROUND, LoadSettings(kv_type_v="q8_0")) == [
        "/settings/flash_attention"
    ]
    assert refused(LoadSettings(kv_type_v="q8_0"), ROUND, LoadSettings(flash_attention="off")) == [
        "/settings/kv_type_v"
    ]
    assert refused(LoadSettings(parallel=64), ROUND, LoadSettings(batch=16)) == ["/settings/parallel"]


def test_the_refusal_tells_where_the_other_half_comes_from() -> None:
    saved, asked = LoadSettings(kv_type_v="q8_0"), LoadSettings(flash_attention="off")
    _, effective = lay([("default", DEFAULTS), ("saved", saved), ("load", asked)])
    with pytest.raises(InvalidInput, match=r"\(kv_type_v is q8_0, saved for this model\.\)"):
        check(effective, ROUND)
    with pytest.raises(InvalidInput) as found:
        check(effective, ROUND, own="saved", at="")
    assert found.value.errors[0].pointer == "/flash_attention"
    assert "saved for this model" not in found.value.detail


def test_several_faults_are_told_together() -> None:
    asked = LoadSettings(ctx=1, batch=1, flash_attention="off", kv_type_v="q4_0")
    assert refused(asked) == ["/settings/kv_type_v", "/settings/ctx", "/settings/batch"]


@pytest.mark.parametrize(
    ("asked", "architecture", "name"),
    [
        (LoadSettings(kv_type_k="q8_0"), ODD, "kv_type_k"),
        (LoadSettings(kv_type_v="q8_0"), Architecture(head_dim_v=80), "kv_type_v"),
        (LoadSettings(kv_type_k="q4_0"), Architecture(head_dim_k=64, head_dim_k_sliding=72), "kv_type_k"),
    ],
)
def test_a_quantised_type_that_does_not_divide_the_heads_is_refused(
    asked: LoadSettings, architecture: Architecture, name: str
) -> None:
    assert refused(asked, architecture) == [f"/settings/{name}"]


@pytest.mark.parametrize(
    ("asked", "architecture"),
    [
        (LoadSettings(flash_attention="off", kv_type_v="bf16"), ROUND),
        (LoadSettings(flash_attention="off", kv_type_k="q8_0"), ROUND),
        (LoadSettings(flash_attention="off", kv_type_k="q8_0"), ODD),
        (LoadSettings(flash_attention="on", kv_type_v="q4_0"), ROUND),
        (LoadSettings(kv_type_v="q4_0"), ODD),
        (LoadSettings(kv_type_k="q4_0"), Architecture()),
        (LoadSettings(kv_type_k="q4_0"), Architecture(head_dim_k=80, attention="mla")),
        (LoadSettings(ctx=0), ROUND),
        (LoadSettings(ctx=2, batch=2), ROUND),
        (LoadSettings(batch=8, parallel=8), ROUND),
        (LoadSettings(ctx=16_777_216), ROUND),
        (LoadSettings(reasoning="off", reasoning_budget=100), ROUND),
    ],
)
def test_other_combinations_may_be_tried(asked: LoadSettings, architecture: Architecture) -> None:
    assert refused(asked, architecture) == []


def _notes(asked: LoadSettings, **facts: object) -> tuple[str, ...]:
    about = ModelFacts(format="gguf", architecture=ROUND, weights_bytes=1, n_tensors=1)
    _, effective = lay([("default", DEFAULTS), ("load", asked)])
    return notes(effective, msgspec.structs.replace(about, **facts))


def test_a_context_beyond_what_the_model_knows_is_allowed_and_noted() -> None:
    assert _notes(LoadSettings(ctx=4096)) == ()
    assert _notes(LoadSettings(ctx=0)) == ()
    [told] = _notes(LoadSettings(ctx=8192))
    assert "4096" in told and "8192" in told
    assert _notes(LoadSettings(ctx=8192, parallel=2)) == ()
    assert _notes(LoadSettings(ctx=8192), architecture=Architecture()) == ()


def test_reasoning_that_a_template_does_not_know_is_noted() -> None:
    assert len(_notes(LoadSettings(reasoning="on"))) == 1
    assert _notes(LoadSettings(reasoning="on"), thinks=True) == ()
    assert _notes(LoadSettings(reasoning="off")) == ()
