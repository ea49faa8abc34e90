"""Each option reaches the daemon as what it says, and no other one does."""

from typing import Any

import pytest

from tests.fakes import samples
from tests.fakes.hub import Hub, json_answer
from tests.unit.cli.conftest import Modelhub

SEARCH = "GET /api/v1/catalog/models"
LIBRARY = "GET /api/v1/library"
QUERIES = (
    ("search --format mlx", SEARCH, {"format": "mlx", "limit": "25"}),
    ("search --capability vision", SEARCH, {"capability": "vision", "limit": "25"}),
    ("search --license MIT", SEARCH, {"license": "MIT", "limit": "25"}),
    ("search --publisher acme", SEARCH, {"publisher": "acme", "limit": "25"}),
    ("search --tag small", SEARCH, {"tag": "small", "limit": "25"}),
    ("search --compatible", SEARCH, {"compatible": "true", "limit": "25"}),
    ("search -c", SEARCH, {"compatible": "true", "limit": "25"}),
    ("search --verified", SEARCH, {"verified": "true", "limit": "25"}),
    ("search --installed", SEARCH, {"installed": "true", "limit": "25"}),
    ("search --sort size --limit 7", SEARCH, {"sort": "size", "limit": "7"}),
    ("list --format gguf", LIBRARY, {"format": "gguf", "limit": "200"}),
    ("list --capability chat", LIBRARY, {"capability": "chat", "limit": "200"}),
    ("list --state damaged", LIBRARY, {"state": "damaged", "limit": "200"}),
    ("downloads list --state failed", "GET /api/v1/downloads", {"state": "failed", "limit": "200"}),
    ("records list --outcome fail -n 3", "GET /api/v1/records", {"outcome": "fail", "limit": "3"}),
    ("records list --match x --node n", "GET /api/v1/records", {"q": "x", "node": "n", "limit": "30"}),
)
APPLY, PRUNE, TRIAL = "POST /api/v1/updates/apply", "POST /api/v1/library/prune", "POST /api/v1/trials"
CHAT, PURGE = "POST /v1/chat/completions", "POST /api/v1/records/purge"
BODIES: tuple[tuple[str, str, dict[str, Any], dict[str, Any]], ...] = (
    ("pull acme/tiny -d", "POST /api/v1/downloads", {"priority": 7}, {"priority": 0}),
    ("update --all", APPLY, {"switch": "now"}, {"switch": "next_load"}),
    ("update --all", APPLY, {"force": True}, {"force": False}),
    ("update --all", APPLY, {"trial": True}, {"trial": None}),
    ("update --all", APPLY, {"dry_run": True}, {"dry_run": False}),
    ("prune --yes", PRUNE, {"keep_old": 3}, {"keep_old": 1}),
    ("prune --yes", PRUNE, {"old_versions": False}, {"old_versions": True}),
    ("prune --yes", PRUNE, {"leftovers": False}, {"leftovers": True}),
    ("prune --yes", PRUNE, {"caches": False}, {"caches": True}),
    ("import /x.gguf", "POST /api/v1/library/import", {"option": "q4"}, {"option": None}),
    ("import /x.gguf", "POST /api/v1/library/import", {"model": "acme/x"}, {"model": None}),
    ("import /x.gguf", "POST /api/v1/library/import", {"mode": "move"}, {"mode": "link"}),
    ("trial start a/b a/c", TRIAL, {"sample": 0.2}, {"sample": 1.0}),
    ("trial start a/b a/c", TRIAL, {"max_pending": 9}, {"max_pending": 200}),
    ("trial start a/b a/c", TRIAL, {"max_pairs": 7}, {"max_pairs": 1000}),
    ("chat acme/tiny Hi", CHAT, {"temperature": 0.5}, {"temperature": None}),
    ("chat acme/tiny Hi", CHAT, {"seed": 7}, {"seed": None}),
    ("chat acme/tiny Hi", CHAT, {"max_tokens": 9}, {"max_tokens": None}),
    ("records purge --yes --all", PURGE, {"content_only": True}, {"content_only": False}),
)
OPTIONS = {
    "switch": "--switch", "force": "--force", "trial": "--trial", "dry_run": "--dry-run",
    "keep_old": "--keep", "old_versions": "--no-old", "leftovers": "--no-leftovers",
    "caches": "--no-caches", "model": "--as", "content_only": "--content-only",
}  # fmt: skip
"""By field, where the option is not called as it is."""


def _asked(hub: Hub, route: str) -> Any:
    return next(asked for asked in hub.asked if f"{asked.method} {asked.path}" == route)


@pytest.mark.parametrize(("command", "route", "query"), QUERIES)
def test_a_filter_is_asked_for(
    hub: Hub, modelhub: Modelhub, command: str, route: str, query: dict[str, str]
) -> None:
    modelhub(*command.split())
    assert dict(_asked(hub, route).query) == query


@pytest.mark.parametrize(("command", "route", "given", "without"), BODIES)
def test_an_option_is_sent_and_is_not_where_it_was_not_given(
    hub: Hub, modelhub: Modelhub, command: str, route: str, given: dict[str, Any], without: dict[str, Any]
) -> None:
    ((field, value),) = given.items()
    option = OPTIONS.get(field, f"--{field.replace('_', '-')}")
    words = [option] if isinstance(value, bool) or value == "now" else [option, str(value)]
    modelhub(*command.split())
    assert _asked(hub, route).body.get(field) == without[field]
    hub.asked.clear()
    modelhub(*command.split(), *words)
    assert _asked(hub, route).body.get(field) == value


@pytest.mark.parametrize("verb", ["pause", "resume", "retry", "cancel"])
def test_each_verb_of_the_queue_is_done_to_what_is_named(hub: Hub, modelhub: Modelhub, verb: str) -> None:
    hub.on(f"POST /api/v1/downloads/aaaa000011112222/{verb}", json_answer(samples.download(state="queued")))
    shown = modelhub("downloads", verb, "aaaa", "-q")
    assert (shown.code, shown.out) == (0, "aaaa000011112222\n")
    assert hub.asked[-1].path == f"/api/v1/downloads/aaaa000011112222/{verb}"


def test_all_go_on_at_once_and_names_beside_all_are_refused(hub: Hub, modelhub: Modelhub) -> None:
    for verb in ("pause", "resume"):
        hub.on(f"POST /api/v1/downloads/{verb}", json_answer(samples.status().downloads))
        assert modelhub("downloads", verb, "--all").code == 0
        assert hub.asked[-1].path == f"/api/v1/downloads/{verb}"
        hub.asked.clear()
        refused = modelhub("downloads", verb, "aaaa", "--all")
        assert (refused.code, hub.asked) == (2, [])
