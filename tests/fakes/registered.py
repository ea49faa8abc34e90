"""A machine that takes its catalog from a registry: what it is given, and its daemon."""

import json
from collections.abc import Mapping
from pathlib import Path

from tests.running import RunningDaemon


def registered(
    home: Path,
    *,
    registry: str,
    root: Path,
    token: str,
    origin: str = "",
    settings: Mapping[str, str] | None = None,
) -> RunningDaemon:
    """A daemon, not started yet, that knows the registry's address, its first root and a token of it.

    `origin` is one of http that files come from.
    """
    folder = home / "config"
    folder.mkdir(parents=True, exist_ok=True)
    tokens = folder / "tokens.toml"
    tokens.touch(mode=0o600)
    tokens.write_text(f"{json.dumps(registry)} = {json.dumps(token)}\n")
    given = {
        "MODELHUB_CATALOG_REGISTRY_URL": registry,
        "MODELHUB_CATALOG_REGISTRY_ROOT": str(root),
        "MODELHUB_MODELS_RESERVE_BYTES": "0",
    }
    if origin:
        given["MODELHUB_DOWNLOADS_ALLOW_ORIGINS"] = origin
    return RunningDaemon(home, given | dict(settings or {}))
