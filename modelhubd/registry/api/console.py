"""The console's own files: they hold no data, and so need no token."""

import asyncio
from pathlib import Path

from aiohttp import web

from modelhubd.registry.parts import Parts
from modelhubd.registry.routing import ANYBODY, RegistryRoute
from modelhubd.web.page_files import PageFile, answer_of, folder, paths_of, read_files
from modelhubd.web.routing import Ask

SHARED = ("api", "dom", "icons", "store", "tab_in_view", "text")
"""Scripts of the Hub page that the console uses too."""
FILES = (
    "tokens.css",
    "app.css",
    *(f"js/{name}.js" for name in SHARED),
    "console/console.css",
    "console/js/*.js",
)
SCRIPTS = ("/console/js/main.js",)
PATHS = paths_of("/tokens.css", "/app.css", "/js/{file}", "/console/{file}", "/console/js/{file}")


def read_console(root: Path) -> dict[str, PageFile]:
    """URL path → file."""
    return read_files(root, FILES, "console/index.html", SCRIPTS)


class Console:
    """Serves the files, which are read at the first request."""

    def __init__(self) -> None:
        self._files: dict[str, PageFile] | None = None

    async def serve(self, ask: Ask[Parts, None, None]) -> web.StreamResponse:
        """The file at the request's path.

        Raises:
            NotFound: the console has no such file.
        """
        if self._files is None:
            self._files = await asyncio.to_thread(read_console, folder())
        return answer_of(ask.request, self._files.get(ask.request.path))


def console_routes() -> tuple[RegistryRoute, ...]:
    """Mounted at the root and not part of the API's reference."""
    console = Console()
    return tuple(
        RegistryRoute(method="GET", path=path, handler=console.serve, summary="The console", scope=ANYBODY)
        for path in PATHS
    )
