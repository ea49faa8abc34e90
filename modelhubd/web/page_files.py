"""Files of a page for browsers: a fixed list, kept in memory, holding no data."""

import hashlib
import re
from collections.abc import Collection, Iterable
from pathlib import Path

from aiohttp import hdrs, web
from msgspec import Struct

from modelhubd.errors import NotFound

PACKAGED = Path(__file__).parent.parent / "page"
IN_A_CHECKOUT = Path(__file__).parent.parent.parent / "clients" / "web"
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9.\-:\[\]]+")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class PageFile(Struct, frozen=True):
    """A file as it is sent. `etag` is quoted and changes with the content."""

    body: bytes
    content_type: str
    etag: str


def folder() -> Path:
    """Where the pages' files are: in the installed package, or in a checkout beside it."""
    return PACKAGED if PACKAGED.is_dir() else IN_A_CHECKOUT


def read_files(root: Path, patterns: Iterable[str], document: str) -> dict[str, PageFile]:
    """URL path → file, for what `patterns` name under `root`; `document` is the one at `/` and
    `/index.html`."""
    found = {
        f"/{path.relative_to(root).as_posix()}": read_file(path)
        for pattern in patterns
        for path in sorted(root.glob(pattern))
        if path.is_file()
    }
    start = root / document
    return found | ({"/": read_file(start), "/index.html": read_file(start)} if start.is_file() else {})


def read_file(path: Path) -> PageFile:
    """A file as it is sent."""
    body = path.read_bytes()
    return PageFile(body, TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def security_policy(embed_origins: Collection[str] = ()) -> str:
    """The Content-Security-Policy: our own files and our own API, shown in a frame only by those named."""
    ancestors = " ".join(filter(ORIGIN.fullmatch, embed_origins)) or "'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    )


def unchanged(if_none_match: Iterable[str], etag: str) -> bool:
    """Whether a conditional request already holds the file with this `etag`."""
    held = {tag.strip().removeprefix("W/") for line in if_none_match for tag in line.split(",")}
    return etag in held or "*" in held


def answer_of(request: web.Request, file: PageFile | None, policy: str) -> web.Response:
    """The file, or 304 where the browser holds it.

    Raises:
        NotFound: there is none.
    """
    if file is None:
        raise NotFound("The page has no such file.", code="not_found")
    headers = {hdrs.ETAG: file.etag, hdrs.CACHE_CONTROL: "no-cache", "Content-Security-Policy": policy}
    if unchanged(request.headers.getall(hdrs.IF_NONE_MATCH, []), file.etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=file.body, content_type=file.content_type, charset="utf-8", headers=headers)
