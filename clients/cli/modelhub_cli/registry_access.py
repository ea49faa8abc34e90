"""How commands reach the registry: which one, with which token, and what to do when it refuses."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import click

from modelhub_cli.connect import reference_of
from modelhub_cli.failures import USAGE, Failed
from modelhub_cli.output import Output, output_options
from modelhub_cli.token_file import token_for
from modelhub_cli.waiting import waiting
from modelhub_client import (
    Conflict,
    InvalidRequest,
    NotFound,
    NotPermitted,
    ProblemError,
    RegistryClient,
    RegistryUnreachable,
    TooManyRequests,
    UnexpectedAnswer,
)
from modelhub_client.call import Call
from modelhubd.places import find_places

P = ParamSpec("P")
T = TypeVar("T")

VARIABLE = "MODELHUB_CATALOG_REGISTRY_URL"
"""The daemon's own setting: both mean the same registry."""
_STEPS: tuple[tuple[type[ProblemError], str], ...] = (
    (NotFound, "What there is: modelhub registry versions MODEL, and … reviews, publishers, templates list."),
    (Conflict, "How it stands: modelhub registry versions MODEL, modelhub registry reviews list."),
    (InvalidRequest, "How it is written, with examples: add --help."),
)
_OTHERWISE = "Try again; if it repeats, the registry's administrator finds the reason in its log."
DEFAULT_FILE = "registry-url"


def config_dir() -> Path:
    """Where tokens and the default registry are kept."""
    return find_places(os.environ).config_dir


def state_dir() -> Path:
    """Where it is kept what was seen of audit logs."""
    return find_places(os.environ).state_dir


def registry_command(command: Callable[Concatenate[Output, RegistryClient, P], T]) -> Callable[P, T]:
    """Adds `--registry`, `--json` and `-q` to a command and hands it its `Output` and the registry."""

    @output_options
    @click.option(
        "--registry",
        "url",
        metavar="URL",
        help=f"Which one, instead of ${VARIABLE} or that of `registry login`.",
    )
    @wraps(command)
    def wrapped(out: Output, /, *args: P.args, **kwargs: P.kwargs) -> T:
        url = kwargs.pop("url", None)
        with open_registry(url if isinstance(url, str) else None, out=out) as registry:
            return command(out, registry, *args, **kwargs)

    return wrapped


@contextmanager
def open_registry(
    url: str | None = None, *, token: str | None = None, out: Output | None = None
) -> Iterator[RegistryClient]:
    """The registry that is meant, with the token that is kept for it. `out` is told of slow answers.

    Raises:
        Failed: none is named, or what is named is no address.
    """
    chosen = url or default_url()
    if chosen is None:
        raise Failed("No registry is known.", next_step="Name one: modelhub registry login URL", code=USAGE)
    client = client_of(chosen, token or token_for(config_dir(), checked_url(chosen)), out)
    with client:
        try:
            yield client
        except NotPermitted as error:
            error.add_note(_advice(error, client.url))
            raise
        except RegistryUnreachable as error:
            error.add_note("Check the address and the network; another registry: modelhub registry login URL")
            raise
        except UnexpectedAnswer as error:
            error.add_note(f"Is {client.url} the address of a registry?")
            raise
        except TooManyRequests as error:
            if (wait := error.problem.retry_after_s) is not None:
                error.add_note(f"Try again in {wait:.0f} s.")
            raise
        except ProblemError as error:
            error.add_note(next((step for kind, step in _STEPS if isinstance(error, kind)), _OTHERWISE))
            raise


class _Telling(RegistryClient):
    """Says what is waited for where an answer takes over a second."""

    def __init__(self, url: str, token: str | None, out: Output) -> None:
        super().__init__(url, token=token)
        self._out = out

    def run(self, call: Call[T], /) -> T:
        with waiting(self._out, f"Waiting for {self.url}"):
            return super().run(call)


def client_of(url: str, token: str | None, out: Output | None = None) -> RegistryClient:
    """
    Raises:
        Failed: `url` is no address of a registry (exit code 2).
    """
    try:
        return RegistryClient(url, token=token) if out is None else _Telling(url, token, out)
    except ValueError as error:
        raise _no_address(url) from error


def checked_url(url: str) -> str:
    """The address without a slash at its end.

    Raises:
        Failed: as `client_of`.
    """
    return client_of(url, None).url


def _no_address(url: str) -> Failed:
    return Failed(
        f"{url!r} is not the address of a registry.",
        next_step="One is like https://models.example.org",
        code=USAGE,
    )


def default_url() -> str | None:
    """The registry of the environment, else that of the last login."""
    if named := os.environ.get(VARIABLE):
        return named
    try:
        return (config_dir() / DEFAULT_FILE).read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def model_of(text: str) -> str:
    """A bare model id.

    Raises:
        Failed: it is none, or names a version or an option too (exit code 2).
    """
    found = reference_of(text)
    if found.version is not None or found.option is not None:
        raise Failed(f"{text!r} names more than a model.", next_step=f"Write {found.model}", code=USAGE)
    return found.model


def version_of(text: str) -> tuple[str, int]:
    """The model and the version of `publisher/name@version`.

    Raises:
        Failed: it names no version (exit code 2).
    """
    found = reference_of(text)
    if found.version is None or found.option is not None:
        raise Failed(
            f"{text!r} does not name a version.",
            next_step=f"Write {found.model}@2; which there are: modelhub registry versions {found.model}",
            code=USAGE,
        )
    return found.model, found.version


def _advice(error: NotPermitted, url: str) -> str:
    if error.status == 401:
        return f"Sign in with a token that is valid: modelhub registry login {url}"
    return "What your token allows: modelhub registry whoami"
