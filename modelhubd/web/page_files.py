"""Files of a page for browsers: a fixed list, kept in memory, holding no data.

The document is asked for anew each time. It holds what its first paint needs and names everything else below
`/v-<release>/`, a folder whose name changes with the files: what a browser has of it stays good for ever, and
a second visit asks for one file.
"""

import gzip
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from aiohttp import hdrs, web
from msgspec import Struct
from msgspec.structs import replace

from modelhubd.errors import NotFound
from modelhubd.web.inlined import inlined
from modelhubd.web.joined import joined

PACKAGED = Path(__file__).parent.parent / "page"
IN_A_CHECKOUT = Path(__file__).parent.parent.parent / "clients" / "web"
DOCUMENTS = ("/", "/index.html")
FOR_EVER = "public, max-age=31536000, immutable"
WORTH_PACKING = 512
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9.\-:\[\]]+")
LINK = re.compile(r'(href|src)="/(?=js/|console/|\w+\.css)')
RELEASE = "v-{release:[0-9a-f]{12}}"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class PageFile(Struct, frozen=True):
    """A file as it is sent. `etag` is quoted and changes with the content; `packed` is the body in gzip's
    form, or None where that saves nothing; `styles` and `scripts` are the digests of what stands in a
    document."""

    body: bytes
    content_type: str
    etag: str
    packed: bytes | None = None
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


def folder() -> Path:
    """Where the pages' files are: in the installed package, or in a checkout beside it."""
    return PACKAGED if PACKAGED.is_dir() else IN_A_CHECKOUT


def read_files(
    root: Path, patterns: Iterable[str], document: str, scripts: Sequence[str], early: str | None = None
) -> dict[str, PageFile]:
    """URL path → file, for what `patterns` name under `root`, each under its name and under its name in the
    release's folder; `document` is the one at `DOCUMENTS`, with its style sheets and the script `early` in
    it. The scripts at the paths `scripts`, which it starts, are joined with all that they import."""
    named = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    bodies = {f"/{path.relative_to(root).as_posix()}": path.read_bytes() for path in named if path.is_file()}
    texts = {path: body.decode() for path, body in bodies.items()}
    first = None
    if scripts[0] in texts:
        made = joined(texts, scripts, early)
        first = None if early is None else (early, made.pop(early))
        bodies |= {path: text.encode() for path, text in made.items()}
    found = {path: _file(path, body) for path, body in bodies.items()}
    release = f"/v-{release_of(bodies)}"
    found |= {release + path: file for path, file in found.items()}
    if (root / document).is_file():
        whole = inlined((root / document).read_text("utf-8"), texts, first)
        start = _file(document, LINK.sub(rf'\1="{release}/', whole.text).encode())
        found |= dict.fromkeys(DOCUMENTS, replace(start, styles=whole.styles, scripts=whole.scripts))
    return found


def paths_of(*files: str) -> tuple[str, ...]:
    """The paths of routes for the document and `files`, also in the folder of any release."""
    return (*DOCUMENTS, *files, *(f"/{RELEASE}{path}" for path in files))


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


def security_policy(
    embed_origins: Collection[str] = (), *, scripts: Iterable[str] = (), styles: Iterable[str] = ()
) -> str:
    """The Content-Security-Policy: our own files, what stands in our own document by its digests `scripts`
    and `styles`, and our own API, shown in a frame only by those named."""
    ancestors = " ".join(filter(ORIGIN.fullmatch, embed_origins)) or "'none'"
    scripts, styles = (" ".join(("'self'", *digests)) for digests in (scripts, styles))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; "
        f"connect-src 'self'; img-src 'self' data:; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    )


def unchanged(if_none_match: Iterable[str], etag: str) -> bool:
    """Whether a conditional request already holds the file with this `etag`."""
    held = {tag.strip().removeprefix("W/") for line in if_none_match for tag in line.split(",")}
    return etag in held or "*" in held


def answer_of(
    request: web.Request, file: PageFile | None, embed_origins: Collection[str] = ()
) -> web.Response:
    """The file, or 304 where the browser holds it; `embed_origins` may show it in a frame.

    Raises:
        NotFound: there is none.
    """
    if file is None:
        raise NotFound("The page has no such file.", code="not_found")
    headers = {
        hdrs.ETAG: file.etag,
        hdrs.CACHE_CONTROL: FOR_EVER if "release" in request.match_info else "no-cache",
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
        "Content-Security-Policy": security_policy(embed_origins, scripts=file.scripts, styles=file.styles),
    }
    if unchanged(request.headers.getall(hdrs.IF_NONE_MATCH, []), file.etag):
        return web.Response(status=304, headers=headers)
    body = file.body
    if file.packed is not None and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        body = file.packed
    return web.Response(body=body, content_type=file.content_type, charset="utf-8", headers=headers)
