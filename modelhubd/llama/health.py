"""Asking a server how it is, over its own socket and nobody else's."""

import socket
import struct
import sys

import aiohttp
import msgspec

from modelhubd.llama.command import Endpoint

CONNECT_S = 5.0
ASK_S = 2.0
SLOTS_S = 0.5
LOCAL_PEERPID = 0x002
"""macOS: the option of level 0 that tells a Unix socket's peer."""


def open_session(endpoint: Endpoint) -> aiohttp.ClientSession:
    """A client of this server alone. Each request has its own connection: llama-server drops idle ones after
    5 s, and a POST that meets that moment cannot be repeated."""
    connector: aiohttp.BaseConnector
    if endpoint.socket:
        connector = aiohttp.UnixConnector(path=endpoint.socket, limit=0, force_close=True)
    else:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
    headers = {"Accept-Encoding": "identity"}  # answers are passed on as they come
    if endpoint.api_key:
        headers["Authorization"] = f"Bearer {endpoint.api_key}"
    return aiohttp.ClientSession(
        base_url=endpoint.url,
        connector=connector,
        headers=headers,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    is_processing: bool = False


_decode_slots = msgspec.json.Decoder(list[Slot]).decode


async def is_ready(session: aiohttp.ClientSession, endpoint: Endpoint, pid: int) -> bool:
    """Whether the process `pid` answers requests now. False while it loads, and if somebody else answers."""
    if endpoint.socket and peer_pid(endpoint.socket) != pid:
        return False
    timeout = aiohttp.ClientTimeout(total=ASK_S)
    try:
        for path in ("/health", "/props"):
            async with session.get(path, timeout=timeout) as answer:
                if answer.status != 200:
                    return False
        return endpoint.api_key is None or await _demands_the_key(endpoint)
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


def peer_pid(path: str) -> int | None:
    """The process that listens on the Unix socket at `path`; None if nobody does or it cannot be told."""
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        try:
            client.connect(path)
            if sys.platform == "linux":
                credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
                return int(struct.unpack("3i", credentials)[0]) or None
            return client.getsockopt(0, LOCAL_PEERPID) or None
        except OSError:
            return None


async def _demands_the_key(endpoint: Endpoint) -> bool:
    """Whether what listens on our port refuses callers without our key: another program would not."""
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_S)) as stranger,
        stranger.get(f"{endpoint.url}/props") as answer,
    ):
        return answer.status == 401


async def busy_slots(session: aiohttp.ClientSession) -> int | None:
    """How many slots are working; None if the server does not tell."""
    return _busy_among(await _told(session, "/slots"))


async def telling(session: aiohttp.ClientSession) -> str | None:
    """Where a server that has nothing to do tells of its work; None if it does nowhere."""
    for path in ("/slots", "/metrics"):
        if await _told(session, path) is not None:
            return path
    return None


async def work(session: aiohttp.ClientSession, path: str) -> object:
    """What changes with every step of the work; None if it does not say, which a server that works on a large
    batch does not."""
    told = await _told(session, path)
    return object() if _busy_among(told) == 0 else told  # what has no work has done it all


async def _told(session: aiohttp.ClientSession, path: str) -> bytes | None:
    try:
        async with session.get(path, timeout=aiohttp.ClientTimeout(total=SLOTS_S)) as answer:
            return await answer.read() if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None


def _busy_among(told: bytes | None) -> int | None:
    if told is None:
        return None
    try:
        return sum(slot.is_processing for slot in _decode_slots(told))
    except msgspec.DecodeError:
        return None
