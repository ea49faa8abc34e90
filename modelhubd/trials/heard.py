"""What a candidate's answer is and took, read as the gateway reads the active model's."""

from modelhubd.exchange import Figures
from modelhubd.gateway.confidence import STEP_BYTES, Confidence
from modelhubd.gateway.passage import figures
from modelhubd.gateway.usage import Ends
from modelhubd.wire.trials import PairSide


class Heard:
    """Give `add` the pieces as they come, each with the seconds since the question."""

    def __init__(self, *, streamed: bool) -> None:
        self.content = bytearray()
        self._streamed = streamed
        self._first_s: float | None = None
        self._ends = Ends()
        self._confidence = Confidence()

    def add(self, piece: bytes, after_s: float) -> None:
        if self._first_s is None:
            self._first_s = after_s
        self.content += piece
        self._ends.add(piece)
        for start in range(0, len(piece), STEP_BYTES):
            self._confidence.add(piece[start : start + STEP_BYTES])

    def side(self, latency_s: float) -> PairSide:
        """The figures once all has come, `latency_s` after the question."""
        return side_of(
            figures(
                self._ends.told(),
                latency_s=latency_s,
                first_s=self._first_s if self._streamed else None,
                confidence=self._confidence.mean(),
            )
        )


def side_of(told: Figures, *, waited: bool = False) -> PairSide:
    """As a pair has it. Of a request that had to wait for its model to be loaded (`waited`) times tell
    nothing."""
    return PairSide(
        prompt_tokens=told.prompt_tokens,
        cached_tokens=told.cached_tokens,
        completion_tokens=told.completion_tokens,
        ttft_s=None if waited else told.ttft_s,
        tokens_per_s=told.tokens_per_s,
        latency_s=None if waited else told.latency_s,
        finish_reason=told.finish_reason,
        confidence=told.confidence,
    )
