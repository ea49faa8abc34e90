"""How much memory a load will take, from the model file's header and the settings."""

from collections.abc import Sequence

import msgspec

from modelhubd.fit.estimate import UBATCH, estimate, is_dense
from modelhubd.fit.vision import assumed_encoder_bytes, encoder_bytes
from modelhubd.llama.fit_params import DeviceFigures
from modelhubd.wire.architecture import Architecture, ModelFacts
from modelhubd.wire.catalog import Role
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import LoadSettings
from modelhubd.wire.units import human_bytes

UNKNOWN_SHARE = 1.2
MODEL_ROLES = ("model", "shard")
LOGITS_SHARE = 1.1
FORMULA = "formula"
FIT_PARAMS = "llama-fit-params"


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes by purpose. `exact` is False where the formula is not known to be near for this kind of model;
    where it cannot be applied at all, the total is 1.2 times the weights."""

    weights_bytes: int
    kv_bytes: int
    compute_bytes: int
    overhead_bytes: int
    exact: bool
    encoder_bytes: int = 0
    """Of the compute, what looking at images takes."""
    basis: str = FORMULA
    """What the figures come from: `formula`, `llama-fit-params` or `measured`."""
    figures: tuple[DeviceFigures, ...] = ()
    """By device, where llama-fit-params told them."""
    before: "Need | None" = None
    """The figures as they were before measurements corrected them."""

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.kv_bytes + self.compute_bytes + self.overhead_bytes

    @property
    def uncorrected(self) -> "Need":
        """Without what was measured."""
        return self.before or self


def need(artifact: Artifact, facts: ModelFacts, settings: LoadSettings) -> Need:
    """Memory for these settings; the files' sizes stand for the weights of a model in several files."""
    sizes = [file.size_bytes for file in artifact.files if file.role in MODEL_ROLES]
    weights = facts.weights_bytes if len(sizes) <= 1 else sum(sizes)
    projectors, encoder = _projector_bytes(artifact), _known_encoder_bytes(facts, settings)
    if encoder is None or not projectors:
        encoder = assumed_encoder_bytes(projectors) if projectors else 0
    found = estimate(
        facts.architecture,
        weights,
        ctx=settings.ctx or facts.architecture.context_length or 0,
        kv_type_k=settings.kv_type_k or "f16",
        kv_type_v=settings.kv_type_v or "f16",
        flash_attention=settings.flash_attention != "off",
        slots=settings.parallel or 1,
        batch=min(settings.batch or UBATCH, UBATCH),
    )
    if found is None:
        return Need(
            weights_bytes=weights,
            kv_bytes=0,
            compute_bytes=encoder,
            overhead_bytes=round(weights * (UNKNOWN_SHARE - 1)) + projectors,
            exact=False,
            encoder_bytes=encoder,
        )
    return Need(
        weights_bytes=found.weights_bytes,
        kv_bytes=found.kv_bytes,
        compute_bytes=found.compute_bytes + encoder,
        overhead_bytes=found.overhead_bytes + projectors,
        exact=is_dense(facts.architecture) and not projectors,
        encoder_bytes=encoder,
    )


def notes_on_encoder(artifact: Artifact, facts: ModelFacts, settings: LoadSettings) -> tuple[str, ...]:
    """That what looking at images takes is assumed, where it is."""
    size, known = _projector_bytes(artifact), _known_encoder_bytes(facts, settings)
    if not size or known is not None:
        return ()
    assumed = human_bytes(assumed_encoder_bytes(size))
    return (f"The projector file does not state its shape: {assumed} are set aside for looking at images.",)


def _projector_bytes(artifact: Artifact) -> int:
    return sum(file.size_bytes for file in artifact.files if file.role == Role.PROJECTOR)


def _known_encoder_bytes(facts: ModelFacts, settings: LoadSettings) -> int | None:
    """What the encoder computes with; None where its shape is not known."""
    if facts.vision is None:
        return None
    return encoder_bytes(facts.vision, flash_attention=settings.flash_attention != "off")


def with_figures(
    guess: Need, figures: Sequence[DeviceFigures], architecture: Architecture, settings: LoadSettings
) -> Need:
    """`guess` with what llama-fit-params printed in its place; its overhead stays. Empty figures change
    nothing. Weights are never below the tensors in the file, and what an
    encoder computes with is added: it knows no projectors.

    It reckons with logits for every token of a batch, which a server never makes. Where these are what it
    tells of compute, they hide what a layer takes, and the formula's word for that counts.
    """
    if not figures:
        return guess
    knows_overhead = guess.kv_bytes or guess.compute_bytes > guess.encoder_bytes
    compute, guessed = (
        sum(figure.compute_bytes for figure in figures),
        guess.compute_bytes - guess.encoder_bytes,
    )
    if guessed and compute <= LOGITS_SHARE * _logits_bytes(architecture, settings):
        compute = min(compute, guessed)
    return Need(
        weights_bytes=max(guess.weights_bytes, sum(figure.model_bytes for figure in figures)),
        kv_bytes=sum(figure.context_bytes for figure in figures),
        compute_bytes=compute + guess.encoder_bytes,
        overhead_bytes=guess.overhead_bytes if knows_overhead else guess.overhead_bytes // 2,
        exact=True,
        encoder_bytes=guess.encoder_bytes,
        basis=FIT_PARAMS,
        figures=tuple(figures),
    )


def _logits_bytes(architecture: Architecture, settings: LoadSettings) -> int:
    """The last layer's work where every token of a batch has logits: vocabulary, six vectors, the mask."""
    ctx = settings.ctx or architecture.context_length or 0
    batch = min(settings.batch or UBATCH, UBATCH)
    widths = (architecture.vocab_size or 0) + 6 * (architecture.hidden_size or 0)
    return batch * (4 * widths + 4 * ctx // (settings.parallel or 1))
