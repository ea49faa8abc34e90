"""What the registry counts, in Prometheus's text form."""

from collections.abc import Iterator

from aiohttp import web

from modelhubd import __version__
from modelhubd.metrics.exposition import CONTENT_TYPE, Family, Sample, family, text
from modelhubd.registry.metrics_store import Figures, figures
from modelhubd.registry.parts import Parts
from modelhubd.registry.routing import RegistryAsk


async def metrics(ask: RegistryAsk[None, None]) -> web.StreamResponse:
    parts = ask.parts
    async with parts.database.reading() as connection:
        found = await figures(connection)
    families = (*of_registry(parts, found), *parts.traffic.families())
    return web.Response(body=text(families).encode(), headers={"Content-Type": CONTENT_TYPE})


def of_registry(parts: Parts, found: Figures) -> Iterator[Family]:
    yield family("modelhub_registry_build_info", "gauge", "Always 1.", Sample(1, (("version", __version__),)))
    yield family(
        "modelhub_registry_pending_reviews",
        "gauge",
        "Versions that wait for a decision.",
        Sample(found.pending),
    )
    yield family("modelhub_registry_served_models", "gauge", "Models that are served.", Sample(found.served))
    yield family("modelhub_registry_verified_models", "gauge", "Of them verified.", Sample(found.verified))
    yield family("modelhub_registry_revision", "gauge", "Of what is served.", Sample(found.revision))
    yield family(
        "modelhub_registry_released", "gauge", "The revision that is signed.", Sample(found.released)
    )
    yield family(
        "modelhub_registry_release_failing", "gauge", "Whether the last signing failed.",
        Sample(parts.releases.fault is not None),
    )  # fmt: skip
    yield family("modelhub_registry_audit_entries", "counter", "Entries of the log.", Sample(found.audited))
    yield family(
        "modelhub_registry_rate_refusals_total", "counter", "Requests of those who ask too often.",
        Sample(parts.rates.refused),
    )  # fmt: skip
