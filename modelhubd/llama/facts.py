"""What an installed model's file says of itself."""

from pathlib import Path

from modelhubd.errors import BadModelFile, Conflict
from modelhubd.llama.failures import failure
from modelhubd.storage.model_file import read_model_facts_at
from modelhubd.wire.architecture import ModelFacts
from modelhubd.wire.library import Artifact


async def facts_of(artifact: Artifact, model: Path) -> ModelFacts:
    """
    Raises:
        BadModelFile: its header is not what it claims to be.
        Conflict: `artifact_missing`: the file cannot be read.
    """
    try:
        return await read_model_facts_at(model)
    except OSError as error:
        raise Conflict(
            f"{artifact.model} cannot be loaded: its file cannot be read ({error.strerror}). Verify it.",
            code="artifact_missing",
        ) from error


async def sound_facts_of(artifact: Artifact, model: Path) -> ModelFacts:
    """The same for who cannot show a broken model. Raises Conflict, also `bad_model`."""
    try:
        return await facts_of(artifact, model)
    except BadModelFile as fault:
        raise Conflict(failure("bad_model", str(fault)).detail, code="bad_model") from fault
