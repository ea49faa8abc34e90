"""A request as a value: what to send and how to read the answer. Both clients execute it."""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from modelhub_client.errors import UnexpectedAnswer, error_of

T = TypeVar("T")

TIMEOUT_S = 30.0
UNHURRIED_S = 3600.0
"""For what takes as long as it takes, such as waiting for a model to load."""

QueryValue = str | int | bool | None | Iterable[str]


class Call(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One request. `target` holds the path and the query, `answer` the type its body is decoded as.

    An `answer` of `str` is the body as text, one of `NoneType` is nothing. With `revision` it is refused
    (`PreconditionFailed`) if what it changes is not of that revision any more.
    """

    method: str
    target: str
    answer: type[T]
    body: bytes | None = None
    accept: str = "application/json"
    timeout_s: float = TIMEOUT_S
    revision: str | None = None
    idempotency_key: str | None = None
    """A repeat with the same key answers what the first one did, and does nothing again."""
    conditional: bool = False
    """Its answer has an ETag, so that one that has not changed need not be sent again."""

    def headers(self) -> dict[str, str]:
        found = {"Accept": self.accept}
        if self.body is not None:
            found["Content-Type"] = "application/json"
        if self.revision is not None:
            found["If-Match"] = f'"{self.revision}"'
        if self.idempotency_key is not None:
            found["Idempotency-Key"] = self.idempotency_key
        return found

    def read(self, status: int, body: bytes) -> T:
        """The answer's value.

        Raises:
            ProblemError: the daemon refused.
            UnexpectedAnswer: it is not what this client understands.
        """
        if status >= 300:
            raise error_of(status, body)
        if self.answer is type(None):
            return None
        if self.answer is str:
            return body.decode("utf-8", "replace")  # type: ignore[return-value]  # T is str here
        try:
            return msgspec.json.decode(body, type=self.answer)
        except msgspec.MsgspecError as error:
            raise UnexpectedAnswer(
                f"The answer to {self.method} {self.target} cannot be read: {error}. "
                "Who answers may be of another version: compare `modelhub version`."
            ) from error


def api(path: str, query: dict[str, QueryValue] | None = None) -> str:
    """The target of a route: `path` under the API's base, with the parameters that are given."""
    text = urlencode(list(_pairs(query or {})))
    return f"/api/v1{path}?{text}" if text else f"/api/v1{path}"


def named(app: str | None) -> dict[str, str]:
    """The header by which a program names itself."""
    return {} if app is None else {"Modelhub-App": app}


def segment(text: str) -> str:
    """Text from outside as one path segment."""
    return quote(text, safe="")


def model_path(model: str) -> str:
    """`/catalog/models/publisher/name`; anything that is not such an id ends as a path that is not found."""
    publisher, _, name = model.partition("/")
    return f"/catalog/models/{segment(publisher)}/{segment(name)}"


def body_of(value: Any) -> bytes:
    """JSON of a wire struct or plain value, without the fields that are None."""
    return msgspec.json.encode(_without_none(msgspec.to_builtins(value)))


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value


def _pairs(query: dict[str, QueryValue]) -> Iterable[tuple[str, str]]:
    for name, value in query.items():
        if value is None or value is False:
            continue
        if value is True:
            yield name, "true"
        elif isinstance(value, str | int):
            yield name, str(value)
        else:
            yield from ((name, item) for item in value)
