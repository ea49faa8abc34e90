"""What a load would be: settings in force, memory, what to start, and how that is shown."""

import secrets
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from modelhubd.llama.command import Endpoint, command
from modelhubd.llama.discovery import Build
from modelhubd.llama.launch import Launch
from modelhubd.llama.memory import Need, need, notes_on_encoder
from modelhubd.llama.placement import Placement
from modelhubd.llama.settings import Below, check, notes, refuse_locked
from modelhubd.wire.architecture import ModelFacts
from modelhubd.wire.base import rfc3339
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import (
    DeviceShare,
    EffectiveSetting,
    Estimate,
    LoadPlan,
    LoadRequest,
    LoadSettings,
    Server,
    ServerMemory,
    ServerState,
)

ADDRESSES = ("-m", "--mmproj", "--host", "--port")
"""Options whose values are this machine's own; each has one."""


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A load of one artifact as it would be done. `effective` tells each setting's layer."""

    settings: LoadSettings
    effective: dict[str, EffectiveSetting]
    need: Need
    ctx: int
    notes: tuple[str, ...] = ()


def asked_settings(request: LoadRequest) -> LoadSettings:
    """Its settings, with the time to live that may stand beside them."""
    if request.ttl_s is None:
        return request.settings
    return msgspec.structs.replace(request.settings, ttl_s=request.ttl_s)


def plan(artifact: Artifact, facts: ModelFacts, asked: LoadSettings, below: Below) -> Planned:
    """The asked settings over the layers below them.

    Raises:
        InvalidInput: they do not go together.
        Conflict: `decided_elsewhere`: one of them is locked.
    """
    refuse_locked(asked, below)
    settings, effective = below.with_layer("load", asked).lay()
    check(effective, facts.architecture)
    return Planned(
        settings=settings,
        effective=effective,
        need=need(artifact, facts, settings),
        ctx=settings.ctx or facts.architecture.context_length or 0,
        notes=(*notes(effective, facts), *notes_on_encoder(artifact, facts, settings)),
    )


def launch(
    planned: Planned,
    build: Build,
    model: Path,
    projector: Path | None,
    facts: ModelFacts,
    *,
    force: bool,
    yields: bool = False,
) -> Launch:
    """What to start for a plan."""
    mapped = planned.settings.mmap is not False and not build.about.devices
    return Launch(
        build=build,
        settings=planned.settings,
        model=model,
        projector=projector,
        embeddings=is_encoder(facts),
        ranks=facts.ranks,
        needed_bytes=planned.need.total_bytes,
        mapped_bytes=planned.need.weights_bytes if mapped else 0,
        force=force,
        yields=yields,
    )


def estimate_of(planned: Planned, placement: Placement, devices: tuple[DeviceShare, ...] = ()) -> Estimate:
    """A plan and its placement, as they are shown."""
    return Estimate(
        weights_bytes=planned.need.weights_bytes,
        kv_bytes=planned.need.kv_bytes,
        compute_bytes=planned.need.compute_bytes,
        overhead_bytes=planned.need.overhead_bytes,
        total_bytes=planned.need.total_bytes,
        available_bytes=placement.available_bytes,
        fits=placement.fits,
        reason=placement.reason,
        ctx=planned.ctx,
        basis=planned.need.basis,
        devices=devices,
        evicts=placement.evict if placement.fits else (),
        settings=planned.effective,
        notes=planned.notes,
    )


def load_plan(
    artifact: Artifact,
    planned: Planned,
    build: Build,
    estimate: Estimate,
    facts: ModelFacts,
    *,
    name: str,
    running: str | None,
) -> LoadPlan:
    """A load that is not done, as it is shown."""
    tried = command(
        build.options,
        planned.settings,
        model="-",
        name=name,
        endpoint=Endpoint(),
        instance="",
        environ={},
        embeddings=is_encoder(facts),
        ranks=facts.ranks,
    )
    return LoadPlan(
        library_id=artifact.id,
        model=artifact.model,
        version=artifact.version,
        option=artifact.option,
        name=name,
        running=running,
        build=build.about.version,
        settings=planned.effective,
        estimate=estimate,
        options=_without_addresses(tried.arguments),
        ignored=tried.unknown,
    )


def _without_addresses(arguments: Iterable[str]) -> tuple[str, ...]:
    rest = iter(arguments)
    shown = []
    for argument in rest:
        if argument in ADDRESSES:
            next(rest)
        else:
            shown.append(argument)
    return tuple(shown)


def new_server(
    artifact: Artifact,
    name: str,
    build: Build,
    now: datetime,
    planned: Planned | None = None,
    *,
    yields: bool = False,
) -> Server:
    """A server that is about to start, with an id of its own."""
    return Server(
        id=secrets.token_hex(8),
        name=name,
        library_id=artifact.id,
        model=artifact.model,
        version=artifact.version,
        option=artifact.option,
        state=ServerState.STARTING,
        build=build.about.version,
        settings=planned.effective if planned else {},
        memory=ServerMemory(estimated_bytes=planned.need.total_bytes if planned else None),
        started_at=rfc3339(now),
        yields=yields,
    )


def is_encoder(facts: ModelFacts) -> bool:
    """Whether the model makes embeddings and no text."""
    return facts.architecture.attention == "encoder" or "bert" in (facts.architecture.family or "")
