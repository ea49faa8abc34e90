"""How sure a model was is read in passing, whatever else an answer holds."""

import json
import math

import pytest

from modelhubd.gateway.confidence import Confidence, mean_probability


def token(text: str, logprob: float | None, *others: float) -> dict[str, object]:
    top = [{"id": 1, "token": "[", "bytes": [91], "logprob": other} for other in others]
    return {"id": 0, "token": text, "bytes": list(text.encode()), "logprob": logprob, "top_logprobs": top}


def stream(*tokens: dict[str, object]) -> bytes:
    chunks = ({"choices": [{"delta": {"content": "x"}, "logprobs": {"content": [one]}}]} for one in tokens)
    return (
        b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    )


def whole(*tokens: dict[str, object], text: str = "hello") -> bytes:
    choice = {"message": {"content": text}, "logprobs": {"content": list(tokens)}}
    return json.dumps({"choices": [choice]}, separators=(",", ":")).encode()


def read(answer: bytes, size: int) -> float | None:
    confidence = Confidence()
    for at in range(0, len(answer), size):
        confidence.add(answer[at : at + size])
    return confidence.mean()


TOKENS = (
    token("a", -0.5, -0.5, -3.0),
    token('"]}', -1.0, -0.2),
    token("\\", -2.0),
    token('"logprob":-9,', 0.0),
)
MEAN = (math.exp(-0.5) + math.exp(-1) + math.exp(-2) + 1) / 4


@pytest.mark.parametrize("size", [1, 7, 64, 333, 16_384])
@pytest.mark.parametrize("answer", [stream(*TOKENS), whole(*TOKENS)])
def test_it_is_the_mean_probability_of_the_tokens_that_were_chosen(answer: bytes, size: int) -> None:
    assert read(answer, size) == pytest.approx(MEAN, abs=1e-12)


@pytest.mark.parametrize("size", [1, 97, 16_384])
def test_what_a_text_says_of_itself_counts_for_nothing(size: int) -> None:
    lie = '{"logprob": 0.0, "top_logprobs":[' * 200
    assert read(whole(*TOKENS, text=lie), size) == pytest.approx(MEAN, abs=1e-12)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b'{"choices":[{"logprobs":null}]}',
        whole(token("a", None)),
        whole(token("a", 3.5)),
        b'{"logprob":-1.2.3}',
        b'{"logprob":-0.5',
        b'{"top_logprobs":[{"logprob":-0.5}',
    ],
)
def test_what_is_no_probability_is_none(answer: bytes) -> None:
    assert read(answer, 64) is None


def test_of_tokens_that_are_known_it_is_the_same_figure() -> None:
    chosen = [float(str(one["logprob"])) for one in TOKENS]
    assert mean_probability(chosen) == read(whole(*TOKENS), 16_384) == pytest.approx(MEAN, abs=1e-12)
    assert mean_probability([1e-9]) == read(whole(token("a", 1e-9)), 64) == 1.0, "rounding"
    assert mean_probability([]) is None
    assert mean_probability([3.5, math.nan]) is None


def test_an_endless_answer_is_not_kept() -> None:
    confidence = Confidence()
    piece = stream(*TOKENS)[:16_000]
    for _ in range(300):
        confidence.add(piece)
    kept = len(confidence._rest) + len(confidence._skeleton.json)
    assert kept < 1024
