"""The one place where an error becomes a status: RFC 9457 problems."""

import logging
from http import HTTPStatus

import msgspec
from aiohttp import web

from modelhubd import errors
from modelhubd.full_disk import is_full
from modelhubd.wire.problem import PROBLEM_TYPE, Problem

log = logging.getLogger(__name__)

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer."""

STATUS: dict[type[errors.Refused], int] = {
    errors.BadRequest: 400,
    errors.Unauthenticated: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Misdirected: 421,
    errors.InvalidInput: 422,
    errors.TooManyRequests: 429,
    errors.LoadFailed: 502,
    errors.Unavailable: 503,
    errors.NoSpace: 507,
}


def problem_of(error: errors.Refused) -> Problem:
    """What a refusal answers."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return Problem(
        type=f"urn:modelhub:problem:{error.code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=error.detail,
        code=error.code,
        errors=error.errors,
        retry_after_s=error.retry_after_s,
        server_id=error.server_id if isinstance(error, errors.LoadFailed) else None,
    )


def problem_response(problem: Problem) -> web.Response:
    """The problem as an answer, with the headers its status asks for."""
    headers = {}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(problem.retry_after_s)))
    return web.Response(
        body=msgspec.json.encode(problem), status=problem.status, headers=headers, content_type=PROBLEM_TYPE
    )


def problem_of_any(error: Exception) -> Problem:
    """What any exception answers; one that nobody raised on purpose is logged and told without details."""
    if isinstance(error, errors.Refused):
        return problem_of(error)
    if isinstance(error, web.HTTPException):
        return _problem_of_http(error)
    if is_full(error):
        log.warning("A request was refused: the database cannot write (%s)", error)
        return problem_of(errors.NoSpace("The disk that holds the state is full. Make room and ask again."))
    log.error("A request failed unexpectedly", exc_info=error)
    return Problem(
        type="urn:modelhub:problem:internal",
        title="Internal Server Error",
        status=500,
        detail="The daemon failed on this request; its log says why. Try again, and report it if it repeats.",
        code="internal",
    )


def _problem_of_http(error: web.HTTPException) -> Problem:
    details = {
        404: ("not_found", "There is nothing at this path. GET /api/v1/openapi.json lists every route."),
        413: ("too_large", "The body is larger than this route takes."),
        405: (
            "method_not_allowed",
            "This path does not take this method. GET /api/v1/openapi.json lists them.",
        ),
    }
    code, detail = details.get(error.status, ("refused", error.reason))
    return Problem(
        type=f"urn:modelhub:problem:{code}", title=error.reason, status=error.status, detail=detail, code=code
    )
