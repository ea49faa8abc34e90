"""The signed catalog and the TUF files around it, byte for byte as they were signed."""

import re

from aiohttp import hdrs, web

from modelhubd.errors import NotFound
from modelhubd.registry.release.files import METADATA_NAME, TARGET_NAME, TIMESTAMP
from modelhubd.registry.release.served import File
from modelhubd.registry.routing import RegistryAsk
from modelhubd.web.conditions import matches

ASK_AGAIN = {"Cache-Control": "private, no-cache"}
FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}
"""A numbered name never gets other bytes. Private, because a token was needed: a cache that checks tokens
itself may share."""
_GZIP = re.compile(r"(?:^|,)\s*(?:gzip|x-gzip|\*)\s*(?:;\s*q=(?P<q>[0-9.]+)\s*)?(?=,|$)", re.IGNORECASE)


async def catalog(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    """The document as JSON: the stored gzip where the caller takes it."""
    served = ask.parts.releases.served
    file = await served.catalog()
    tags = (file.sha256, f"{file.sha256}.gzip")
    headers = {**ASK_AGAIN, "Vary": "Accept-Encoding"}
    if matches(ask.request, *tags):
        return _not_modified(tags[_takes_gzip(ask.request)], headers)
    if _takes_gzip(ask.request):
        return _answer(file.content, tags[1], "application/json", {**headers, "Content-Encoding": "gzip"})
    return _answer(await served.unpacked(file), tags[0], "application/json", headers)


async def metadata(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    name = ask.path["name"]
    if METADATA_NAME.fullmatch(name) is None:
        raise NotFound("There is no such TUF metadata here.")
    file = await ask.parts.releases.served.file(name)
    return _file(ask.request, file, "application/json", ASK_AGAIN if name == TIMESTAMP else FOR_EVER)


async def target(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    name = ask.path["name"]
    if TARGET_NAME.fullmatch(name) is None:
        raise NotFound("There is no such TUF target here.")
    file = await ask.parts.releases.served.file(f"targets/{name}")
    return _file(ask.request, file, "application/gzip", FOR_EVER)


def _file(request: web.Request, file: File, content_type: str, headers: dict[str, str]) -> web.Response:
    if matches(request, file.sha256):
        return _not_modified(file.sha256, headers)
    return _answer(file.content, file.sha256, content_type, headers)


def _answer(body: bytes, tag: str, content_type: str, headers: dict[str, str]) -> web.Response:
    return web.Response(body=body, content_type=content_type, headers={**headers, hdrs.ETAG: f'"{tag}"'})


def _not_modified(tag: str, headers: dict[str, str]) -> web.Response:
    return web.Response(status=304, headers={**headers, hdrs.ETAG: f'"{tag}"'})


def _takes_gzip(request: web.Request) -> bool:
    accepted = ", ".join(request.headers.getall(hdrs.ACCEPT_ENCODING, ()))
    return any(_weight(match["q"]) > 0 for match in _GZIP.finditer(accepted))


def _weight(text: str | None) -> float:
    try:
        return 1.0 if text is None else float(text)
    except ValueError:
        return 0.0
