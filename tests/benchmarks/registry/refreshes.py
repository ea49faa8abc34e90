"""Daemons that look for something new and find nothing, each with a connection of its own."""

import asyncio
import functools
from dataclasses import dataclass
from pathlib import Path

from modelhubd.registry.routes import PREFIX
from tests.benchmarks.figures import ms, percentile
from tests.benchmarks.registry.people import People, at_once, registry_of


@dataclass(frozen=True, kw_only=True)
class Look:
    """One machine's look for something new: bytes of HTTP that went each way."""

    sent: int
    received: int
    statuses: tuple[int, ...]


async def measure(folder: Path, database: str, daemons: int, in_flight: int) -> list[list[str]]:
    """The rows of a table."""
    async with registry_of(folder, database, in_flight) as people:
        version = await newest_root(people)
        popularity = (await people.reader.get("/popularity")).headers["ETag"]
        asked = (
            (f"{PREFIX}/tuf/{version + 1}.root.json", ""),
            (f"{PREFIX}/tuf/timestamp.json", ""),
            (f"{PREFIX}/popularity", popularity),
        )
        look = functools.partial(refresh, people.process.port, people.reader.token or "", asked)
        looks, measured = await at_once([look] * daemons, in_flight)
        assert {found.statuses for found in looks} == {(404, 200, 304)}
        bytes_each = [found.sent + found.received for found in looks]
        return [
            ["refreshes per second", f"{daemons / measured.seconds:.0f}"],
            ["requests per second", f"{len(asked) * daemons / measured.seconds:.0f}"],
            ["bytes of a refresh, both ways", f"{max(bytes_each)}"],
            ["of them received", f"{max(found.received for found in looks)}"],
            ["a refresh, median", ms(percentile(measured.each_s, 0.5))],
            ["a refresh, p99", ms(percentile(measured.each_s, 0.99))],
        ]


async def newest_root(people: People) -> int:
    """Version of the root that is in force."""
    version = 1
    while (await people.reader.get(f"/tuf/{version + 1}.root.json")).status == 200:
        version += 1
    return version


async def refresh(port: int, token: str, asked: tuple[tuple[str, str], ...]) -> Look:
    """What a daemon asks when nothing is new, on a new connection, byte by byte counted."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = received = 0
    statuses = []
    try:
        for path, tag in asked:
            condition = f"If-None-Match: {tag}\r\n" if tag else ""
            request = (
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
                f"User-Agent: modelhubd\r\n{condition}\r\n"
            ).encode()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = _length_of(head)
            received += len(head) + len(await reader.readexactly(length))
            sent += len(request)
            statuses.append(int(head.split(b" ", 2)[1]))
    finally:
        writer.close()
        await writer.wait_closed()
    return Look(sent=sent, received=received, statuses=tuple(statuses))


def _length_of(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
