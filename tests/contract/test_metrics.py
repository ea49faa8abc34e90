"""`GET /api/v1/metrics`: Prometheus's text, as Prometheus's own parser reads it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openai import OpenAI
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.world import World, entry, local_file, until
from tests.fakes.origin import Origin
from tests.raw import over_socket, over_tcp

CHAT = "tests/chat"
LABELS = {"model": CHAT, "server": CHAT}
Figure = Callable[..., float]


@pytest.fixture(scope="module", autouse=True)
def used(world: World, origin: Origin, model_files: Path) -> None:
    """A model was downloaded, another could not be loaded, and one question was answered."""
    names = ("chat", "alien")
    world.list_locally(
        *(entry(f"tests/{name}", local_file(model_files / f"{name}.gguf", origin)) for name in names)
    )
    for name in names:
        world.download(f"tests/{name}", until="completed")
    world.post("/servers", {"library_id": CHAT, "settings": {"ctx": 512, "threads": 1}}, wait="ready")
    world.refused("POST", "/servers", 502, {"library_id": "tests/alien"}, wait="ready")
    with OpenAI(base_url=f"{world.daemon.url}/v1", api_key=world.daemon.token, max_retries=0) as client:
        client.completions.create(model=CHAT, prompt="Who?", temperature=0, max_tokens=3)


@pytest.fixture
def figure(world: World) -> Iterator[Figure]:
    """The value of a sample by its name and labels; each is there once."""

    def find(name: str, **labels: str) -> float:
        answer = over_socket(world.daemon.socket, "GET", "/api/v1/metrics")
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = list(text_string_to_metric_families(answer.body.decode()))
        assert len({family.name for family in families}) == len(families)
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        (found,) = (sample.value for sample in samples if sample.labels == labels)
        return float(found)

    yield find


def test_it_needs_the_token(world: World) -> None:
    headers = [("Host", world.daemon.url[7:])]
    assert over_tcp(world.daemon.url, "GET", "/api/v1/metrics", headers).status == 401
    headers.append(("Authorization", f"Bearer {world.daemon.token}"))
    assert over_tcp(world.daemon.url, "GET", "/api/v1/metrics", headers).status == 200


def test_servers_are_counted_by_state_and_failures_by_code(figure: Figure) -> None:
    assert figure("modelhub_servers", state="ready") == 1
    assert figure("modelhub_servers", state="failed") == 1
    assert figure("modelhub_servers", state="loading") == 0
    assert figure("modelhub_server_failures_total", code="unsupported_architecture") == 1
    assert figure("modelhub_server_memory_bytes", **LABELS) > 1_000_000


def test_loads_and_their_seconds_are_a_histogram(figure: Figure) -> None:
    assert figure("modelhub_server_load_seconds_count") == 1
    assert figure("modelhub_server_load_seconds_bucket", le="+Inf") == 1
    assert figure("modelhub_server_load_seconds_sum") > 0


def test_requests_and_their_tokens_are_counted(figure: Figure) -> None:
    assert figure("modelhub_gateway_requests_total", model=CHAT, status="200") == 1
    assert figure("modelhub_gateway_tokens_total", model=CHAT, kind="generated") == 3
    assert figure("modelhub_gateway_tokens_total", model=CHAT, kind="prompt") > 0
    assert figure("modelhub_gateway_held_bytes") == 0


def test_downloads_their_bytes_and_their_queue_are_told(figure: Figure, model_files: Path) -> None:
    sizes = [(model_files / f"{name}.gguf").stat().st_size for name in ("chat", "alien")]
    assert figure("modelhub_downloads_ended_total", state="completed", code="") == 2
    assert figure("modelhub_download_bytes_total") == sum(sizes)
    assert figure("modelhub_downloads", state="active") == 0
    assert figure("modelhub_models_installed") == 2


def test_the_servers_own_figures_carry_its_model(figure: Figure) -> None:
    assert figure("modelhub_server_metrics_up", **LABELS) == 1
    until(lambda: figure("llamacpp:tokens_predicted_total", **LABELS), lambda found: found == 3)


def test_a_look_at_the_figures_is_no_use_of_a_model(figure: Figure, world: World) -> None:
    def used_at() -> object:
        return [server["last_used_at"] for server in world.walk("/servers", 50)]

    before = used_at()
    assert figure("modelhub_event_readers") == 0
    assert used_at() == before
