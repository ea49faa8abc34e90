"""reviews: what waits for a decision, what it would change, and the decision."""

import json
from datetime import UTC, datetime
from typing import Any, Literal

import click

from modelhub_cli import words
from modelhub_cli.asking import ask
from modelhub_cli.commands.registry.versions import print_version, reference
from modelhub_cli.failures import CONFLICT, NOT_FOUND, USAGE, Failed
from modelhub_cli.issues import STYLES, print_issues
from modelhub_cli.output import Column, Fact, Output, plain
from modelhub_cli.registry_access import registry_command, version_of
from modelhub_cli.teaching import examples
from modelhub_client import RegistryClient
from modelhubd.wire.registry import Change, Review, VersionStatus

STATUSES = tuple(status.value for status in VersionStatus)
DIGEST_LEAST = 12
VALUE_MAX = 400

EXAMPLES = """\b
Examples:
  modelhub registry reviews list
  modelhub registry reviews show acme/tiny@3
  modelhub registry reviews approve acme/tiny@3          shows it, then asks
  modelhub registry reviews approve acme/tiny@3 --yes --digest 5f0c…   what was looked at, in a script
  modelhub registry reviews reject acme/tiny@3 --reason "No licence."
"""


def _problems(review: Review) -> str:
    counts: dict[str, int] = {}
    for issue in review.issues:
        counts[issue.severity.value] = counts.get(issue.severity.value, 0) + 1
    return ", ".join(
        f"{count} {name}{'s' if count > 1 and name != 'info' else ''}" for name, count in counts.items()
    )


REVIEWS: tuple[Column[Review], ...] = (
    Column(title="version", raw=lambda review: reference(review.version), style="bold", flexible=True),
    Column(title="status", raw=lambda review: review.version.status.value),
    Column(title="published by", raw=lambda review: review.version.published_by),
    Column(
        title="published",
        raw=lambda review: review.version.published_at,
        shown=lambda review: words.ago(review.version.published_at, datetime.now(UTC)),
        from_width=80,
    ),
    Column(title="changes", raw=lambda review: len(review.changes), right=True),
    Column(
        title="issues",
        raw=lambda review: len(review.issues),
        shown=_problems,
        style=lambda review: "red" if review.blocked else "",
    ),
    Column(
        title="blocked",
        raw=lambda review: review.blocked,
        shown=lambda review: "blocked" if review.blocked else "",
        style="red",
    ),
    Column(title="content", raw=lambda review: review.version.content_sha256, shown=lambda _: ""),
)


@click.group(epilog=EXAMPLES)
def reviews() -> None:
    """What waits for a decision. Nobody decides about what they published themselves."""


@reviews.command(
    "list",
    epilog=examples("modelhub registry reviews list", "modelhub registry reviews list --status rejected"),
)
@click.option("--status", type=click.Choice(STATUSES), default="pending", show_default=True)
@registry_command
def list_reviews(out: Output, registry: RegistryClient, status: str) -> None:
    """The queue, oldest first."""
    found = tuple(registry.every_review(status))
    out.items(found, REVIEWS, lambda review: reference(review.version))
    if not found:
        out.say(f"Nothing is {status}.")


@reviews.command("show", epilog=examples("modelhub registry reviews show acme/tiny@3"))
@click.argument("version", metavar="MODEL@VERSION")
@registry_command
def show(out: Output, registry: RegistryClient, version: str) -> None:
    """What a version would change against what is served, what was noticed, and the digest of its content."""
    found = _review(registry, *version_of(version))
    if out.json:
        out.value(found)
    elif out.quiet:
        out.line(found.version.content_sha256)
    else:
        _print(out, found)
        if found.version.status is VersionStatus.PENDING:
            out.say(
                f"Approve exactly this: modelhub registry reviews approve {reference(found.version)}"
                f" --digest {found.version.content_sha256[:DIGEST_LEAST]}"
            )


def _review(registry: RegistryClient, model: str, number: int) -> Review:
    """The version with what it would change, or as it was decided about."""
    version = registry.version(model, number)
    if version.status is not VersionStatus.PENDING:
        return Review(
            version=version,
            served_version=registry.model(model).served_version,
            changes=(),
            issues=registry.issues(model, number),
            blocked=False,
        )
    for found in registry.every_review():
        if (found.version.model, found.version.version) == (model, number):
            return found
    raise Failed(f"{model}@{number} has been decided about just now.", code=NOT_FOUND)


def _print(out: Output, review: Review) -> None:
    version = review.version
    served = f"version {review.served_version}" if review.served_version else "nothing yet"
    out.facts(
        (
            Fact(name="version", raw=reference(version), style="bold"),
            Fact(name="status", raw=version.status.value),
            Fact(name="published_by", raw=version.published_by),
            Fact(name="published_at", raw=version.published_at),
            Fact(name="content_sha256", raw=version.content_sha256, style="cyan"),
            Fact(name="served", raw=review.served_version, shown=served),
            Fact(name="blocked", raw=review.blocked, shown="by what was noticed" if review.blocked else "no"),
            Fact(name="notes", raw=version.notes),
        )
    )
    if out.terminal:
        if review.version.status is VersionStatus.PENDING:
            _print_changes(out, review.changes)
        _print_issues(out, review)
        return
    for change in review.changes:
        out.line("\t".join(("change", plain(change.pointer), _value(change.before), _value(change.after))))
    for issue in review.issues:
        out.line("\t".join(("issue", issue.severity.value, plain(issue.pointer), plain(issue.message))))


def _print_changes(out: Output, changes: tuple[Change, ...]) -> None:
    from modelhub_cli.tables import paint, print_text

    out.line()
    out.line(paint(out, f"Changes ({len(changes)})" if changes else "Nothing changes.", "bold"))
    for change in changes:
        out.line(paint(out, plain(change.pointer) or "/", "cyan"))
        for sign, value, style in (("-", change.before, "red"), ("+", change.after, "green")):
            if value is not None:
                print_text(out, f"{sign} {_value(value)}", style, indent=2)


def _print_issues(out: Output, review: Review) -> None:
    from modelhub_cli.tables import paint, print_text

    out.line()
    out.line(
        paint(out, f"Noticed ({len(review.issues)})" if review.issues else "Nothing was noticed.", "bold")
    )
    for issue in review.issues:
        head = f"{issue.severity.value} {plain(issue.pointer)}".strip()
        print_text(out, f"{head}: {plain(issue.message)}", STYLES.get(issue.severity.value, ""))


def _value(value: Any) -> str:
    """A value of an entry on one line, cut where it is long."""
    if value is None:
        return ""
    text = (
        plain(value)
        if isinstance(value, str)
        else plain(json.dumps(value, ensure_ascii=False, sort_keys=True))
    )
    return text if len(text) <= VALUE_MAX else text[:VALUE_MAX] + "…"


@reviews.command(
    "approve",
    epilog=examples(
        "modelhub registry reviews approve acme/tiny@3",
        "modelhub registry reviews approve acme/tiny@3 --digest 0123456789ab --yes",
    ),
)
@click.argument("version", metavar="MODEL@VERSION")
@click.option(
    "--digest", metavar="SHA256", help="Of the content that was looked at, or its first 12 digits or more."
)
@click.option("--reason", metavar="TEXT")
@click.option("-y", "--yes", is_flag=True, help="Do not show it and ask; needs --digest.")
@registry_command
def approve(
    out: Output, registry: RegistryClient, version: str, digest: str | None, reason: str | None, yes: bool
) -> None:
    """Approve a version: machines get it from now on. What is approved is the content that was shown, and
    nothing else that may have taken its place."""
    _decide(out, registry, version, "approve", digest=digest, reason=reason, yes=yes)


@reviews.command(
    "reject",
    epilog=examples('modelhub registry reviews reject acme/tiny@3 --reason "The licence is missing."'),
)
@click.argument("version", metavar="MODEL@VERSION")
@click.option("--reason", required=True, metavar="TEXT", help="The publisher is told.")
@click.option("--digest", metavar="SHA256", help="As for approve.")
@click.option("-y", "--yes", is_flag=True, help="Do not show it and ask; needs --digest.")
@registry_command
def reject(
    out: Output, registry: RegistryClient, version: str, reason: str, digest: str | None, yes: bool
) -> None:
    """Reject a version. A mended one is published as a new version."""
    _decide(out, registry, version, "reject", digest=digest, reason=reason, yes=yes)


def _decide(
    out: Output,
    registry: RegistryClient,
    version: str,
    decision: Literal["approve", "reject"],
    *,
    digest: str | None,
    reason: str | None,
    yes: bool,
) -> None:
    model, number = version_of(version)
    if digest is not None and not _is_digest(digest):
        raise Failed(f"A digest is at least {DIGEST_LEAST} hex digits.", code=USAGE)
    if yes and digest is None:
        raise Failed(
            "What was looked at?",
            next_step=f"Add --digest with what this says: modelhub registry reviews show {version} -q",
            code=USAGE,
        )
    found = _review(registry, model, number)
    content = found.version.content_sha256
    if digest is not None and not content.startswith(digest.lower()):
        raise Failed(
            f"{model}@{number} has the content {content[:DIGEST_LEAST]}…, not what was looked at.",
            next_step=f"Look again: modelhub registry reviews show {version}",
            code=CONFLICT,
        )
    if not yes:
        if not out.json and not out.quiet:
            _print(out, found)
        if found.issues and not out.terminal:
            print_issues(out, found.issues)
        ask(out, f"{decision.capitalize()} {model}@{number}?", "--yes --digest SHA256")
    print_version(out, registry.decide(model, number, decision, content_sha256=content, reason=reason))


def _is_digest(text: str) -> bool:
    return DIGEST_LEAST <= len(text) <= 64 and all(
        character in "0123456789abcdef" for character in text.lower()
    )
