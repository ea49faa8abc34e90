"""What Tab offers for an argument: names from the daemon if it answers at once, and else nothing. What asks
for them is imported when Tab is pressed, and not for `--help`."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

from modelhub_client import ClientError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from modelhub_client import Client
    from modelhub_client.call import Call

T = TypeVar("T")

TIMEOUT_S = 1.0
MOST = 200
UNTROUBLED = re.compile(r"[A-Za-z0-9._/@-]+")
"""Shells neither split nor expand it."""

Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem[str]]"]


def _offering(names: "Callable[[Client, str], Iterable[str]]") -> Complete:
    def complete(_: click.Context, __: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
        from click.shell_completion import CompletionItem

        from modelhub_client.client import Client

        try:
            found = sorted(set(names(Client(), incomplete)))
        except ClientError:
            return []
        return [
            CompletionItem(name)
            for name in found
            if name.startswith(incomplete) and UNTROUBLED.fullmatch(name)
        ]

    return complete


def _catalog(daemon: "Client", incomplete: str) -> Iterable[str]:
    from modelhub_client.calls import catalog

    page = daemon.run(_soon(catalog.search(incomplete or None, sort="name", limit=MOST)))
    return (model.id for model in page.items)


def _installed(daemon: "Client", _: str) -> Iterable[str]:
    from modelhub_client.calls import library

    return (artifact.model for artifact in daemon.run(_soon(library.library(limit=MOST))).items)


def _running(daemon: "Client", _: str) -> Iterable[str]:
    from modelhub_client.calls import servers

    return (server.name for server in daemon.run(_soon(servers.servers())).items if not server.state.ended)


def _talkable(daemon: "Client", incomplete: str) -> Iterable[str]:
    return (*_running(daemon, incomplete), *_installed(daemon, incomplete))


def _queued(daemon: "Client", _: str) -> Iterable[str]:
    from modelhub_client.calls import downloads

    return (download.id for download in daemon.run(_soon(downloads.downloads(limit=MOST))).items)


def _working(daemon: "Client", _: str) -> Iterable[str]:
    from modelhub_client.calls import jobs

    return (job.id for job in daemon.run(_soon(jobs.jobs())).items)


def _soon(call: "Call[T]") -> "Call[T]":
    return msgspec.structs.replace(call, timeout_s=TIMEOUT_S)


def _settings(daemon: "Client", _: str) -> Iterable[str]:
    from modelhub_client.calls import system

    return daemon.run(_soon(system.config())).values


def _policies(daemon: "Client", _: str) -> Iterable[str]:
    from modelhubd.wire.policy import Policy

    return Policy.__struct_fields__


def _logged(daemon: "Client", _: str) -> Iterable[str]:
    from modelhub_client.calls import servers

    return (server.name for server in daemon.run(_soon(servers.servers())).items)


def _recorded(daemon: "Client", _: str) -> Iterable[str]:
    from modelhub_client.calls import records

    return (record.id for record in daemon.run(_soon(records.records(limit=MOST))).items)


in_catalog = _offering(_catalog)
record_ids = _offering(_recorded)
installed_models = _offering(_installed)
running_models = _offering(_running)
models_to_talk_to = _offering(_talkable)
download_ids = _offering(_queued)
job_ids = _offering(_working)
setting_names = _offering(_settings)
policy_names = _offering(_policies)
logged_models = _offering(_logged)
"""Those that run and those that have failed: both have a log."""
