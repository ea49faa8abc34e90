"""What the commands for load settings ask of the daemon and what they say."""

import json
from typing import Any

import pytest

from modelhubd.wire.servers import (
    EffectiveSetting,
    Estimate,
    LoadPlan,
    LoadSettings,
    SettingsAnswer,
    SettingValue,
)
from tests.fakes import samples
from tests.fakes.hub import Asked, Hub, json_answer, problem_answer
from tests.unit.cli.conftest import Modelhub

PATH = "/api/v1/library/bbbb000011112222/settings"


def answer(revision: str = "aa11", notes: tuple[str, ...] = (), **saved: SettingValue) -> SettingsAnswer:
    defaults = {
        name: EffectiveSetting(value=None, origin="default") for name in LoadSettings.__struct_fields__
    }
    own = {name: EffectiveSetting(value=value, origin="saved") for name, value in saved.items()}
    return SettingsAnswer(
        saved=saved,
        effective=defaults | own,
        defaults=defaults,
        revision=revision,
        notes=notes,
        locked=("seed",),
    )


def estimate(**rest: Any) -> Estimate:
    values: dict[str, Any] = {
        "weights_bytes": 100, "kv_bytes": 20, "compute_bytes": 3, "overhead_bytes": 4, "total_bytes": 127,
        "available_bytes": 1000, "fits": True, "reason": "fits", "ctx": 512,
    }  # fmt: skip
    return Estimate(**(values | rest))


def last(hub: Hub, method: str) -> Asked:
    return [asked for asked in hub.asked if asked.method == method][-1]


def test_settings_are_shown_with_where_they_come_from(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(f"GET {PATH}", json_answer(answer(ctx=1024, mmap=False, notes=("It is much.",))))
    shown = modelhub("settings", "show", "acme/tiny")
    assert shown.code == 0
    rows = {row[0]: row[1:] for row in shown.rows}
    assert rows["ctx"] == ["1024", "saved"]
    assert rows["mmap"] == ["false", "saved"]
    assert rows["batch"] == ["", "default"]
    assert rows.keys() == set(LoadSettings.__struct_fields__)
    assert "It is much." in shown.err and "locked seed" in shown.err
    assert json.loads(modelhub("settings", "show", "acme/tiny", "--json").out)["saved"]["ctx"] == 1024
    assert modelhub("settings", "show", "acme/other").code == 3


def test_what_is_set_is_added_to_what_is_saved(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(f"GET {PATH}", json_answer(answer(ctx=1024, batch=64)))
    hub.on(f"PUT {PATH}", json_answer(answer(ctx=512, batch=64, mlock=False, kv_type_k="q8_0")))
    shown = modelhub(
        "settings",
        "set",
        "acme/tiny",
        "--ctx",
        "512",
        "--no-mlock",
        "--kv-type",
        "q8_0",
        "--kv-type-v",
        "f16",
    )
    assert shown.code == 0
    asked = last(hub, "PUT")
    assert asked.body == {"ctx": 512, "batch": 64, "mlock": False, "kv_type_k": "q8_0", "kv_type_v": "f16"}
    assert asked.headers["If-Match"] == '"aa11"'
    assert ["ctx", "512", "saved"] in shown.rows


def test_a_change_meanwhile_is_told_and_overwrites_nothing(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(f"GET {PATH}", json_answer(answer()))
    hub.on(f"PUT {PATH}", problem_answer(412, "precondition_failed", "Changed meanwhile."))
    shown = modelhub("settings", "set", "acme/tiny", "--ctx", "512")
    assert shown.code == 5
    assert "Changed meanwhile." in shown.err


def test_a_reset_forgets_all_or_what_is_named(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(f"GET {PATH}", json_answer(answer(ctx=1024, kv_type_v="q8_0")))
    hub.on(f"PUT {PATH}", json_answer(answer(ctx=1024)))
    hub.on(f"DELETE {PATH}", json_answer(answer()))
    assert modelhub("settings", "reset", "acme/tiny", "kv-type-v", "seed").code == 0
    assert last(hub, "PUT").body == {"ctx": 1024}
    assert modelhub("settings", "reset", "acme/tiny").code == 0
    assert last(hub, "DELETE").path == PATH


@pytest.mark.parametrize(
    "typed",
    [
        ("set", "acme/tiny"), ("set", "acme/tiny", "--ctx", "-1"), ("set", "acme/tiny", "--gpu-layers", "x"),
        ("reset", "acme/tiny", "context"), ("set", "acme/tiny", "--kv-type", "q2"), ("show",),
    ],
)  # fmt: skip
def test_a_wrong_command_changes_nothing(hub: Hub, modelhub: Modelhub, typed: tuple[str, ...]) -> None:
    assert modelhub("settings", *typed).code == 2
    assert not [asked for asked in hub.asked if asked.method != "GET"]


def test_a_setting_of_a_newer_daemon_is_not_lost(hub: Hub, modelhub: Modelhub) -> None:
    hub.on(f"GET {PATH}", json_answer(answer(ctx=1024, shiny=True)))
    shown = modelhub("settings", "set", "acme/tiny", "--ctx", "512")
    assert shown.code == 1
    assert "shiny" in shown.err
    assert not [asked for asked in hub.asked if asked.method == "PUT"]


def test_an_estimate_says_what_it_takes_and_whether_it_is_there(hub: Hub, modelhub: Modelhub) -> None:
    path = "POST /api/v1/library/bbbb000011112222/estimate"
    hub.on(path, json_answer(estimate(notes=("Beyond the model's own.",))))
    shown = modelhub("estimate", "acme/tiny", "--ctx", "512", "--ttl", "-1")
    assert shown.code == 0
    assert ["total", "127"] in shown.rows
    assert "Beyond" in shown.err
    assert last(hub, "POST").body == {"settings": {"ctx": 512, "ttl_s": -1}}
    hub.on(path, json_answer(estimate(fits=False)))
    assert modelhub("estimate", "acme/tiny").code == 7
    assert modelhub("load", "acme/tiny", "--estimate-only").code == 7


def test_a_dry_run_says_what_would_be_done(hub: Hub, modelhub: Modelhub) -> None:
    plan = LoadPlan(
        library_id="bbbb000011112222", model="acme/tiny", version=1, option="gguf-f16", name="acme/tiny",
        settings={
            "ctx": EffectiveSetting(value=512, origin="load"),
            "seed": EffectiveSetting(value=None, origin="default"),
        },
        estimate=estimate(fits=False), options=("-c", "512"),
    )  # fmt: skip
    hub.on("POST /api/v1/servers", json_answer(plan))
    shown = modelhub("load", "acme/tiny", "--ctx", "512", "--name", "x", "--dry-run")
    assert shown.code == 7
    assert ["ctx", "512"] in shown.rows and ["options", "-c 512"] in shown.rows
    assert "seed" not in shown.out
    asked = last(hub, "POST")
    assert asked.query == (("dry_run", "true"),)
    assert asked.body["settings"] == {"ctx": 512}
    assert asked.body["name"] == "x"
    assert modelhub("load", "acme/tiny", "--dry-run", "--force").code == 0
    assert json.loads(modelhub("load", "acme/tiny", "--dry-run", "--json").out)["options"] == ["-c", "512"]


def test_what_a_load_saves_is_what_was_given_beside_what_was_saved(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/servers", json_answer(samples.server(), 202))
    hub.on(f"GET {PATH}", json_answer(answer(batch=64)))
    hub.on(f"PUT {PATH}", json_answer(answer(batch=64, ctx=512)))
    shown = modelhub("load", "acme/tiny", "--ctx", "512", "--save")
    assert shown.code == 0
    assert last(hub, "PUT").body == {"batch": 64, "ctx": 512}
    assert "modelhub settings show acme/tiny" in shown.err


def test_a_refused_load_saves_nothing(hub: Hub, modelhub: Modelhub) -> None:
    hub.on("POST /api/v1/servers", problem_answer(409, "not_enough_memory", "It is too large."))
    assert modelhub("load", "acme/tiny", "--ctx", "512", "--save").code == 7
    assert not [asked for asked in hub.asked if asked.path == PATH]
    assert modelhub("load", "acme/tiny", "--save", "--dry-run").code == 2
