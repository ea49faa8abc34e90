"""What it counts."""

import asyncio
from collections import Counter
from collections.abc import Iterator

from aiohttp import web

from modelhubd.api.about import status_of
from modelhubd.api.parts import Parts
from modelhubd.metrics.children import children
from modelhubd.metrics.exposition import CONTENT_TYPE, Family, Sample, family, text
from modelhubd.trust.text import printable
from modelhubd.web.routing import Ask
from modelhubd.wire.downloads import DownloadState
from modelhubd.wire.servers import Server, ServerState
from modelhubd.wire.status import Status

RECEIVING = (DownloadState.ACTIVE, DownloadState.VERIFYING, DownloadState.INSTALLING)


async def metrics(ask: Ask[Parts, None, None]) -> web.StreamResponse:
    parts = ask.parts
    status, servers, receiving, of_children = await asyncio.gather(
        status_of(parts),
        parts.servers.list(),
        parts.downloads.list(RECEIVING, 200, None),
        children(parts.servers.upstreams()),
    )
    for download in receiving.items:
        parts.tally.saw_download(download)
    families = (
        *of_daemon(parts, status),
        *of_servers(servers.items),
        *of_downloads(status),
        *parts.tally.families(),
        *of_gateway(parts),
        *of_children,
    )
    return web.Response(body=text(families).encode(), headers={"Content-Type": CONTENT_TYPE})


def of_daemon(parts: Parts, status: Status) -> Iterator[Family]:
    yield family("modelhub_build_info", "gauge", "Always 1.", Sample(1, (("version", status.version),)))
    yield family("modelhub_uptime_seconds", "gauge", "Since the daemon started.", Sample(status.uptime_s))
    yield family("modelhub_memory_bytes", "gauge", "Of the daemon itself.", Sample(status.rss_bytes))
    yield family("modelhub_event_readers", "gauge", "Open event streams.", Sample(parts.bus.readers))
    yield family("modelhub_models_installed", "gauge", "Artifacts.", Sample(status.models_installed))
    yield family("modelhub_models_bytes", "gauge", "Disk they take.", Sample(status.disk_used_bytes))
    if status.disk_free_bytes is not None:
        yield family("modelhub_disk_free_bytes", "gauge", "For models.", Sample(status.disk_free_bytes))


def of_servers(servers: tuple[Server, ...]) -> Iterator[Family]:
    by_state = Counter(server.state for server in servers)
    yield family(
        "modelhub_servers", "gauge", "llama-servers by state.",
        *(Sample(by_state[state], (("state", state.value),)) for state in ServerState),
    )  # fmt: skip
    yield family(
        "modelhub_server_memory_bytes", "gauge", "Measured when the server became ready, else estimated.",
        *(
            Sample(held, (("model", server.model), ("server", server.name)))
            for server in servers
            if not server.state.ended
            and (held := server.memory.measured_bytes or server.memory.estimated_bytes) is not None
        ),
    )  # fmt: skip


def of_downloads(status: Status) -> Iterator[Family]:
    queue = status.downloads
    counts = {
        "queued": queue.queued, "active": queue.active, "waiting": queue.waiting, "paused": queue.paused,
        "failed": queue.failed,
    }  # fmt: skip
    yield family(
        "modelhub_downloads", "gauge", "Downloads by state; `active` are those that come, or are verified.",
        *(Sample(count, (("state", state),)) for state, count in counts.items()),
    )  # fmt: skip
    yield family(
        "modelhub_download_bytes_per_second", "gauge", "All of them together.",
        Sample(queue.rate_bytes_per_s),
    )  # fmt: skip


def of_gateway(parts: Parts) -> Iterator[Family]:
    traffic = parts.gateway.traffic
    yield family(
        "modelhub_gateway_requests_total", "counter", "Answered requests, by model (none reached: empty).",
        *(
            Sample(count, (("model", model), ("status", str(status))))
            for (model, status), count in sorted(traffic.answered.items())
        ),
    )  # fmt: skip
    yield family(
        "modelhub_gateway_cut_off_total", "counter", "Answers that broke off.",
        *(Sample(count, (("model", model),)) for model, count in sorted(traffic.cut_off.items())),
    )  # fmt: skip
    yield family(
        "modelhub_gateway_waiting", "gauge", "Requests whose answer has not begun, by the name asked for.",
        *(
            Sample(count, (("name", name),))
            for name, count in sorted(_shown(traffic.waiting).items())
        ),
    )  # fmt: skip
    yield family(
        "modelhub_gateway_answering", "gauge", "Requests that are being answered.",
        *(
            Sample(count, (("model", model), ("server", server)))
            for (model, server), count in sorted(traffic.answering.items())
        ),
    )  # fmt: skip
    yield family(
        "modelhub_gateway_tokens_total", "counter", "Tokens as the answers tell them.",
        *(
            Sample(count, (("model", model), ("kind", kind)))
            for (model, kind), count in sorted(traffic.tokens.items())
        ),
    )  # fmt: skip
    yield family(
        "modelhub_gateway_held_bytes", "gauge", "Bodies of requests in memory.",
        Sample(parts.gateway.bodies.held_bytes),
    )  # fmt: skip


def _shown(waiting: Counter[str]) -> Counter[str]:
    """A name is a stranger's text, and two may look alike once they are shortened."""
    shown: Counter[str] = Counter()
    for name, count in waiting.items():
        shown[printable(name)[:130]] += count
    return shown
