"""Fetching from a model repository: bounded, with a token that goes to one origin only.

urllib, as it knows the proxies of the environment; TLS is the platform's.
"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from modelhub_cli.failures import INTEGRITY, NOT_FOUND, NOT_PERMITTED, UNREACHABLE, Failed
from modelhubd.trust.urls import fault_in_url, origin_of

TIMEOUT_S = 30.0
HOPS_MAX = 5
ANSWER_MAX = 32 * 1024 * 1024


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are ours to judge."""

    def redirect_request(self, *_: Any) -> None:
        return None


def next_hop(url: str, location: str | None, home: str) -> str:
    """Where a redirect leads, if one may go there: https, or the origin `home` that one began at.

    Raises:
        ValueError: one may not; the message says why.
    """
    if not location:
        raise ValueError("the answer does not say where it leads")
    target = urljoin(url, location)
    fault = fault_in_url(target, allow_origins=[home])
    if fault is not None:
        raise ValueError(fault)
    return target


def credentials(url: str, home: str, token: str | None) -> dict[str, str]:
    """The header that carries the token, to the origin `home` and no other."""
    return {"Authorization": f"Bearer {token}"} if token and origin_of(url) == home else {}


class Web:
    """GET from `endpoint`. `token` goes to its origin, and on a redirect to another one no further."""

    def __init__(self, endpoint: str, token: str | None) -> None:
        self._home = origin_of(endpoint)
        self._token = token
        self._opener = urllib.request.build_opener(_Stay)

    def json(self, url: str) -> Any:
        """The JSON at `url`.

        Raises:
            Failed: it cannot be had, or is something else.
        """
        data = self.whole(url, ANSWER_MAX)
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Failed(f"{self._home} answers something that is not JSON.", code=INTEGRITY) from error

    def whole(self, url: str, limit: int) -> bytes:
        """All of what is at `url`.

        Raises:
            Failed: it cannot be had, or is longer than `limit`.
        """
        data = self._get(url, {}, limit + 1)
        if len(data) > limit:
            raise Failed(f"The answer of {self._home} is longer than {limit} bytes.", code=INTEGRITY)
        return data

    def start(self, url: str, count: int) -> bytes:
        """The first `count` bytes, also from who sends all of it."""
        return self._get(url, {"Range": f"bytes=0-{count - 1}"}, count) if count else b""

    def _get(self, url: str, headers: Mapping[str, str], limit: int) -> bytes:
        for _ in range(HOPS_MAX + 1):
            request = urllib.request.Request(url, headers={"Accept-Encoding": "identity", **headers})  # noqa: S310
            for name, value in credentials(url, self._home, self._token).items():
                request.add_unredirected_header(name, value)
            try:
                with self._opener.open(request, timeout=TIMEOUT_S) as response:
                    data: bytes = response.read(limit)
                    return data
            except urllib.error.HTTPError as error:
                with error:
                    if error.code not in (301, 302, 303, 307, 308):
                        raise self._refused(error.code) from error
                    location = error.headers.get("Location")
            except (OSError, http.client.HTTPException) as error:
                reason = getattr(error, "reason", None) or error
                raise Failed(
                    f"{self._home} cannot be reached: {reason}.",
                    next_step="This machine must reach it ($HTTPS_PROXY), or a mirror of it ($HF_ENDPOINT).",
                    code=UNREACHABLE,
                ) from error
            try:
                url = next_hop(url, location, self._home)
            except ValueError as error:
                raise Failed(f"{self._home} sends on to where nothing is fetched from: {error}.") from error
        raise Failed(f"{self._home} sends on more than {HOPS_MAX} times.")

    def _refused(self, status: int) -> Failed:
        if status in (401, 403):
            return Failed(
                f"{self._home} does not show this to you.",
                next_step="Accept its terms there, then put a token into $HF_TOKEN.",
                code=NOT_PERMITTED,
            )
        if status == 404:
            return Failed(
                f"{self._home} does not know this repository or revision.",
                next_step="It is written hf:OWNER/NAME, or hf:OWNER/NAME@REVISION, as it is called there.",
                code=NOT_FOUND,
            )
        return Failed(f"{self._home} answers with status {status}.")
