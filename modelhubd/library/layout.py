"""Where an artifact's files live beneath the models directory:
`<publisher>/<name>/<version>/<option>/<file>`. Paths here are relative, with `/`."""

import re
from collections.abc import Sequence

from msgspec import Struct

from modelhubd.trust.names import is_model_id, is_option_id
from modelhubd.wire.catalog import Role
from modelhubd.wire.library import ArtifactFile

MARKER = ".modelhub"
"""A file of ours in the models directory. Where a drive is unplugged its mount point is an empty folder; that
this file is not in it tells us so."""

LIBRARY_ID = re.compile(r"[0-9a-f]{16}")
VERSION = re.compile(r"[1-9][0-9]{0,8}")
OPTION_DEPTH = 4


class Key(Struct, frozen=True, order=True, gc=False):
    """What there is at most one artifact of."""

    model: str
    version: int
    option: str

    def __str__(self) -> str:
        return f"{self.model}@{self.version}:{self.option}"


def folder_of(key: Key) -> str:
    return f"{key.model}/{key.version}/{key.option}"


def key_of(path: str) -> tuple[Key, str] | None:
    """Whose file this is and its name there, or None for a path that is no artifact's."""
    parts = path.split("/")
    if len(parts) <= OPTION_DEPTH:
        return None
    model, version, option = "/".join(parts[:2]), parts[2], parts[3]
    if not (is_model_id(model) and VERSION.fullmatch(version) and is_option_id(option)):
        return None
    return Key(model, int(version), option), "/".join(parts[OPTION_DEPTH:])


def main_file(files: Sequence[ArtifactFile]) -> ArtifactFile | None:
    """What a server is given: the model file, of a split model its first part."""
    for role in (Role.MODEL, Role.SHARD):
        if found := sorted((file for file in files if file.role == role), key=lambda file: file.name):
            return found[0]
    return None


def projector_file(files: Sequence[ArtifactFile]) -> ArtifactFile | None:
    return next((file for file in files if file.role == Role.PROJECTOR), None)
