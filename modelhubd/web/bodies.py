"""Decoding what a caller sends: JSON bodies and query strings, refused with a pointer to what is wrong."""

import asyncio
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from aiohttp import web
from multidict import MultiMapping

from modelhubd.errors import BadRequest, InvalidInput, UnsupportedMediaType

MAX_BODY_BYTES = 256 * 1024
BODY_S = 30.0
"""How long a body may take to come. On an open route anybody could hold a connection for ever otherwise."""
S = TypeVar("S", bound=msgspec.Struct)

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>.*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<field>.*)`$", re.DOTALL)


async def decode_body(request: web.Request, kind: type[S], max_bytes: int = MAX_BODY_BYTES) -> S:
    """The JSON body as a `kind`.

    Raises:
        BadRequest: not JSON, or a key twice.
        InvalidInput: an unknown field or a value that cannot be; `errors` points at it.
        Refused, aiohttp.web.HTTPRequestEntityTooLarge: as `read_json_bytes` does.
    """
    return parse_body(await read_json_bytes(request, max_bytes), kind)


async def read_json_bytes(request: web.Request, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The body, which says that it is JSON; nobody has looked whether that is so.

    Raises:
        UnsupportedMediaType: a content type that is not JSON, which a simple cross-site form could send, or a
            compressed body.
        aiohttp.web.HTTPRequestEntityTooLarge: over `max_bytes`, or the application's `client_max_size`.
        BadRequest: it does not come in time.
    """
    if request.content_type != "application/json":
        raise UnsupportedMediaType("The body must be JSON: send Content-Type: application/json.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("The body must not be compressed: send it without Content-Encoding.")
    announced = request.content_length or 0
    if announced > max_bytes:
        raise web.HTTPRequestEntityTooLarge(max_size=max_bytes, actual_size=announced)
    try:
        async with asyncio.timeout(BODY_S):
            body = await request.read()
    except TimeoutError:
        raise BadRequest(
            f"The request's body did not come within {BODY_S:.0f} s. Send it at once.", code="body_too_slow"
        ) from None
    if len(body) > max_bytes:
        raise web.HTTPRequestEntityTooLarge(max_size=max_bytes, actual_size=len(body))
    return body


def parse_body(body: bytes, kind: type[S]) -> S:
    """See `decode_body`."""
    try:
        json.loads(body, object_pairs_hook=_unique, parse_constant=_no_constant)
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise invalid(str(error)) from error
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        raise BadRequest(f"The body is not usable JSON: {error}.") from error


def parse_query(query: MultiMapping[str], kind: type[S]) -> S:
    """The query string as a `kind`; a parameter of tuple type may be given several times.

    Raises:
        InvalidInput: an unknown parameter, a single one twice, or a value that cannot be.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values: dict[str, Any] = {}
    for name in dict.fromkeys(query.keys()):
        if name not in fields:
            raise InvalidInput.at(f"?{name}", f"unknown parameter; known are {', '.join(sorted(fields))}")
        given: Sequence[str] = query.getall(name)
        if get_origin(fields[name].type) is tuple:
            values[name] = tuple(given)
        elif len(given) > 1:
            raise InvalidInput.at(f"?{name}", "given more than once")
        else:
            values[name] = _flag(given[0]) if _is_flag(fields[name].type) else given[0]
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        place = _PLACE.match(str(error))
        assert place is not None
        name = (place["path"] or "$.").removeprefix("$.").partition("[")[0]
        raise InvalidInput.at(f"?{name}", place["what"]) from error


def invalid(message: str) -> InvalidInput:
    """A validation message of msgspec's as a refusal with an RFC 6901 pointer."""
    place = _PLACE.match(message)
    assert place is not None
    what, parts = place["what"], _steps(place["path"] or "$")
    if match := _UNKNOWN.match(what):
        return InvalidInput.at(pointer([*parts, match["field"]]), "unknown field")
    if match := _MISSING.match(what):
        return InvalidInput.at(pointer([*parts, match["field"]]), "required, but missing")
    return InvalidInput.at(pointer(parts), what)


def pointer(parts: Iterable[str]) -> str:
    """RFC 6901: `/` before each part, `~` and `/` in it escaped."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def _steps(path: str) -> list[str]:
    return [step for step in re.split(r"[.\[\]]", path.removeprefix("$")) if step]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands in it twice")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _is_flag(kind: Any) -> bool:
    return kind is bool or bool in get_args(kind)


def _flag(text: str) -> Any:
    return {"true": True, "1": True, "": True, "false": False, "0": False}.get(text.lower(), text)
