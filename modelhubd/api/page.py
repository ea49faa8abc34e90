"""The Hub page's own files, and who may come to them."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from aiohttp import hdrs, web

from modelhubd.api.parts import Parts
from modelhubd.api.routing import Access, DaemonRoute
from modelhubd.web.page_files import (
    DOCUMENTS,
    PageFile,
    answer_of,
    folder,
    paths_of,
    read_files,
)
from modelhubd.web.routing import Ask

FILES = ("tokens.css", "app.css", "figures.css", "js/*.js")
EARLY = "/js/early.js"
"""What runs before anything is painted, see there."""
SCRIPTS = ("/js/main.js", "/js/views.js")
"""What the first sight needs, and everything else."""


def read_page(root: Path) -> dict[str, PageFile]:
    """URL path → file: the document, the style sheets and the scripts; nothing else under `root` is seen."""
    return read_files(root, FILES, "index.html", SCRIPTS, EARLY)


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
        embed_origins = ask.parts.config.settings.server.embed_origins
        return answer_of(ask.request, self._files.get(ask.request.path), embed_origins)


def page_routes(root: Path | None = None) -> tuple[DaemonRoute, ...]:
    """The routes of the page, mounted at the root and not part of the API's reference."""
    page = Page(root)
    return tuple(
        DaemonRoute(method="GET", path=path, handler=page.serve, summary="The Hub page", access=Access.OPEN)
        for path in paths_of("/tokens.css", "/app.css", "/figures.css", "/js/{file}")
    )
