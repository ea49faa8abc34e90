"""How much memory a load will take, from the model file's header and the settings."""

from collections.abc import Sequence

import msgspec

from modelhubd.fit.estimate import UBATCH, estimate, is_dense
from modelhubd.llama.fit_params import DeviceFigures
from modelhubd.wire.architecture import Architecture, ModelFacts
from modelhubd.wire.library import Artifact
from modelhubd.wire.servers import LoadSettings

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
    projectors = sum(file.size_bytes for file in artifact.files if file.role == "projector")
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
            compute_bytes=0,
            overhead_bytes=round(weights * (UNKNOWN_SHARE - 1)) + projectors,
            exact=False,
        )
    return Need(
        weights_bytes=found.weights_bytes,
        kv_bytes=found.kv_bytes,
        compute_bytes=found.compute_bytes,
        overhead_bytes=found.overhead_bytes + projectors,
        exact=is_dense(facts.architecture) and not projectors,
    )


def with_figures(
    guess: Need, figures: Sequence[DeviceFigures], architecture: Architecture, settings: LoadSettings
) -> Need:
    """`guess` with what llama-fit-params printed in its place; its overhead stays. Empty figures change
    nothing. Weights are never below the tensors in the file.

    It reckons with logits for every token of a batch, which a server never makes. Where these are what it
    tells of compute, they hide what a layer takes, and the formula's word for that counts.
    """
    if not figures:
        return guess
    knows_overhead = guess.kv_bytes or guess.compute_bytes
    compute = sum(figure.compute_bytes for figure in figures)
    if guess.compute_bytes and compute <= LOGITS_SHARE * _logits_bytes(architecture, settings):
        compute = min(compute, guess.compute_bytes)
    return Need(
        weights_bytes=max(guess.weights_bytes, sum(figure.model_bytes for figure in figures)),
        kv_bytes=sum(figure.context_bytes for figure in figures),
        compute_bytes=compute,
        overhead_bytes=guess.overhead_bytes if knows_overhead else guess.overhead_bytes // 2,
        exact=True,
        basis=FIT_PARAMS,
        figures=tuple(figures),
    )


def _logits_bytes(architecture: Architecture, settings: LoadSettings) -> int:
    """The last layer's work where every token of a batch has logits: vocabulary, six vectors, the mask."""
    ctx = settings.ctx or architecture.context_length or 0
    batch = min(settings.batch or UBATCH, UBATCH)
    widths = (architecture.vocab_size or 0) + 6 * (architecture.hidden_size or 0)
    return batch * (4 * widths + 4 * ctx // (settings.parallel or 1))
