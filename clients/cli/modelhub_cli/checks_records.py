"""What `doctor` checks of records."""

from collections.abc import Iterator

from modelhub_cli.checks import Check
from modelhubd.wire.records import RecordsSummary


def records(found: RecordsSummary) -> Iterator[Check]:
    """Whether requests are recorded, and whether content of some is kept."""
    for warning in found.warnings:
        yield Check.warn("records", warning, "modelhub status shows how they stand now.")
    if not found.warnings and found.state == "on":
        yield Check.ok("records", f"{found.records} kept on this machine")
    for rule in found.audit:
        subject = rule.node or rule.app or rule.model
        yield Check.warn(
            "content kept",
            f"{rule.keep} of {subject}, for {rule.max_age_days} days",
            "Unless you want that: modelhub records audit --off",
        )
