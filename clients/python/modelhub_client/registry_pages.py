"""Whole lists of a registry, page by page, as methods of both of its clients."""

from collections.abc import AsyncGenerator, Callable, Iterator
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

from modelhub_client.call import Call
from modelhub_client.calls import registry as of_registry
from modelhub_client.calls import registry_accounts as of_accounts
from modelhubd.wire.base import Page
from modelhubd.wire.registry import AuditEntry, Publisher, RegistryVersion, Review, Template, Token

T = TypeVar("T")
P = ParamSpec("P")

PAGE = 200
REVIEWS_PAGE = 50
"""Each may hold a whole entry."""

After: TypeAlias = Callable[[str | None], Call[Page[T]]]
"""Builds the call for what comes after a cursor; None is the beginning."""


class Pages(Protocol):
    """A client that goes through pages."""

    def pages(self, build: After[T]) -> Iterator[T]: ...


class PagesAsync(Protocol):
    """An async client that goes through pages."""

    def pages(self, build: After[T]) -> AsyncGenerator[T, None]: ...


def every(listed: Callable[P, After[T]]) -> Callable[Concatenate[Pages, P], Iterator[T]]:
    """The method of a sync client that gives all items of a list."""

    @wraps(listed)
    def method(self: Pages, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        return self.pages(listed(*args, **kwargs))

    return method


def every_async(
    listed: Callable[P, After[T]],
) -> Callable[Concatenate[PagesAsync, P], AsyncGenerator[T, None]]:
    """The method of an async client that gives all items of a list."""

    @wraps(listed)
    def method(self: PagesAsync, /, *args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T, None]:
        return self.pages(listed(*args, **kwargs))

    return method


def versions(model: str) -> After[RegistryVersion]:
    """The versions of a model that one may see, newest first."""
    return lambda after: of_registry.versions(model, limit=PAGE, after=after)


def reviews(status: str | None = None) -> After[Review]:
    """What waits for a decision, oldest first, or what has another status."""
    return lambda after: of_registry.reviews(status=status, limit=REVIEWS_PAGE, after=after)


def templates() -> After[Template]:
    """The templates with their badges."""
    return lambda after: of_registry.templates(limit=PAGE, after=after)


def publishers() -> After[Publisher]:
    """The publishers with their keys."""
    return lambda after: of_accounts.publishers(limit=PAGE, after=after)


def tokens() -> After[Token]:
    """The tokens that one may see; never their secrets."""
    return lambda after: of_accounts.tokens(limit=PAGE, after=after)


def audit_entries(
    *, actor: str | None = None, action: str | None = None, subject: str | None = None
) -> After[AuditEntry]:
    """The entries of the audit log, oldest first."""
    return lambda after: of_accounts.audit(
        actor=actor, action=action, subject=subject, limit=PAGE, after=after
    )


class WholeLists:
    """For a class with `pages`."""

    every_version = every(versions)
    every_review = every(reviews)
    every_template = every(templates)
    every_publisher = every(publishers)
    every_token = every(tokens)
    every_audit_entry = every(audit_entries)


class AsyncWholeLists:
    """For a class with async `pages`."""

    every_version = every_async(versions)
    every_review = every_async(reviews)
    every_template = every_async(templates)
    every_publisher = every_async(publishers)
    every_token = every_async(tokens)
    every_audit_entry = every_async(audit_entries)
