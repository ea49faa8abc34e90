"""What a model is asked, and what its answer says. Pure."""

from typing import Any

import msgspec
from msgspec import Struct

from modelhubd.gateway.confidence import mean_probability
from modelhubd.gateway.usage import writing_speed
from modelhubd.trials.evaluations.question_set import Question, message_values
from modelhubd.wire.base import Message
from modelhubd.wire.evaluations import Sampling

ROUTE = "/v1/chat/completions"
SEEDS = 2**31


class Token(Message, frozen=True, kw_only=True):
    logprob: float


class Logprobs(Message, frozen=True, kw_only=True):
    content: tuple[Token, ...] | None = None


class ReplyMessage(Message, frozen=True, kw_only=True):
    content: str | None = None


class Choice(Message, frozen=True, kw_only=True):
    message: ReplyMessage
    finish_reason: str | None = None
    logprobs: Logprobs | None = None


class Used(Message, frozen=True, kw_only=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Timings(Message, frozen=True, kw_only=True):
    prompt_ms: float | None = None
    predicted_ms: float | None = None
    predicted_n: int | None = None


class Reply(Message, frozen=True, kw_only=True):
    """The part of llama-server's answer that matters here."""

    choices: tuple[Choice, ...]
    usage: Used = Used()
    timings: Timings = Timings()


class Answer(Struct, frozen=True, kw_only=True):
    """One model's answer to one question. `error` is a code, where there is no answer."""

    text: str = ""
    error: str | None = None
    latency_s: float
    first_token_s: float | None = None
    """By the server's own account: the time it took to read the question."""
    tokens_per_s: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    confidence: float | None = None
    finish_reason: str | None = None


def request_of(question: Question, number: int, sampling: Sampling, seed: int) -> dict[str, Any]:
    """The request for the question of this number. Each has a seed of its own, the same for every model,
    and no answer depends on the one before: the prompt is read anew. llama-server's own
    cuts (`top_k`, `min_p`) are off: what is stated is all there is."""
    return {
        "messages": message_values(question),
        "stream": False,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": 0,
        "min_p": 0,
        "max_tokens": sampling.max_tokens,
        "seed": (seed + number) % SEEDS,
        "logprobs": True,
        "cache_prompt": False,
    }


def answer_of(status: int, body: bytes, latency_s: float) -> Answer:
    """What the server's answer says. Nothing that it says of an error is kept: it may repeat the question."""
    if status != 200:
        return Answer(error=f"http_{status}", latency_s=latency_s)
    try:
        reply = msgspec.json.decode(body, type=Reply)
        choice = reply.choices[0]
    except (msgspec.MsgspecError, IndexError):
        return Answer(error="not_understood", latency_s=latency_s)
    tokens = choice.logprobs.content if choice.logprobs else None
    times = reply.timings
    return Answer(
        text=choice.message.content or "",
        latency_s=latency_s,
        first_token_s=None if times.prompt_ms is None else times.prompt_ms / 1000,
        tokens_per_s=writing_speed(times.predicted_n, times.predicted_ms),
        prompt_tokens=reply.usage.prompt_tokens,
        completion_tokens=reply.usage.completion_tokens,
        confidence=mean_probability(token.logprob for token in tokens or ()),
        finish_reason=choice.finish_reason,
    )
