"""A set of questions, what is asked for each, and what an answer says."""

import json
import math
from itertools import product

import pytest

from modelhubd.errors import Conflict, InvalidInput
from modelhubd.trials.checks.reading import read_checks
from modelhubd.trials.evaluations.asking import answer_of, request_of
from modelhubd.trials.evaluations.question_set import MAX_LINE_BYTES, MAX_QUESTIONS, read_set
from modelhubd.trials.evaluations.run import refuse_changed
from modelhubd.trials.evaluations.states import TABLE, Event, advance
from modelhubd.wire.evaluations import EvaluatedModel, EvaluationState, Sampling
from tests.fakes import samples

CHECKS = read_checks("checks: {short: {regex: x}, right: {expected: equals}}")


def faults(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read_set(text, CHECKS)
    assert {error.pointer for error in caught.value.errors} == {"/set"}
    return [error.detail for error in caught.value.errors]


def test_a_set_is_read_line_by_line() -> None:
    found = read_set(
        '\ufeff{"prompt": "one"}\r\n\n{"id": 7, "messages": [{"role": "system", "content": "be"}, '
        '{"role": "user", "content": [{"type": "text", "text": "two"}]}], "expected": "x", '
        '"checks": ["right"]}\n',
        CHECKS,
    )
    one, two = found.questions
    assert (one.id, one.messages[0].text, one.expected, one.checks) == ("1", "one", None, None)
    assert (two.id, two.messages[1].text, two.expected, two.checks) == ("7", "two", "x", ("right",))
    assert len(found.digest) == 64
    assert read_set('{"prompt": "one"}').digest != found.digest


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "it is no JSON"),
        ('{"messages": ' + "[" * 100_000, "line 2"),
        ("[]", "Expected `object`"),
        ("{}", "give either `messages` or `prompt`"),
        ('{"prompt": "x", "messages": []}', "give either"),
        ('{"messages": []}', "must end with one of the user"),
        ('{"messages": [{"role": "assistant", "content": "x"}]}', "must end with one of the user"),
        ('{"messages": [{"role": "tool", "content": "x"}]}', "'tool' - at `messages[0].role`"),
        ('{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}',
         "at `messages[0].content[0]"),
        ('{"prompt": "x", "promt": 1}', "unknown field `promt`"),
        ('{"prompt": 1}', "Expected `str | null`, got `int` - at `prompt`"),
        ('{"prompt": "x", "id": ""}', "an `id` has 1 to 100 characters"),
        ('{"prompt": "x", "id": "1"}', "its id is that of line 1"),
        ('{"prompt": "x", "checks": ["other"]}', "there is no check 'other'"),
        ('{"prompt": "x", "checks": ["right"]}', "the check 'right' needs `expected`"),
        (json.dumps({"prompt": "x" * MAX_LINE_BYTES}), "longer than 256 KiB"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named(line: str, said: str) -> None:
    (found,) = faults('{"prompt": "fine"}\n' + line)
    assert found.startswith("line 2: ")
    assert said in found


def test_an_empty_set_and_one_that_is_too_long_are_refused() -> None:
    assert faults("\n \n") == ["it has no question"]
    assert faults(
        '{"prompt": "x"}\n' * 0 + "".join(f'{{"prompt": "{n}"}}\n' for n in range(MAX_QUESTIONS + 1))
    ) == [f"it has more than {MAX_QUESTIONS} questions"]
    assert len(faults("{\n" * 100)) == 20


def test_a_question_is_asked_with_a_seed_of_its_own_and_depends_on_no_other() -> None:
    (question,) = read_set('{"prompt": "hi"}').questions
    first = request_of(question, 0, Sampling(max_tokens=9), seed=2**31 - 1)
    assert first["messages"] == [{"role": "user", "content": "hi"}]
    assert (first["seed"], first["temperature"], first["max_tokens"]) == (2**31 - 1, 0.0, 9)
    assert (first["cache_prompt"], first["logprobs"], first["stream"]) == (False, True, False)
    assert (first["top_p"], first["top_k"], first["min_p"]) == (1.0, 0, 0)
    assert request_of(question, 1, Sampling(), seed=2**31 - 1)["seed"] == 0


def test_an_answer_is_read_with_its_figures() -> None:
    body = {
        "choices": [{
            "message": {"content": "Hi"}, "finish_reason": "stop",
            "logprobs": {"content": [{"logprob": 0.0, "token": "H"}, {"logprob": math.log(0.5)}]},
        }],
        "usage": {"prompt_tokens": 4, "completion_tokens": 3},
        "timings": {"prompt_ms": 20, "predicted_ms": 20, "predicted_n": 3},
    }  # fmt: skip
    found = answer_of(200, json.dumps(body).encode(), 0.25)
    assert (found.text, found.error, found.latency_s, found.first_token_s) == ("Hi", None, 0.25, 0.02)
    assert found.tokens_per_s == pytest.approx(100)
    assert found.confidence == pytest.approx(0.75)
    assert (found.prompt_tokens, found.completion_tokens, found.finish_reason) == (4, 3, "stop")


def test_an_answer_without_figures_has_none() -> None:
    bare = answer_of(200, b'{"choices": [{"message": {"content": null}}]}', 1.0)
    assert (bare.text, bare.first_token_s, bare.tokens_per_s, bare.confidence) == ("", None, None, None)
    assert bare.error is None
    short = b'{"choices": [{"message": {}}], "timings": {"predicted_ms": 1, "predicted_n": 1}}'
    assert answer_of(200, short, 1.0).tokens_per_s is None


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(400, b'{"error": {"message": "canary"}}', "http_400"), (503, b"", "http_503"),
     (200, b"<", "not_understood"),
     (200, b'{"choices": []}', "not_understood"), (200, b'{"choices": 3}', "not_understood")],
)  # fmt: skip
def test_what_is_no_answer_is_an_error_that_repeats_nothing(status: int, body: bytes, error: str) -> None:
    found = answer_of(status, body, 1.0)
    assert (found.error, found.text) == (error, "")


@pytest.mark.parametrize(("state", "event"), list(product(EvaluationState, Event)))
def test_the_life_of_an_evaluation_is_the_table(state: EvaluationState, event: Event) -> None:
    if (state, event) in TABLE:
        assert advance(state, event) is TABLE[state, event]
        return
    with pytest.raises(Conflict) as refused:
        advance(state, event)
    assert refused.value.code == "wrong_state"


def test_a_model_of_other_content_is_not_gone_on_with() -> None:
    artifact = samples.artifact("a", digest="d1")
    model = EvaluatedModel(
        asked="x", library_id="a", model=artifact.model, version=1, option="q4", digest="d1"
    )
    refuse_changed(model, artifact)
    with pytest.raises(Conflict) as changed:
        refuse_changed(model, samples.artifact("a", digest="d2"))
    assert changed.value.code == "model_changed"
