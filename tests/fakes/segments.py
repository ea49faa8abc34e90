"""Several TCP segments in one packet, as Linux hands them through a TUN device with `virtio_net_hdr`.

Such a packet is 10 bytes about it, the IPv4 and TCP headers once, and the bytes of all its segments.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from itertools import groupby

ABOUT = struct.Struct("=BBHHHH")
"""flags, kind of segmentation, bytes of headers, bytes per segment, where to sum from, where the sum goes."""
HEADER = ABOUT.size
NEEDS_SUM = 1
TCP4 = 1
PUSH_OR_FIN = 0x08 | 0x01


def segments_of(packet: bytes) -> int:
    """How many segments the packet holds; 1 for any other."""
    _, kind, _, size, _, _ = ABOUT.unpack_from(packet)
    if kind & 0x7F != TCP4 or not size:
        return 1
    body = len(packet) - HEADER - _headers(packet)
    return max(1, math.ceil(body / int(size)))


def kept_of(packet: bytes, keep: Sequence[bool]) -> Iterator[bytes]:
    """The packets that are left where only these segments get through."""
    if all(keep):
        yield packet
        return
    at = 0
    for kept, run in groupby(keep):
        count = len(list(run))
        if kept:
            yield _part(packet, at, at + count, len(keep))
        at += count


def _headers(packet: bytes) -> int:
    ip = (packet[HEADER] & 0x0F) * 4
    return ip + (packet[HEADER + ip + 12] >> 4) * 4


def _part(packet: bytes, first: int, last: int, segments: int) -> bytes:
    _, kind, _, size, sum_from, sum_at = ABOUT.unpack_from(packet)
    length = _headers(packet)
    ip_length = (packet[HEADER] & 0x0F) * 4
    headers = bytearray(packet[HEADER : HEADER + length])
    body = packet[HEADER + length :][first * size : last * size]
    ip, tcp = memoryview(headers)[:ip_length], memoryview(headers)[ip_length:]
    struct.pack_into("!H", ip, 2, length + len(body))
    struct.pack_into("!H", ip, 4, (struct.unpack_from("!H", ip, 4)[0] + first) & 0xFFFF)
    struct.pack_into("!H", ip, 10, 0)
    struct.pack_into("!H", ip, 10, ~_sum(bytes(ip)) & 0xFFFF)
    struct.pack_into("!I", tcp, 4, (struct.unpack_from("!I", tcp, 4)[0] + first * size) & 0xFFFFFFFF)
    if last < segments:
        tcp[13] &= ~PUSH_OR_FIN & 0xFF
    # The kernel completes the sum: it wants that of the addresses, the protocol and the length.
    pseudo = bytes(ip[12:20]) + struct.pack("!HH", 6, len(tcp) + len(body))
    struct.pack_into("!H", tcp, 16, _sum(pseudo))
    many = last - first > 1
    about = ABOUT.pack(NEEDS_SUM, kind if many else 0, length, size if many else 0, sum_from, sum_at)
    return about + bytes(headers) + body


def _sum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
