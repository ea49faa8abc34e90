"""api.md and llama.md on load settings: saved, laid in layers, refused with a pointer; and dry runs."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import API, World, a_world, checked, entry, local_file, option, problem, until
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import Shape, write_chat
from tests.raw import Answer, over_socket

NAMES = {
    "ctx", "gpu_layers", "threads", "flash_attention", "kv_type_k", "kv_type_v", "reasoning",
    "reasoning_budget", "parallel", "batch", "mmap", "mlock", "seed", "ttl_s",
}  # fmt: skip
CHAT, ODD, ADVISED, LOCKED = "tests/chat", "tests/odd", "tests/advised", "tests/locked"


@pytest.fixture(scope="module")
def folder(model_files: Path) -> Path:
    write_chat(model_files / "odd.gguf", shape=Shape(n_embd=64, n_head=4, n_head_kv=2))
    write_chat(model_files / "thinking.gguf", thinking=True)
    return model_files


@pytest.fixture(scope="module")
def installed(world: World, origin: Origin, folder: Path) -> dict[str, Any]:
    """Library ids by model: a chat model, one with odd heads, and one whose entry recommends settings."""
    chat, odd = (local_file(folder / f"{name}.gguf", origin) for name in ("thinking", "odd"))
    world.list_locally(
        entry(CHAT, chat),
        entry(ODD, odd),
        entry(ADVISED, chat, settings={"ctx": 2048, "reasoning": "off", "threads": 64}),
    )
    for model in (CHAT, ODD, ADVISED):
        world.download(model, until="completed")
    return {item["model"]: item["id"] for item in world.walk("/library", 50)}


@pytest.fixture(autouse=True)
def nothing_is_saved_or_loaded(world: World, installed: dict[str, Any]) -> Iterator[None]:
    yield
    for server in world.walk("/servers", 200):
        world.ask("DELETE", f"/servers/{server['id']}")
    for library_id in installed.values():
        world.ask("DELETE", f"/library/{library_id}/settings")


@pytest.fixture
def settings(installed: dict[str, Any]) -> str:
    return f"/library/{installed[CHAT]}/settings"


def put(world: World, path: str, body: Any, *headers: tuple[str, str]) -> Answer:
    return world.ask("PUT", path, body, *headers)


def saved(world: World, path: str, **body: Any) -> Any:
    return checked(put(world, path, body), 200)


def tag(answer: Answer) -> tuple[str, str]:
    return ("If-Match", answer.headers["etag"])


def test_at_first_nothing_is_saved_and_every_setting_has_a_value_and_an_origin(
    world: World, settings: str
) -> None:
    found = world.get(settings)
    assert found["saved"] == {}
    assert found["effective"].keys() == found["defaults"].keys() == NAMES
    assert found["effective"] == found["defaults"]
    assert {setting["origin"] for setting in found["effective"].values()} == {"default"}
    assert found["effective"]["ctx"]["value"] == 4096
    assert found["effective"]["seed"]["value"] is None
    assert (found["locked"], found["notes"]) == ([], [])


def test_what_is_saved_stands_over_the_defaults_until_it_is_forgotten(world: World, settings: str) -> None:
    before = world.ask("GET", settings)
    after = saved(world, settings, ctx=1024, mmap=False, seed=0)
    assert after["saved"] == {"ctx": 1024, "mmap": False, "seed": 0}
    assert after["effective"]["ctx"] == {"value": 1024, "origin": "saved"}
    assert after["effective"]["mmap"] == {"value": False, "origin": "saved"}
    assert after["effective"]["seed"] == {"value": 0, "origin": "saved"}
    assert after["effective"]["batch"] == after["defaults"]["batch"]
    assert after["defaults"] == before.json["defaults"]
    assert world.get(settings) == after
    forgotten = world.ask("DELETE", settings)
    assert checked(forgotten, 200) == before.json
    assert forgotten.headers["etag"] == before.headers["etag"]


def test_a_put_replaces_and_what_is_left_out_is_saved_no_more(world: World, settings: str) -> None:
    saved(world, settings, ctx=1024, batch=64)
    assert saved(world, settings, batch=128, ctx=None)["saved"] == {"batch": 128}
    assert saved(world, settings)["saved"] == {}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"ctx": -1}, "/ctx"),
        ({"ctx": 1}, "/ctx"),
        ({"ctx": "big"}, "/ctx"),
        ({"ctx": 1.5}, "/ctx"),
        ({"ctx": True}, "/ctx"),
        ({"gpu_layers": "some"}, "/gpu_layers"),
        ({"gpu_layers": 1000}, "/gpu_layers"),
        ({"threads": 0}, "/threads"),
        ({"flash_attention": True}, "/flash_attention"),
        ({"kv_type_k": "q2_k"}, "/kv_type_k"),
        ({"kv_type_v": "q8_0", "flash_attention": "off"}, "/kv_type_v"),
        ({"reasoning": "maybe"}, "/reasoning"),
        ({"reasoning_budget": -2}, "/reasoning_budget"),
        ({"parallel": 257}, "/parallel"),
        ({"batch": 1}, "/batch"),
        ({"parallel": 64, "batch": 32}, "/batch"),
        ({"mmap": "yes"}, "/mmap"),
        ({"seed": -1}, "/seed"),
        ({"ttl_s": -2}, "/ttl_s"),
        ({"arguments": ["--api-key-file", "/etc/passwd"]}, "/arguments"),
        ({"settings": {"ctx": 512}}, "/settings"),
    ],
)
def test_what_cannot_be_is_refused_alike_wherever_it_is_sent(
    world: World, installed: dict[str, Any], settings: str, body: dict[str, Any], pointer: str
) -> None:
    library_id = installed[CHAT]
    refusals = {
        "": world.refused("PUT", settings, 422, body),
        "/settings": world.refused("POST", f"/library/{library_id}/estimate", 422, {"settings": body}),
    }
    wanted = {"library_id": library_id, "settings": body}
    loads = [world.refused("POST", path, 422, wanted) for path in ("/servers", "/servers?dry_run=true")]
    for at, refused in [*refusals.items(), *(("/settings", load) for load in loads)]:
        assert [error["pointer"] for error in refused["errors"]] == [at + pointer]
        assert refused["detail"]
    assert world.get(settings)["saved"] == {}
    assert world.get("/servers")["total"] == 0


def test_what_the_model_itself_rules_out_is_refused_before_anything_starts(
    world: World, installed: dict[str, Any]
) -> None:
    path = f"/library/{installed[ODD]}/settings"
    refused = world.refused("PUT", path, 422, {"kv_type_k": "q8_0"})
    assert refused["errors"][0]["pointer"] == "/kv_type_k"
    assert "16" in refused["detail"]
    assert saved(world, path, kv_type_k="q8_0", flash_attention="off")["notes"] == []


def test_a_change_of_what_somebody_else_has_changed_is_412(world: World, settings: str) -> None:
    seen = world.ask("GET", settings)
    mine = put(world, settings, {"ctx": 1024}, tag(seen))
    checked(mine, 200)
    assert mine.headers["etag"] not in ("", seen.headers["etag"])
    assert mine.headers["etag"] == f'"{mine.json["revision"]}"'
    for late in (
        put(world, settings, {"ctx": 2048}, tag(seen)),
        world.ask("DELETE", settings, None, tag(seen)),
    ):
        assert problem(late, 412)["code"] == "precondition_failed"
    assert world.get(settings)["saved"] == {"ctx": 1024}
    checked(put(world, settings, {"ctx": 512}, ("If-Match", f'"other", {mine.headers["etag"]}')), 200)
    checked(put(world, settings, {"ctx": 256}, ("If-Match", "*")), 200)
    checked(put(world, settings, {"ctx": 128}), 200)
    problem(
        put(world, settings, {"ctx": 64}, ("If-Match", f"W/{world.ask('GET', settings).headers['etag']}")),
        412,
    )
    checked(world.ask("DELETE", settings, None, tag(world.ask("GET", settings))), 200)


def test_of_several_who_change_what_they_have_seen_one_wins(world: World, settings: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    seen = tag(world.ask("GET", settings))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: put(world, settings, {"ctx": 512 + n}, seen).status, range(8)))
    assert sorted(answers) == [200, *[412] * 7]


def test_settings_of_what_is_not_installed_are_404(world: World) -> None:
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        assert world.refused(method, "/library/0123456789abcdef/settings", 404, body)["code"]


def test_a_saved_setting_takes_part_in_estimate_load_and_load_on_demand(
    world: World, installed: dict[str, Any], settings: str
) -> None:
    plain = world.post(f"/library/{installed[CHAT]}/estimate", {})
    saved(world, settings, ctx=1024, threads=1)
    estimate = world.post(f"/library/{installed[CHAT]}/estimate", {})
    assert (estimate["ctx"], estimate["settings"]["ctx"]["origin"]) == (1024, "saved")
    assert estimate["kv_bytes"] * 4 == plain["kv_bytes"]
    over = world.post(f"/library/{installed[CHAT]}/estimate", {"settings": {"ctx": 512}})
    assert (over["ctx"], over["settings"]["ctx"]["origin"]) == (512, "load")
    assert over["settings"]["threads"] == {"value": 1, "origin": "saved"}
    answer = asked(world, CHAT)
    assert answer["choices"][0]["message"]["content"]
    [server] = world.get("/servers")["items"]
    assert server["settings"]["ctx"] == {"value": 1024, "origin": "saved"}
    assert server["settings"]["batch"]["origin"] == "default"


def asked(world: World, model: str, **more: Any) -> Any:
    """The answer of the gateway."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0,
        "max_tokens": 40,
    }
    content = json.dumps(body | more).encode()
    return checked(over_socket(world.daemon.socket, "POST", "/v1/chat/completions", content), 200)


def test_reasoning_is_switched_by_load_and_by_request(world: World, settings: str) -> None:
    def thoughts(**more: Any) -> str:
        return str(asked(world, CHAT, **more)["choices"][0]["message"].get("reasoning_content", ""))

    def kwargs(value: bool) -> dict[str, Any]:
        return {"chat_template_kwargs": {"enable_thinking": value}}

    saved(world, settings, ctx=512, threads=1)
    assert "think" in thoughts()
    assert thoughts(**kwargs(False)) == ""
    assert thoughts(reasoning_effort="none") == ""
    saved(world, settings, ctx=512, threads=1, reasoning="off")
    for server in world.walk("/servers", 200):
        checked(world.ask("DELETE", f"/servers/{server['id']}"), 200)
    assert thoughts() == ""
    assert "think" in thoughts(**kwargs(True))


def test_a_catalog_entry_recommends_settings_that_people_may_change(
    world: World, installed: dict[str, Any]
) -> None:
    path = f"/library/{installed[ADVISED]}/settings"
    assert world.get(f"/catalog/models/{ADVISED}")["settings"] == {"ctx": 2048, "reasoning": "off"}
    found = world.get(path)
    assert found["defaults"]["ctx"] == {"value": 2048, "origin": "model"}
    assert found["defaults"]["reasoning"] == {"value": "off", "origin": "model"}
    assert found["defaults"]["threads"]["origin"] == "default"
    assert saved(world, path, ctx=512)["effective"]["ctx"] == {"value": 512, "origin": "saved"}


def test_a_context_beyond_the_models_own_is_allowed_and_noted(
    world: World, installed: dict[str, Any]
) -> None:
    estimate = world.post(f"/library/{installed[CHAT]}/estimate", {"settings": {"ctx": 8192}})
    assert "4096" in estimate["notes"][0]
    assert world.post(f"/library/{installed[CHAT]}/estimate", {"settings": {"ctx": 4096}})["notes"] == []


def test_a_dry_run_says_what_would_be_done_and_starts_nothing(
    world: World, installed: dict[str, Any]
) -> None:
    body = {
        "library_id": CHAT,
        "settings": {"ctx": 8192, "threads": 1, "seed": 7, "mmap": False},
        "ttl_s": 60,
    }
    found = world.post("/servers", body, dry_run="true")
    assert found["library_id"] == installed[CHAT]
    assert (found["model"], found["name"], found["running"]) == (CHAT, CHAT, None)
    assert found["build"]
    assert found["settings"]["seed"] == {"value": 7, "origin": "load"}
    assert found["settings"]["ttl_s"] == {"value": 60, "origin": "load"}
    assert found["settings"].keys() == NAMES
    assert found["estimate"]["fits"] is True
    assert found["estimate"]["total_bytes"] > found["estimate"]["weights_bytes"]
    assert found["estimate"]["notes"]
    options = found["options"]
    assert options[options.index("-c") + 1] == "8192"
    assert options[options.index("--seed") + 1] == "7"
    assert options[options.index("--alias") + 1] == CHAT
    assert not {"-m", "--host", "--port"} & set(options)
    assert not [text for text in options if text.startswith("/")]
    assert str(world.daemon.home) not in str(found)
    assert world.get("/servers")["total"] == 0


def test_a_dry_run_of_what_does_not_fit_answers_the_figures(world: World, installed: dict[str, Any]) -> None:
    found = world.post("/servers", {"library_id": CHAT, "settings": {"ctx": 16_777_216}}, dry_run="true")
    assert found["estimate"]["fits"] is False
    assert found["estimate"]["reason"]


def test_a_dry_run_of_what_runs_already_names_its_server(world: World, installed: dict[str, Any]) -> None:
    body = {"library_id": CHAT, "settings": {"ctx": 512, "threads": 1}}
    server = world.post("/servers", body, wait="ready")
    found = world.post("/servers", body, dry_run="true")
    assert (found["running"], found["name"]) == (server["id"], server["name"])
    other = {"library_id": CHAT, "settings": {"ctx": 256, "threads": 1}}
    assert world.refused("POST", "/servers?dry_run=true", 409, other)["code"] == "already_loaded"
    named = world.post("/servers", other | {"name": "second"}, dry_run="true")
    assert (named["running"], named["name"]) == (None, "second")


def test_a_download_after_a_removal_has_the_saved_settings_again(
    world: World, origin: Origin, folder: Path, installed: dict[str, Any]
) -> None:
    file = local_file(folder / "chat.gguf", origin)
    two = [option("gguf-a", file), option("gguf-b", file)]
    world.list_locally({"id": "tests/again", "version": 1, "options": two}, file="again")
    first = world.download("tests/again", option="gguf-a", until="completed")
    assert first["state"] == "completed"
    library_id = only(world, "tests/again")
    saved(world, f"/library/{library_id}/settings", ctx=1024)
    checked(world.ask("DELETE", f"/library/{library_id}"), 200)
    world.refused("GET", f"/library/{library_id}/settings", 404)
    world.download("tests/again", option="gguf-a", until="completed")
    assert world.get(f"/library/{only(world, 'tests/again')}/settings")["saved"] == {"ctx": 1024}
    world.download("tests/again", option="gguf-b", until="completed")
    ids = {
        item["option"]: item["id"] for item in world.walk("/library", 50) if item["model"] == "tests/again"
    }
    assert world.get(f"/library/{ids['gguf-b']}/settings")["saved"] == {}
    world.list_locally(
        {"id": "tests/again", "version": 2, "options": two, "settings": {"ctx": 256}}, file="again"
    )
    world.download("tests/again", version=2, option="gguf-a", until="completed")
    newer = {
        item["version"]: item["id"]
        for item in world.walk("/library", 50)
        if (item["model"], item["option"]) == ("tests/again", "gguf-a")
    }
    assert world.get(f"/library/{newer[2]}/settings")["saved"] == {"ctx": 1024}
    assert world.get(f"/library/{newer[2]}/settings")["defaults"]["ctx"] == {"value": 256, "origin": "model"}
    assert world.get(f"/library/{newer[1]}/settings")["defaults"]["ctx"]["origin"] == "default"
    for one in (*newer.values(), ids["gguf-b"]):
        checked(world.ask("DELETE", f"/library/{one}"), 200)
    world.list_locally(file="again")


def only(world: World, model: str) -> str:
    [found] = [item["id"] for item in world.walk("/library", 50) if item["model"] == model]
    return str(found)


def test_the_reference_names_if_match_and_both_answers_of_a_load(world: World) -> None:
    document = world.get("/openapi.json")["paths"]
    put_it = document[f"{API}/library/{{id}}/settings"]["put"]
    assert "If-Match" in {parameter["name"] for parameter in put_it["parameters"]}
    assert "LoadPlan" in json.dumps(document[f"{API}/servers"]["post"]["responses"]["200"])


def test_settings_survive_a_restart_and_the_configuration_stands_below_them(
    tmp_path: Path, origin: Origin, folder: Path
) -> None:
    home = tmp_path / "home"
    with a_world(home, origin) as world:
        world.list_locally(entry(CHAT, local_file(folder / "thinking.gguf", origin)))
        world.download(CHAT, until="completed")
        path = f"/library/{only(world, CHAT)}/settings"
        saved(world, path, ctx=1024)
    with sqlite3.connect(home / "state/modelhub.db") as database:
        database.execute(
            """UPDATE load_settings SET settings = '{"ctx":1024,"batch":1,"gone":1,"seed":-5}'"""
        )
    (home / "config/config.toml").write_text("[load]\nctx = 256\nthreads = 1\n")
    environ = {"MODELHUB_LOAD_PARALLEL": "2", "MODELHUB_LLAMA_DEFAULT_TTL_S": "30"}
    with a_world(home, origin, **environ) as world:
        found = world.get(path)
        assert found["saved"] == {"ctx": 1024, "batch": 1}
        assert found["effective"]["ctx"] == {"value": 1024, "origin": "saved"}
        assert found["defaults"]["ctx"] == {"value": 256, "origin": "file"}
        assert found["defaults"]["threads"] == {"value": 1, "origin": "file"}
        assert found["defaults"]["parallel"] == {"value": 2, "origin": "environment"}
        assert found["defaults"]["ttl_s"] == {"value": 30, "origin": "environment"}
        assert found["notes"][0].startswith("A load is refused")
        refused = world.refused("POST", "/servers", 422, {"library_id": CHAT})
        assert refused["errors"][0]["pointer"] == "/settings/batch"
        assert "saved for this model" in refused["detail"]
        assert world.get("/config")["values"]["load.ctx"]["value"] == 256
        assert world.get("/config")["values"]["load.seed"]["value"] is None
        until(lambda: world.ask("DELETE", path).status, lambda status: status == 200)
        assert world.get(path)["saved"] == {}
