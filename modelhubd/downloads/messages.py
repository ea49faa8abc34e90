"""What the daemon and its transfer worker say to each other: MessagePack, each frame after its length."""

import struct

import msgspec

from modelhubd.downloads.plan import Fault
from modelhubd.downloads.spans import Span
from modelhubd.wire.architecture import ModelFacts

MAX_FRAME = 1 << 20
LENGTH = struct.Struct("!I")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """When a transfer counts as stuck, and how often its progress is told and made durable."""

    connect_s: float = 20.0
    stall_s: float = 20.0
    """Without a byte."""
    drip_bytes_per_s: int = 1024
    drip_s: float = 30.0
    """Below that rate."""
    hung_s: float = 30.0
    """Without a word of the worker."""
    report_s: float = 0.1
    report_bytes: int = 8 << 20
    report_pause_s: float = 0.05
    """Never more often."""
    sync_s: float = 5.0
    sync_bytes: int = 64 << 20


class Fetch(msgspec.Struct, frozen=True, kw_only=True, tag="fetch"):
    """Get one file."""

    transfer: int
    download: str
    """Transfers of one download share its limits."""
    root: str
    partial: str
    """Beneath `root`."""
    urls: tuple[str, ...]
    """In order of preference. Several: the file may be put together from all of them."""
    size: int | None
    sha256: str | None
    total: int | None
    """As the origin said before."""
    etag: str | None
    """Of the first URL."""
    have: tuple[Span, ...]
    """Bytes of the partial file that can be trusted."""
    synced: tuple[Span, ...]
    """Of these, on the disk already."""
    reserve_bytes: int
    allow_origins: tuple[str, ...]
    limits: Limits
    config_dir: str | None = None
    """Where credentials are."""
    proven: bool = False
    """They are of the promised file, whatever the origin says of its own: no validator is needed to go on."""


class ReadHeader(msgspec.Struct, frozen=True, kw_only=True, tag="read_header"):
    """Read what the header of a GGUF file says, and keep nothing of it."""

    transfer: int
    url: str
    size: int | None
    allow_origins: tuple[str, ...]
    limits: Limits
    config_dir: str | None = None
    """Where credentials are."""


class Look(msgspec.Struct, frozen=True, kw_only=True, tag="look"):
    """Read the first bytes of what is at an address."""

    transfer: int
    url: str
    most_bytes: int
    whole: bool
    """That must be all of it."""
    allow_origins: tuple[str, ...]
    limits: Limits
    config_dir: str | None = None
    """Where credentials are."""
    size: int | None = None


class Rates(msgspec.Struct, frozen=True, kw_only=True, tag="rates"):
    """How fast and over how many connections, from now on. None: without a limit."""

    max_bytes_per_s: int | None = None
    connections: int = 16
    """Of each download."""
    downloads: dict[str, int] = {}
    """Bytes per second of those that have a limit of their own."""


class Halt(msgspec.Struct, frozen=True, kw_only=True, tag="halt"):
    """Stop that transfer; a `Halted` follows once nothing writes to its file any more."""

    transfer: int


Order = Fetch | ReadHeader | Look | Halt | Rates


class Dialled(msgspec.Struct, frozen=True, kw_only=True, tag="dialled"):
    transfer: int
    host: str


class Began(msgspec.Struct, frozen=True, kw_only=True, tag="began"):
    """The origin answers; `afresh` where nothing of what was there is kept."""

    transfer: int
    afresh: bool
    total: int | None
    etag: str | None


class Moved(msgspec.Struct, frozen=True, kw_only=True, tag="moved"):
    """`written` is in the file, `synced` of it on the disk; the first `hashed` bytes are hashed."""

    transfer: int
    written: tuple[Span, ...]
    synced: tuple[Span, ...]
    hashed: int = 0


class Received(msgspec.Struct, frozen=True, kw_only=True, tag="received"):
    """Every byte is in the file; what is left is to hash and sync it."""

    transfer: int
    size: int


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """The file is whole, right and on the disk."""

    transfer: int
    size: int
    sha256: str


class HeaderRead(msgspec.Struct, frozen=True, kw_only=True, tag="header_read"):
    transfer: int
    facts: ModelFacts


class Looked(msgspec.Struct, frozen=True, kw_only=True, tag="looked"):
    """`size` is that of the whole, None where nobody said it."""

    transfer: int
    size: int | None
    body: bytes


class Faulted(msgspec.Struct, frozen=True, kw_only=True, tag="faulted"):
    transfer: int
    fault: Fault
    used: tuple[int, ...] = ()
    """Places of the URLs whose bytes are in the file."""


class Alive(msgspec.Struct, frozen=True, kw_only=True, tag="alive"):
    """Said every second while there is a transfer."""

    transfer: int = 0


class Halted(msgspec.Struct, frozen=True, kw_only=True, tag="halted"):
    transfer: int


Report = Dialled | Began | Moved | Received | Done | HeaderRead | Looked | Faulted | Halted | Alive
LAST = (Done, HeaderRead, Looked, Faulted, Halted)
"""After one of these the worker says nothing more of a transfer and has let go of its file."""

_encode = msgspec.msgpack.Encoder().encode
decode_order = msgspec.msgpack.Decoder(Order).decode
decode_report = msgspec.msgpack.Decoder(Report).decode


def frame(message: Order | Report) -> bytes:
    body = _encode(message)
    return LENGTH.pack(len(body)) + body
