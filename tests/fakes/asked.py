"""What a request asks for, as the fake origins read it."""

from typing import BinaryIO, NamedTuple


class Asked(NamedTuple):
    """`fields` by their names in lower case."""

    method: str
    target: str
    fields: dict[str, str]
    content: bytes


def read_asked(source: BinaryIO) -> Asked | None:
    """The next request of a connection; None at its end."""
    line = source.readline(65536).decode("latin-1").strip()
    if not line:
        return None
    method, target, _ = line.split(" ", 2)
    fields: dict[str, str] = {}
    while text := source.readline(65536).decode("latin-1").strip():
        name, _, value = text.partition(":")
        fields[name.lower()] = value.strip()
    return Asked(method, target, fields, source.read(int(fields.get("content-length", 0))))
