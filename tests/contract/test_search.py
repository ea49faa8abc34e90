"""api.md on the catalog: search, filters, facets, sorting, weird words."""

import re
import string
from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.world import API, World, checked, entry, option
from tests.raw import over_socket

MODELS = "/catalog/models"
SUMMARY = {
    "id", "display_name", "publisher", "description", "parameters", "capabilities", "license", "tags",
    "context_length", "verified", "source", "version", "installed", "formats", "best_option", "size_bytes",
    "fit",
}  # fmt: skip
VERDICTS = {"compatible", "tight", "partial", "too_large", "unsupported", "unknown"}
FILTERS = ("format", "capability", "license", "publisher", "tag")
WEIRD = [
    '"', "'", "*", "**", "^", "(", ")", "((", "a AND", "AND", "OR", "NOT", "NEAR(a b, 2)", "name:", "name: x",
    "{name id}: x", "-x", "+", "a + b", "\\", "%", "_", "?", "[", "]", ";", "--", "/*",
    "';DROP TABLE entry;--",
    "\x00", "a\x00b", "\n", "\t", "\r\n", "\u202e", "\u200b", "\ufeff", "\U0001f999",
    "\U0001f469\u200d\U0001f4bb",
    "e\u0301", "\uffff", "qwen\x00", '"qwen', 'qwen"', "qwen*", "*qwen", "qw*en",
    "日本語", "مرحبا", " " * 500,
    "a " * 3000, "x" * 10_000, "\U0001f999" * 2_500, "(" * 5_000, '"' * 5_000,
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def local_models(world: World) -> None:
    """Three models whose ranking is plain to see, one of them for another system."""
    file = world.serve("search.gguf")
    world.list_locally(
        entry("tests/zebrafish", file, display_name="Zebrafish", tags=["striped"], capabilities=["chat"]),
        entry("tests/other", file, description="Swims beside a zebrafish.", license={"spdx": "Zed-1.0"}),
        entry("tests/apple-only", file, display_name="Zebrafish MLX")
        | {"options": [option("mlx", file | {"name": "model.safetensors"}, format="mlx")]},
    )


def ids(answer: Any) -> list[str]:
    return [item["id"] for item in answer["items"]]


def test_a_result_has_the_fields_of_the_contract(world: World) -> None:
    page = world.get(MODELS, q="zebrafish")
    assert page.keys() >= {"items", "next", "total", "facets"}
    for item in page["items"]:
        assert item.keys() >= SUMMARY
        assert item["fit"].keys() >= {"verdict", "reason", "needed_bytes", "available_bytes", "assumes"}
        assert item["fit"]["verdict"] in VERDICTS
        assert item["fit"]["reason"].strip()
        assert item["source"] == "local"


def test_a_name_outranks_a_description(world: World) -> None:
    found = ids(world.get(MODELS, q="zebrafish"))
    assert found[0] == "tests/zebrafish"
    assert found[-1] == "tests/other"
    assert set(found) == {"tests/zebrafish", "tests/other", "tests/apple-only"}
    assert ids(world.get(MODELS, q="ZEBRAF")) == found
    assert ids(world.get(MODELS, q="tests/zebrafish"))[0] == "tests/zebrafish"


def test_all_words_must_be_found(world: World) -> None:
    assert ids(world.get(MODELS, q="swims zebrafish")) == ["tests/other"]
    assert ids(world.get(MODELS, q="swims unfindable")) == []


@pytest.mark.parametrize("words", WEIRD, ids=lambda words: repr(words[:12]))
@pytest.mark.parametrize("path", [MODELS, "/library"])
def test_any_words_can_be_searched_for(world: World, path: str, words: str) -> None:
    page = world.get(path, q=words, limit=5)
    assert isinstance(page["total"], int)


@pytest.mark.parametrize("raw", ["%ff", "%ed%a0%80", "%", "%zz", "%c0%ae", "%f0%9f"])
def test_bytes_that_are_no_text_find_nothing_and_break_nothing(world: World, raw: str) -> None:
    answer = over_socket(world.daemon.socket, "GET", f"{API}{MODELS}?q={raw}&limit=1")
    assert answer.status in (200, 400)


def test_punctuation_neither_widens_nor_narrows(world: World) -> None:
    expected = set(ids(world.get(MODELS, q="zebrafish")))
    for q in ('"zebrafish"', "zebrafish)", "(zebrafish", "zebrafish*", "zebrafish \x00", "-zebrafish"):
        assert set(ids(world.get(MODELS, q=q))) == expected, q


def test_every_facet_value_counts_what_choosing_it_gives(world: World) -> None:
    facets = world.get(MODELS, limit=1)["facets"]
    assert facets.keys() >= {*FILTERS, "compatible", "verified", "installed"}
    for name, values in facets.items():
        for value in values[:4]:
            assert value["count"] > 0 or name in ("compatible", "verified", "installed")
            assert world.get(MODELS, limit=1, **{name: value["value"]})["total"] == value["count"], value


def test_facets_count_under_the_other_filters(world: World) -> None:
    page = world.get(MODELS, capability="chat", limit=1)
    for value in page["facets"]["license"][:4]:
        narrowed = world.get(MODELS, capability="chat", license=value["value"], limit=1)
        assert narrowed["total"] == value["count"]
    for value in page["facets"]["capability"][:4]:
        assert world.get(MODELS, capability=value["value"], limit=1)["total"] == value["count"]


def test_values_of_one_filter_widen_and_filters_narrow_each_other(world: World) -> None:
    local = {"tests/zebrafish", "tests/other", "tests/apple-only"}
    assert set(ids(world.get(MODELS, publisher="tests"))) == local
    assert ids(world.get(MODELS, publisher="tests", format="mlx")) == ["tests/apple-only"]
    assert set(ids(world.get(MODELS, publisher="tests", format=["mlx", "gguf"]))) == local
    assert ids(world.get(MODELS, tag="striped")) == ["tests/zebrafish"]
    assert ids(world.get(MODELS, license="Zed-1.0")) == ["tests/other"]
    assert ids(world.get(MODELS, license="Zed-1.0", tag="striped")) == []


def test_compatible_keeps_compatible_and_tight(world: World) -> None:
    everything = world.walk(MODELS, 200)
    runs = {item["id"] for item in everything if item["fit"]["verdict"] in ("compatible", "tight")}
    assert {item["id"] for item in world.walk(MODELS, 50, compatible="true")} == runs
    assert "tests/apple-only" not in runs or world.get("/device")["os"] == "macos"


def test_verified_keeps_the_verified(world: World) -> None:
    verified = {item["id"] for item in world.walk(MODELS, 200) if item["verified"]}
    assert {item["id"] for item in world.walk(MODELS, 50, verified="true")} == verified


def test_installed_keeps_the_installed_at_once(world: World) -> None:
    assert ids(world.get(MODELS, installed="true")) == []
    made = world.download("tests/zebrafish", until="completed")
    from_then = world.get(MODELS, installed="true")
    assert ids(from_then) == ["tests/zebrafish"]
    assert from_then["items"][0]["installed"] is True
    assert world.get(f"{MODELS}/tests/zebrafish")["installed_versions"] == [1]
    [artifact] = world.walk("/library", 50)
    assert artifact["model"] == made["model"]
    world.ask("DELETE", f"/library/{artifact['id']}")
    assert ids(world.get(MODELS, installed="true")) == []


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("name", lambda item: item["display_name"].casefold()),
        ("params", lambda item: (item["parameters"] is None, item["parameters"])),
        ("size", lambda item: (item["size_bytes"] is None, item["size_bytes"])),
    ],
)
def test_results_are_sorted_as_asked(world: World, sort: str, key: Any) -> None:
    keys = [key(item) for item in world.walk(MODELS, 40, sort=sort)]
    assert keys == sorted(keys)


def test_the_newest_come_first_when_sorted_by_update(world: World) -> None:
    dates = [item["published_at"] or "" for item in world.walk(MODELS, 40, sort="updated")]
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize("sort", ["relevance", "name", "params", "size", "downloads", "updated"])
@pytest.mark.parametrize("q", ["", "instruct", "a"])
def test_pages_hold_everything_once_in_every_order(world: World, sort: str, q: str) -> None:
    whole = [item["id"] for item in world.walk(MODELS, 200, sort=sort, q=q)]
    assert len(set(whole)) == len(whole)
    assert [item["id"] for item in world.walk(MODELS, 7, sort=sort, q=q)] == whole


def test_a_model_is_answered_whole(world: World) -> None:
    found = world.get(f"{MODELS}/tests/zebrafish")
    assert found.keys() >= SUMMARY - {"formats", "installed", "size_bytes"} | {
        "options", "requires", "hardware", "counters", "installed_versions", "versions", "published_at",
        "published_by", "homepage", "base_model", "architecture",
    }  # fmt: skip
    [only] = found["options"]
    assert only["fit"]["verdict"] in VERDICTS
    assert only["unverified"] is False
    assert re.fullmatch(r"[0-9a-f]{64}", only["digest"])
    assert only["files"][0].keys() >= {"name", "role", "size_bytes", "sha256", "urls"}
    mlx = world.get(f"{MODELS}/tests/apple-only")["options"][0]
    if world.get("/device")["os"] != "macos":
        assert mlx["fit"]["verdict"] == "unsupported"
        assert "Apple silicon" in mlx["fit"]["reason"]


def test_an_option_without_digests_is_marked_unverified(world: World) -> None:
    file = {"name": "a.gguf", "size_bytes": 5, "urls": ["https://x.invalid/a.gguf"]}
    world.list_locally(entry("tests/unproven", file), file="unproven")
    [only] = world.get(f"{MODELS}/tests/unproven")["options"]
    assert (only["unverified"], only["digest"]) == (True, None)


def test_version_history_is_newest_first_and_paged(world: World) -> None:
    notes = [{"version": n, "notes": f"The {n}.", "published_at": f"2026-01-0{n}"} for n in (2, 1, 4, 3)]
    file = world.serve("v.gguf")
    world.list_locally(entry("tests/old", file, version=5, versions=notes), file="old")
    found = world.walk(f"{MODELS}/tests/old/versions", 2)
    assert [note["version"] for note in found] == [5, 4, 3, 2, 1]
    assert found[1].keys() >= {"version", "published_at", "published_by", "notes"}


@pytest.mark.parametrize(
    "model", ["Tests/zebrafish", "tests/zebrafish ", "tests/zebra%00", "tests/%ff", "a/b"]
)
def test_a_model_that_is_not_there_is_404(world: World, model: str) -> None:
    for path in (f"{MODELS}/{quote(model, safe='/%')}", f"{MODELS}/{quote(model, safe='/%')}/versions"):
        assert world.refused("GET", path, 404)["code"] == "model_not_found"


def test_a_near_miss_names_the_nearest(world: World) -> None:
    assert "tests/zebrafish" in world.refused("GET", f"{MODELS}/tests/zebrafsh", 404)["detail"]


def test_the_floor_holds_at_least_a_hundred_models_without_a_network(world: World) -> None:
    info = checked(world.ask("GET", "/catalog"), 200)
    assert info.keys() >= {"source", "revision", "synced_at", "expires_at", "stale"}
    assert (info["source"], info["stale"]) == ("floor", False)
    assert world.get(MODELS, limit=1)["total"] >= 100
    assert world.get("/status")["outbound"] == [] or all(
        "127.0.0.1" in item["host"] for item in world.get("/status")["outbound"]
    )


def test_one_character_finds_what_begins_with_it(world: World) -> None:
    for letter in string.ascii_lowercase:
        world.get(MODELS, q=letter, limit=1)
