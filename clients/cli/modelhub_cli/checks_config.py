"""What `doctor` checks of the settings: whether a daemon could start with them, and policies that get in each
other's way."""

import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping

import msgspec

from modelhub_cli.checks import Check
from modelhubd.places import Places
from modelhubd.wire.catalog import CatalogInfo
from modelhubd.wire.governance import ModelStanding
from modelhubd.wire.policy import Policy

READ_S = 30.0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say of what is checked without a daemon."""

    models_dir: str
    reserve_bytes: int
    registry_url: str
    offline: bool


def settings(environ: Mapping[str, str], places: Places) -> tuple[Check, Summary | None]:
    """Whether they can be read, by the program that reads them, and what they say."""
    done = subprocess.run(
        [sys.executable, "-m", "modelhubd", "check-config", "--json"], env=dict(environ), capture_output=True,
        text=True, timeout=READ_S, check=False,
    )  # fmt: skip
    if done.returncode:
        return (
            Check.fail(
                "settings",
                done.stderr.strip().removeprefix("modelhubd: ") or "cannot be read",
                f"Until then no daemon starts. The file is {places.config_file}; one key is changed by: "
                "modelhub config set",
            ),
            None,
        )
    where = str(places.config_file) if places.config_file.exists() else "no config.toml: defaults"
    return Check.ok("settings", where), msgspec.json.decode(done.stdout, type=Summary)


def policies(
    policy: Policy,
    info: CatalogInfo,
    *,
    allowed_models: int | None = None,
    own_files: Collection[str] = (),
    installed: Collection[ModelStanding] = (),
) -> Iterator[Check]:
    """Policies that together leave nothing, or not what somebody wanted.

    `allowed_models` is how many of the catalog are of allowed publishers, where some are named; `own_files`
    are those in `catalog.d`; `installed` how what is installed stands.
    """
    found = list(_conflicts(policy, info, allowed_models, own_files))
    refused = [standing for standing in installed if not standing.allowed]
    if refused:
        names = ", ".join(standing.model for standing in refused[:5])
        found.append(
            Check.warn(
                "policy",
                f"{len(refused)} installed that may not be used here: {names}: {refused[0].reason}",
                "Remove them (modelhub rm), or change the policy (modelhub policy)",
            )
        )
    yield from found or [Check.ok("policy", _in_force(policy))]


def _conflicts(
    policy: Policy, info: CatalogInfo, allowed_models: int | None, own_files: Collection[str]
) -> Iterator[Check]:
    for name in ("require_verified", "require_signature"):
        switch = getattr(policy, name)
        if switch.value and info.registry is None:
            yield Check.fail(
                "policy",
                f"{name} is on (says {switch.source}), and no registry is set to vouch: nothing may be used",
                f"modelhub config set catalog.registry_url URL, or: modelhub policy set {name} no",
            )
    if policy.allowed_publishers.value and allowed_models == 0:
        yield Check.fail(
            "policy",
            f"allowed_publishers (says {policy.allowed_publishers.source}) names nobody in the catalog: "
            f"{', '.join(policy.allowed_publishers.value[:5])}",
            "Names are first parts of model ids: modelhub policy set allowed_publishers NAME…",
        )
    if policy.offline.value and info.registry is not None:
        until = f" and is stale from {info.expires_at}" if info.expires_at else ""
        yield Check.warn(
            "policy",
            f"offline is on (says {policy.offline.source}): the registry's catalog is not refreshed{until}",
            "modelhub policy set offline no",
        )
    if own_files and not policy.local_entries.value:
        yield Check.warn(
            "policy",
            f"{len(own_files)} files in catalog.d do not count: local_entries is off "
            f"(says {policy.local_entries.source})",
            "modelhub policy set local_entries yes, or have the registry list them",
        )


def _in_force(policy: Policy) -> str:
    chosen = [name for name in Policy.__struct_fields__ if getattr(policy, name).source != "default"]
    return f"in force: {', '.join(chosen)}" if chosen else "defaults"
