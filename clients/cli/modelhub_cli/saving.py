"""Changing some of the saved load settings and leaving the others."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from modelhub_cli.failures import Failed
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import LoadSettings, SettingsAnswer

if TYPE_CHECKING:
    from modelhub_client import Client


def add_to_saved(daemon: "Client", artifact: Artifact, settings: LoadSettings) -> SettingsAnswer:
    """Save these settings beside those that are saved.

    Raises:
        PreconditionFailed: somebody else changes them at this moment.
    """
    now = daemon.settings(artifact.id)
    set_now = {
        name: value for name in settings.__struct_fields__ if (value := getattr(settings, name)) is not None
    }
    return daemon.save_settings(
        artifact.id, msgspec.structs.replace(_saved(now), **set_now), revision=now.revision
    )


def take_from_saved(daemon: "Client", artifact: Artifact, names: Collection[str]) -> SettingsAnswer:
    """Forget the settings of these names; see `add_to_saved`."""
    now = daemon.settings(artifact.id)
    left = msgspec.structs.replace(_saved(now), **dict.fromkeys(names))
    return daemon.save_settings(artifact.id, left, revision=now.revision)


def _saved(answer: SettingsAnswer) -> LoadSettings:
    try:
        return msgspec.convert(answer.saved, LoadSettings)
    except msgspec.ValidationError as error:
        raise Failed(
            f"The daemon has saved a setting that is not known here ({error}).",
            next_step="Compare the versions with: modelhub version",
        ) from error
