"""The Hub page's own files: a fixed list, kept in memory, holding no data."""

import asyncio
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from aiohttp import hdrs, web
from msgspec import Struct

from modelhubd.api.parts import Parts
from modelhubd.api.routing import Access, DaemonRoute
from modelhubd.errors import NotFound
from modelhubd.web.routing import Ask

PACKAGED = Path(__file__).parent.parent / "page"
IN_A_CHECKOUT = Path(__file__).parent.parent.parent / "clients" / "web"
DOCUMENTS = ("/", "/index.html")
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9.\-:\[\]]+")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class PageFile(Struct, frozen=True):
    """A file as it is sent. `etag` is quoted and changes with the content."""

    body: bytes
    content_type: str
    etag: str


def folder() -> Path:
    """Where the page's files are: in the installed package, or in a checkout beside it."""
    return PACKAGED if PACKAGED.is_dir() else IN_A_CHECKOUT


def read_page(root: Path) -> dict[str, PageFile]:
    """URL path → file: the document, the style sheets and the scripts; nothing else under `root` is seen."""
    named = [root / "index.html", root / "tokens.css", root / "app.css"]
    found = {
        f"/{path.relative_to(root).as_posix()}": _file(path)
        for path in (*named, *sorted((root / "js").glob("*.js")))
        if path.is_file()
    }
    if "/index.html" in found:
        found["/"] = found["/index.html"]
    return found


def _file(path: Path) -> PageFile:
    body = path.read_bytes()
    return PageFile(body, TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def security_policy(embed_origins: Collection[str]) -> str:
    """The Content-Security-Policy: our own files and our own API, shown in a frame only by those named."""
    ancestors = " ".join(filter(ORIGIN.fullmatch, embed_origins)) or "'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    )


def is_page_navigation(method: str, path: str, headers: Mapping[str, str], *, embeddable: bool) -> bool:
    """Whether a browser is going to the page: a link from another site may lead here and is shown no data.

    A frame counts only where the configuration names who may embed the page.
    """
    destination = headers.get("Sec-Fetch-Dest", "").lower()
    return (
        method == hdrs.METH_GET
        and path in DOCUMENTS
        and headers.get("Sec-Fetch-Mode", "").lower() == "navigate"
        and (destination == "document" or (embeddable and destination == "iframe"))
    )


def unchanged(if_none_match: Iterable[str], etag: str) -> bool:
    """Whether a conditional request already holds the file with this `etag`."""
    held = {tag.strip().removeprefix("W/") for line in if_none_match for tag in line.split(",")}
    return etag in held or "*" in held


class Page:
    """Serves the page's files. They are read at the first request, so that the start stays quick."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root
        self._files: dict[str, PageFile] | None = None

    async def serve(self, ask: Ask[Parts, None, None]) -> web.StreamResponse:
        """The file at the request's path.

        Raises:
            NotFound: the page has no such file.
        """
        if self._files is None:
            self._files = await asyncio.to_thread(read_page, self._root or folder())
        file = self._files.get(ask.request.path)
        if file is None:
            raise NotFound("The page has no such file.", code="not_found")
        headers = {
            hdrs.ETAG: file.etag,
            hdrs.CACHE_CONTROL: "no-cache",
            "Content-Security-Policy": security_policy(ask.parts.config.settings.server.embed_origins),
        }
        if unchanged(ask.request.headers.getall(hdrs.IF_NONE_MATCH, []), file.etag):
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.body, content_type=file.content_type, charset="utf-8", headers=headers)


def page_routes(root: Path | None = None) -> tuple[DaemonRoute, ...]:
    """The routes of the page, mounted at the root and not part of the API's reference."""
    page = Page(root)
    return tuple(
        DaemonRoute(method="GET", path=path, handler=page.serve, summary="The Hub page", access=Access.OPEN)
        for path in (*DOCUMENTS, "/tokens.css", "/app.css", "/js/{file}")
    )
