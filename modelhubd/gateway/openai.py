"""OpenAI's shapes: what of a request matters to us, lists of models, errors."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from modelhubd.errors import BadRequest, InvalidInput
from modelhubd.exchange import Asked
from modelhubd.wire.base import Message
from modelhubd.wire.library import Artifact, ArtifactState
from modelhubd.wire.problem import Problem
from modelhubd.wire.servers import Server

MESSAGES = "/v1/messages"
_ANTHROPIC = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}
"""Anthropic's names for what went wrong, where it has one of its own."""


class ErrorBody(Message, frozen=True, kw_only=True):
    message: str
    type: str
    code: str | None = None
    param: str | None = None


class ErrorAnswer(Message, frozen=True, kw_only=True):
    error: ErrorBody


class AnthropicError(Message, frozen=True, kw_only=True):
    type: str = "error"
    error: ErrorBody


class Model(Message, frozen=True, kw_only=True):
    """`created` is in seconds since the epoch; `loaded` is our addition."""

    id: str
    object: str = "model"
    created: int
    owned_by: str
    loaded: bool


class ModelList(Message, frozen=True, kw_only=True):
    object: str = "list"
    data: tuple[Model, ...]


def read_asked(body: bytes | memoryview) -> Asked:
    """Which model a request is for.

    Raises:
        BadRequest: not a JSON object.
        InvalidInput: no model is named.
    """
    try:
        return msgspec.json.decode(body, type=Asked)
    except msgspec.ValidationError as error:
        raise InvalidInput.at(
            "/model", f"name the model to use ({error}); GET /v1/models lists them"
        ) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not usable JSON: {error}.") from error


def error_answer(problem: Problem, path: str = "") -> bytes:
    """A problem as the clients of the route expect it: OpenAI's, or under `/v1/messages` Anthropic's."""
    kind = "invalid_request_error" if problem.status < 500 else "server_error"
    param = problem.errors[0].pointer.lstrip("/") if problem.errors else None
    body = ErrorBody(message=problem.detail, type=kind, code=problem.code, param=param)
    if path == MESSAGES or path.startswith(f"{MESSAGES}/"):
        body = msgspec.structs.replace(body, type=_ANTHROPIC.get(problem.status, _anthropic(problem.status)))
        return msgspec.json.encode(AnthropicError(error=body))
    return msgspec.json.encode(ErrorAnswer(error=body))


def _anthropic(status: int) -> str:
    return "invalid_request_error" if status < 500 else "api_error"


def model_list(
    servers: Iterable[Server], artifacts: Iterable[Artifact], aliases: Mapping[str, str] | None = None
) -> ModelList:
    """Running servers by name, then installed models that can be loaded: by id where that means this one, and
    by exact reference; then further names of these."""
    found: dict[str, Model] = {}
    for server in servers:
        if not server.state.ended:
            found[server.name] = _model(server.name, server.model, server.started_at, loaded=True)
    for artifact in artifacts:
        if artifact.format != "gguf" or artifact.state is not ArtifactState.OK:
            continue
        exact = f"{artifact.model}@{artifact.version}:{artifact.option}"
        for name in (artifact.model, exact) if artifact.active else (exact,):
            if name not in found:
                found[name] = _model(
                    name, artifact.model, artifact.installed_at, loaded=bool(artifact.loaded_by)
                )
    for name, meant in (aliases or {}).items():
        if meant in found and name not in found:
            found[name] = msgspec.structs.replace(found[meant], id=name)
    return ModelList(data=tuple(found.values()))


def _model(name: str, model: str, since: str, *, loaded: bool) -> Model:
    created = int(datetime.fromisoformat(since).timestamp())
    return Model(id=name, created=created, owned_by=model.partition("/")[0], loaded=loaded)
