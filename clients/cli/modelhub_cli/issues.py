"""Showing issues of a version: on stderr, the gravest first."""

from collections.abc import Sequence

from modelhub_cli.output import Output, plain
from modelhubd.wire.registry import Issue

STYLES = {"error": "red", "warning": "yellow", "info": "dim"}


def print_issues(out: Output, issues: Sequence[Issue]) -> None:
    """A line each: how grave, where, what."""
    for issue in issues:
        where = f" {plain(issue.pointer)}" if issue.pointer else ""
        out.say(f"{issue.severity.value:<8}{plain(issue.code)}{where}: {plain(issue.message)}")
