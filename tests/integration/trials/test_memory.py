"""A candidate that eats memory while it is asked: it is ended, the trial says so, nobody else notices."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.world import World, until
from tests.fakes.llama_server import install
from tests.fakes.origin import Origin
from tests.integration.trials.conftest import Trying
from tests.raw import over_socket
from tests.running import running_daemon

GOOD, SWELLS = "acme/good", "acme/swells"


@pytest.fixture
def place(tmp_path: Path, origin: Origin, files: Path) -> Iterator[Trying]:
    """A daemon whose llama-server is a fake: of SWELLS one that takes 700 MB when it is asked."""
    program = tmp_path / "llama-server"
    good, swelling = install(tmp_path / "good"), install(tmp_path / "swelling", "swells")
    program.write_text(f'#!/bin/sh\ncase "$*" in *swells*) exec {swelling} "$@";; esac\nexec {good} "$@"\n')
    program.chmod(0o755)
    settings = {
        "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url, "MODELHUB_MODELS_RESERVE_BYTES": "0",
        "MODELHUB_LLAMA_BINARY": str(program), "MODELHUB_LOAD_CTX": "512",
    }  # fmt: skip
    with running_daemon(tmp_path / "home", settings) as daemon:
        yield Trying(daemon, origin, files)


def ask(world: World) -> int:
    body = {"model": GOOD, "messages": [{"role": "user", "content": "hi"}]}
    return over_socket(world.daemon.socket, "POST", "/v1/chat/completions", json.dumps(body).encode()).status


def test_a_candidate_that_eats_memory_is_ended_and_the_active_one_answers_on(place: Trying) -> None:
    place.have(GOOD, 1, "old")
    place.have(SWELLS, 1, "new")
    active = place.post("/servers", {"library_id": GOOD}, wait="ready")
    trial = place.begin(GOOD, SWELLS)["id"]
    for _ in range(3):
        assert ask(place) == 200
    found = until(lambda: place.get(f"/trials/{trial}"), lambda one: one["state"] == "paused")
    assert found["reason"]["code"] == "candidate_too_large", found
    assert "of memory where" in found["reason"]["detail"]
    assert (found["counts"]["pairs"], found["counts"]["failed"], found["counts"]["pending"]) == (3, 3, 0)
    assert "no answer to 3 of 3" in found["evidence"]["words"][0]
    pairs = place.get(f"/trials/{trial}/pairs")["items"]
    assert {one["candidate"]["error"]["code"] for one in pairs} == {"out_of_memory"}
    (left,) = place.get("/servers")["items"]
    assert (left["id"], left["pid"], left["state"]) == (active["id"], active["pid"], "ready")
    assert ask(place) == 200
