"""One address of a file, as the worker has come to know it."""

from urllib.parse import urlsplit

from modelhubd.downloads.plan import Fault, Head, is_expired, next_hop


class Mirror:
    """Where a file is asked for. One connection finds the way (redirects); then others take it too."""

    def __init__(self, url: str, allow_origins: frozenset[str]) -> None:
        self.url = url
        """As the catalog names it."""
        self.at = url
        """Where the redirects led."""
        self.etag: str | None = None
        """Strong validator of the file there."""
        self.serves_ranges = False
        """Said by an answer: others may ask for their pieces at once."""
        self.fault: Fault | None = None
        """Why it is used no more."""
        self.used = False
        """Bytes of it are in the file."""
        self._allow_origins = allow_origins
        self._answered = False
        self._asked_again = False

    @property
    def host(self) -> str:
        """Name and port that are dialled."""
        parts = urlsplit(self.at)
        return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"

    def follow(self, asked: str, location: str, hops: int) -> Fault | None:
        """Go where a redirect of the URL `asked` leads, the request having followed `hops` before; the fault
        of one that leads where this daemon does not go."""
        target = next_hop(asked, location, hops, self._allow_origins)
        if isinstance(target, Fault):
            return target
        self.at = target
        return None

    def answers(self, etag: str | None, *, serves_ranges: bool) -> None:
        """The way is found: bytes come."""
        self.etag, self.serves_ranges = etag, serves_ranges
        self.used = self._answered = True

    def find_again(self, head: Head, asked: str) -> bool:
        """Whether to ask again after this refusal at the URL `asked`: a signed one may have run out. Then the
        catalog's is asked afresh, once for each time that it led to an answer and once more."""
        if not is_expired(head):
            return False
        if asked != self.at:
            return True  # another connection was told before
        if self.at == self.url or (self._asked_again and not self._answered):
            return False
        self._asked_again = not self._answered
        self._answered = False
        self.restart()
        return True

    def restart(self) -> None:
        """Find the way afresh."""
        self.at, self.serves_ranges = self.url, False
