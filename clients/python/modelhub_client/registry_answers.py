"""What both clients of a registry know of it: its address, and what it has answered."""

from typing import Any, TypeVar
from urllib.parse import urlsplit

from modelhub_client.call import Call
from modelhub_client.errors import RegistryUnreachable, UnexpectedAnswer

T = TypeVar("T")

ANSWER_MAX = 256 * 1024 * 1024
CHUNK = 256 * 1024
NOT_MODIFIED = 304


class Answers:
    """Of the registry at `url`. What it answered is kept with its ETag, and given again while that holds."""

    def __init__(self, url: str) -> None:
        """
        Raises:
            ValueError: `url` is no such address.
        """
        self.url = registry_address(url)
        self._known: dict[str, tuple[str, Any]] = {}

    def etag(self, call: Call[Any]) -> str | None:
        """Of what the call answered before, to be asked for again only if it has changed."""
        known = self._known.get(call.target) if call.conditional else None
        return None if known is None else known[0]

    def read(self, call: Call[T], status: int, body: bytes, etag: str | None) -> T:
        """What an answer says.

        Raises:
            UnexpectedAnswer: it sends on to another address, or cannot be read.
            ProblemError: the registry refuses.
        """
        known = self._known.get(call.target) if call.conditional else None
        if status == NOT_MODIFIED and known is not None:
            value: T = known[1]
            return value
        if 300 <= status < 400:
            raise UnexpectedAnswer(
                f"{self.url} sends requests on to another address. Use that address itself: the token is "
                "not sent to where an answer points."
            )
        found = call.read(status, body)
        if call.conditional and etag is not None:
            self._known[call.target] = (etag, found)
        return found

    def unreachable(self, what: str) -> RegistryUnreachable:
        return RegistryUnreachable(f"The registry at {self.url} {what}.")


def registry_address(url: str) -> str:
    """The address of a registry, without a slash at its end.

    Raises:
        ValueError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ValueError("a registry's address is like https://models.example.org")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
