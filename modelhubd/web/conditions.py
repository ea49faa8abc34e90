"""ETag, If-Match and If-None-Match (RFC 9110): a change that holds only while nobody else has changed it, an
answer that is sent only where it has changed."""

import re

from aiohttp import hdrs, web

from modelhubd.errors import PreconditionFailed

_TAG = re.compile(r'(?P<weak>W/)?"(?P<value>[\x21\x23-\x7e\x80-\xff]*)"')


def etag(revision: str) -> dict[str, str]:
    """The header that tells a revision."""
    return {"ETag": f'"{revision}"'}


def expected(request: web.Request) -> frozenset[str] | None:
    """The revisions that the request allows to be changed; None where it allows any.

    A weak tag matches nothing.

    Raises:
        PreconditionFailed: `If-Match` is none that can be read, and so matches nothing.
    """
    headers = request.headers.getall(hdrs.IF_MATCH, ())
    text = ", ".join(headers).strip()
    if not headers or text == "*":
        return None
    found = set()
    for part in text.split(","):
        if part.strip():
            match = _TAG.fullmatch(part.strip())
            if match is None:
                raise PreconditionFailed('If-Match takes the ETag of an answer, quotes included, or "*".')
            if match["weak"] is None:
                found.add(match["value"])
    return frozenset(found)


def matches(request: web.Request, *revisions: str) -> bool:
    """Whether the caller has one of these revisions already (`If-None-Match`, compared weakly).

    A header that cannot be read matches nothing: the whole answer is never wrong."""
    text = ", ".join(request.headers.getall(hdrs.IF_NONE_MATCH, ())).strip()
    if text == "*":
        return True
    return any(match["value"] in revisions for match in _TAG.finditer(text))
