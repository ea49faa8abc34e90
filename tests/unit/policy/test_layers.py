"""Which layer decides: an administrator's lock > argv > environment > saved > file > default."""

import itertools

import msgspec
import pytest

from modelhubd.config import read_config
from modelhubd.errors import CannotStart
from modelhubd.places import find_places
from modelhubd.policy.layers import KEYS, Layers, in_force, remedy, who
from modelhubd.settings import PolicyConfig

SOURCES = ("default", "file", "administrator", "environment", "argument")


@pytest.mark.parametrize(
    ("source", "locked", "is_saved"), list(itertools.product(SOURCES, (True, False), (True, False)))
)
def test_what_is_saved_counts_over_the_file_and_below_the_environment(
    source: str, locked: bool, is_saved: bool
) -> None:
    layers = Layers(
        values=PolicyConfig(offline=True),
        origins={} if source == "default" else {"policy.offline": source},
        locked=frozenset({"policy.offline"} if locked else ()),
    )
    rules, shown = in_force(layers, {"offline": False} if is_saved else {})
    counts = is_saved and not locked and source not in ("environment", "argument")
    assert rules.offline is not counts
    assert shown.offline.source == ("saved" if counts else source)
    assert shown.offline.locked is locked
    assert who(shown, "offline") and remedy(shown, "offline")


@pytest.mark.parametrize("key", ["local_entries", "direct_urls"])
def test_ones_own_counts_without_a_registry_and_not_with_one(key: str) -> None:
    for has_registry in (True, False):
        rules, shown = in_force(Layers(has_registry=has_registry), {})
        assert getattr(rules, key) is not has_registry
        assert getattr(shown, key).source == "default"
        assert getattr(in_force(Layers(has_registry=has_registry), {key: True})[0], key) is True
        said = msgspec.convert({key: has_registry}, PolicyConfig)
        assert getattr(in_force(Layers(has_registry=has_registry, values=said), {})[0], key) is has_registry
    assert "where a registry is set" in who(in_force(Layers(has_registry=True), {})[1], key)


def test_every_policy_has_a_default_that_refuses_nothing() -> None:
    rules, shown = in_force(Layers(), {})
    assert rules.silent and not rules.offline and rules.report_installs
    assert {getattr(shown, key).source for key in KEYS} == {"default"}
    assert who(shown, "offline") == "the default"


def test_the_configuration_knows_every_policy() -> None:
    assert PolicyConfig.__struct_fields__ == KEYS


def test_a_publisher_that_cannot_be_is_refused_at_the_start() -> None:
    places = find_places({"MODELHUB_HOME": "/nowhere"})
    with pytest.raises(CannotStart, match="allowed_publishers"):
        read_config(places, {"MODELHUB_POLICY_ALLOWED_PUBLISHERS": "Qwen/x"})
    read = read_config(places, {"MODELHUB_POLICY_ALLOWED_PUBLISHERS": "qwen,google"})
    assert Layers.of(read).value("allowed_publishers") == ("qwen", "google")
    closed = read_config(places, {"MODELHUB_POLICY_LOCAL_ENTRIES": "false"})
    assert closed.settings.policy.local_entries is False
    assert Layers.of(read_config(places, {"MODELHUB_CATALOG_REGISTRY_URL": "https://r.example"})).has_registry
