"""OpenAI's shapes."""

import msgspec
import pytest

from modelhubd.errors import BadRequest, InvalidInput, Unavailable
from modelhubd.gateway.openai import error_answer, model_list, read_asked
from modelhubd.gateway.proxy import refusal
from modelhubd.web.problems import problem_of
from modelhubd.wire.library import Artifact, ArtifactState
from modelhubd.wire.servers import Server, ServerState


def server(name: str, state: ServerState = ServerState.READY) -> Server:
    return Server(
        id="1", name=name, library_id="a", model="lab/tiny", version=1, option="gguf-f16", state=state,
        started_at="2026-01-01T00:00:00.000Z",
    )  # fmt: skip


def artifact(
    model: str, *, active: bool = True, kind: str = "gguf", state: ArtifactState = ArtifactState.OK
) -> Artifact:
    return Artifact(
        id=model, model=model, version=2, option="gguf-q4_0", format=kind, quantization=None, source="scan",
        state=state, size_bytes=1, digest=None, files=(), verified_at=None,
        installed_at="2026-01-01T00:00:00.000Z", active=active,
    )  # fmt: skip


def test_only_the_model_is_read_from_a_request() -> None:
    assert read_asked(b'{"model":"lab/tiny","messages":[{"role":"user"}],"anything":1e3}').model == "lab/tiny"


@pytest.mark.parametrize("body", [b'{"messages":[]}', b'{"model":3}', b"[]", b'{"model":null}'])
def test_a_request_without_a_model_is_refused_at_the_field(body: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_asked(body)
    assert refused.value.errors[0].pointer == "/model"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"x":' + b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read_asked(body)


def test_errors_have_the_shape_that_clients_know() -> None:
    found = msgspec.json.decode(error_answer(problem_of(InvalidInput.at("/model", "name it"))))
    assert found == {
        "error": {
            "message": "/model: name it",
            "type": "invalid_request_error",
            "code": "invalid_input",
            "param": "model",
        }
    }
    found = msgspec.json.decode(error_answer(problem_of(Unavailable("No."))))
    assert (found["error"]["type"], found["error"]["param"]) == ("server_error", None)


def test_a_refusal_that_passes_says_when_to_come_back() -> None:
    answer = refusal(problem_of(Unavailable("Busy.", retry_after_s=0.2)), "/v1/completions")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


def test_running_servers_come_first_and_each_name_once() -> None:
    found = model_list(
        [server("mine"), server("lab/tiny"), server("gone", ServerState.FAILED)],
        [
            artifact("lab/tiny"),
            artifact("lab/other", active=False),
            artifact("lab/mlx", kind="mlx"),
            artifact("lab/lost", state=ArtifactState.MISSING),
        ],
    )
    assert [(model.id, model.loaded) for model in found.data] == [
        ("mine", True), ("lab/tiny", True), ("lab/tiny@2:gguf-q4_0", False), ("lab/other@2:gguf-q4_0", False),
    ]  # fmt: skip
    assert found.data[0].created == 1767225600
    assert found.data[0].owned_by == "lab"


def test_an_alias_is_listed_as_what_it_means_and_hides_no_server() -> None:
    aliases = {"gpt-4o-mini": "lab/tiny", "mine": "lab/tiny", "lost": "lab/nothing"}
    found = model_list([server("mine")], [artifact("lab/tiny")], aliases)
    assert [model.id for model in found.data] == ["mine", "lab/tiny", "lab/tiny@2:gguf-q4_0", "gpt-4o-mini"]
    assert found.data[-1].owned_by == "lab"
