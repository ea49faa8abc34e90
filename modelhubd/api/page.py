"""The Hub page's own files: a fixed list, kept in memory, holding no data.

The document is asked for anew each time and names everything else below `/v-<release>/`, a folder whose name
changes with the files: what a browser has of it stays good for ever, and a second visit asks for one file.
"""

import asyncio
import gzip
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
FOR_EVER = "public, max-age=31536000, immutable"
WORTH_PACKING = 512
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9.\-:\[\]]+")
LINK = re.compile(rb'(href|src)="/(?=js/|\w+\.css)')
RELEASE = "v-{release:[0-9a-f]{12}}"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class PageFile(Struct, frozen=True):
    """A file as it is sent. `etag` is quoted and changes with the content; `packed` is the body in gzip's
    form, or None where that saves nothing."""

    body: bytes
    content_type: str
    etag: str
    packed: bytes | None = None


def folder() -> Path:
    """Where the page's files are: in the installed package, or in a checkout beside it."""
    return PACKAGED if PACKAGED.is_dir() else IN_A_CHECKOUT


def read_page(root: Path) -> dict[str, PageFile]:
    """URL path → file: the document, the style sheets and the scripts; nothing else under `root` is seen.

    Each but the document is there twice: under its name, and under its name in the release's folder.
    """
    named = [root / "tokens.css", root / "app.css", *sorted((root / "js").glob("*.js"))]
    bodies = {f"/{path.relative_to(root).as_posix()}": path.read_bytes() for path in named if path.is_file()}
    found = {path: _file(path, body) for path, body in bodies.items()}
    folder = f"/v-{release_of(bodies)}"
    found |= {folder + path: file for path, file in found.items()}
    if (root / "index.html").is_file():
        document = LINK.sub(rf'\1="{folder}/'.encode(), (root / "index.html").read_bytes())
        found["/"] = found["/index.html"] = _file("/index.html", document)
    return found


def release_of(bodies: Mapping[str, bytes]) -> str:
    """Twelve digits that change with any of the files."""
    whole = hashlib.sha256()
    for path, body in sorted(bodies.items()):
        whole.update(f"{path} {len(body)} ".encode() + body)
    return whole.hexdigest()[:12]


def _file(path: str, body: bytes) -> PageFile:
    packed = gzip.compress(body, 9, mtime=0) if len(body) > WORTH_PACKING else None
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return PageFile(body, TYPES[Path(path).suffix], etag, packed)


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
            hdrs.CACHE_CONTROL: FOR_EVER if "release" in ask.path else "no-cache",
            hdrs.VARY: hdrs.ACCEPT_ENCODING,
            "Content-Security-Policy": security_policy(ask.parts.config.settings.server.embed_origins),
        }
        if unchanged(ask.request.headers.getall(hdrs.IF_NONE_MATCH, []), file.etag):
            return web.Response(status=304, headers=headers)
        body = file.body
        if file.packed is not None and "gzip" in ask.request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            body = file.packed
        return web.Response(body=body, content_type=file.content_type, charset="utf-8", headers=headers)


def page_routes(root: Path | None = None) -> tuple[DaemonRoute, ...]:
    """The routes of the page, mounted at the root and not part of the API's reference."""
    page = Page(root)
    return tuple(
        DaemonRoute(method="GET", path=path, handler=page.serve, summary="The Hub page", access=Access.OPEN)
        for folder in ("", f"/{RELEASE}")
        for path in (
            *(() if folder else DOCUMENTS),
            f"{folder}/tokens.css",
            f"{folder}/app.css",
            f"{folder}/js/{{file}}",
        )
    )
