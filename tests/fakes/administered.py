"""`python -m tests.fakes.administered` is modelhubd on a machine whose administrator has written
`administrator.toml` into its home, and `recording` a folder for PYTHONPATH that has every Python program
write down where it connects to."""

import sys
from pathlib import Path

from modelhubd.__main__ import main
from modelhubd.places import Places

RECORDER = """
import os, sys

def hook(event, arguments):
    if event == "socket.connect":
        peer = arguments[1]
        if isinstance(peer, tuple):
            note(f"connect {peer[0]}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        note(event)
    elif event == "socket.__new__" and "modelhubd.downloads.worker" in " ".join(sys.orig_argv):
        if int(arguments[1]) in (2, 10, 30):
            note("worker socket")

def note(text):
    handle = os.open(os.environ["CONNECTIONS_TO"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, (text + chr(10)).encode())
    finally:
        os.close(handle)

sys.addaudithook(hook)
"""


def recording(folder: Path) -> dict[str, str]:
    """The environment in which connections are written to `folder`/connections."""
    (folder / "site").mkdir(parents=True)
    (folder / "site/sitecustomize.py").write_text(RECORDER)
    return {"PYTHONPATH": str(folder / "site"), "CONNECTIONS_TO": str(folder / "connections")}


def connections(folder: Path) -> list[str]:
    """What was written down so far."""
    path = folder / "connections"
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":
    Places.administrator_file = property(  # type: ignore[assignment,method-assign]
        lambda places: places.config_dir / "administrator.toml"
    )
    sys.exit(main())
