"""What an installed model's file says of itself."""

from pathlib import Path

import msgspec

from modelhubd.errors import BadModelFile, Conflict
from modelhubd.llama.failures import failure
from modelhubd.storage.model_file import read_model_facts_at
from modelhubd.wire.architecture import ModelFacts
from modelhubd.wire.library import Artifact


async def facts_of(artifact: Artifact, model: Path, projector: Path | None = None) -> ModelFacts:
    """With the encoder of its projector, if that can be read: llama-server says what is wrong with one.

    Raises:
        BadModelFile: its header is not what it claims to be.
        Conflict: `artifact_missing`: the file cannot be read.
    """
    try:
        facts = await read_model_facts_at(model)
    except OSError as error:
        raise Conflict(
            f"{artifact.model} cannot be loaded: its file cannot be read ({error.strerror}). Verify it.",
            code="artifact_missing",
        ) from error
    if projector is None:
        return facts
    try:
        vision = (await read_model_facts_at(projector)).vision
    except (BadModelFile, OSError):
        vision = None
    return msgspec.structs.replace(facts, vision=vision)


async def sound_facts_of(artifact: Artifact, model: Path, projector: Path | None = None) -> ModelFacts:
    """The same for who cannot show a broken model. Raises Conflict, also `bad_model`."""
    try:
        return await facts_of(artifact, model, projector)
    except BadModelFile as fault:
        raise Conflict(failure("bad_model", str(fault)).detail, code="bad_model") from fault
