"""A connection to the event stream, read line by line."""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Frame = tuple[str | None, str, Any]
"""Cursor if there is one, type, data."""


class Stream:
    """One connection to /events; `frames` yields (id, type, data)."""

    def __init__(self, socket_path: Path, query: str = "", *, ndjson: bool = False, last: str = "") -> None:
        self._ndjson = ndjson
        self.connection = http.client.HTTPConnection("localhost", timeout=60)
        self.connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.connection.sock.settimeout(60)
        self.connection.sock.connect(str(socket_path))
        headers = {"Accept": "application/x-ndjson" if ndjson else "text/event-stream"}
        if last:
            headers["Last-Event-ID"] = last
        self.connection.request("GET", f"/api/v1/events{query}", headers=headers)
        self.response = self.connection.getresponse()
        self.frames = self._lines() if ndjson else self._sse()

    def _lines(self) -> Iterator[Frame]:
        while line := self.response.readline():
            frame = json.loads(line)
            yield frame.get("id"), frame["type"], frame["data"]

    def _sse(self) -> Iterator[Frame]:
        frame: dict[str, str] = {}
        while line := self.response.readline().decode():
            if line.strip():
                name, _, value = line.rstrip("\n").partition(": ")
                frame[name] = value
            elif "event" in frame:
                yield frame.get("id"), frame["event"], json.loads(frame["data"])
                frame = {}

    def until(self, kind: str) -> list[Frame]:
        """Frames up to and including the first of this type."""
        found = []
        for frame in self.frames:
            found.append(frame)
            if frame[1] == kind:
                return found
        raise AssertionError(f"the stream ended before {kind}: {found}")

    def close(self) -> None:
        self.response.close()
        self.connection.close()
