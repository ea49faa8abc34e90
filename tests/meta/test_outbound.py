"""Who may connect to anywhere: the two that tell the list of outbound connections, and nobody else."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
TELL = {"modelhubd/catalog/registry/fetching.py", "modelhubd/downloads/connection.py"}
"""Their callers are told of each connection (`NUM_CONNECTS`), and `GET /status` lists it."""
TO_OURS = {"modelhubd/llama/health.py"}
"""Asks the llama-servers that this daemon has started, on sockets of theirs."""
MODULES = {
    "pycurl", "http.client", "urllib.request", "ftplib", "smtplib", "imaplib", "poplib", "telnetlib",
    "requests", "httpx", "urllib3", "websockets", "xmlrpc.client",
}  # fmt: skip
CALLS = {
    "asyncio.open_connection", "socket.create_connection", "aiohttp.ClientSession", "aiohttp.request",
}  # fmt: skip


def can_connect(path: Path) -> bool:
    used = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import():
                used |= {alias.name for alias in node.names}
            case ast.ImportFrom(module=str(module)):
                used |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
            case ast.Call():
                used.add(ast.unparse(node.func))
            case _:
                pass
    return bool(used & (MODULES | CALLS))


def test_only_who_tells_of_it_can_connect_to_anywhere() -> None:
    daemon = [
        path
        for path in (ROOT / "modelhubd").rglob("*.py")
        if not path.is_relative_to(ROOT / "modelhubd/registry")
    ]
    found = {str(path.relative_to(ROOT)) for path in daemon if can_connect(path)}
    assert found == TELL | TO_OURS
