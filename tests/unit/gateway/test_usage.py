"""What an answer says it took is read in passing."""

import pytest

from modelhubd.gateway.usage import HEAD_BYTES, TAIL_BYTES, Ends, Told, Usage, writing_speed

CHAT = b'{"choices":[{"message":{"content":"Hi"}}],"usage":{"completion_tokens":8,"prompt_tokens":21}}'
TIMED = b'data: {"choices":[],"timings":{"cache_n":20,"prompt_n":1,"predicted_n":8}}\n\ndata: [DONE]\n\n'
ASKED = b'data: {"usage":{"completion_tokens":7,"prompt_tokens":21},"timings":{"prompt_n":1,"predicted_n":8}}'
EMBEDDING = b'{"usage":{"prompt_tokens":6,"total_tokens":6},"data":[' + b"0.125," * 9000 + b"1]}"
START = b'data: {"type":"message_start","message":{"usage":{"input_tokens":21,"output_tokens":0}}}\n\n'
DELTA = b'data: {"type":"message_delta","usage":{"output_tokens":8}}\n\n'


@pytest.mark.parametrize(
    ("answer", "prompt", "generated"),
    [
        (CHAT, 21, 8),
        (TIMED, 21, 8),
        (ASKED, 21, 7),
        (EMBEDDING, 6, 0),
        (START + b": x\n" * 20_000 + DELTA, 21, 8),
        (b"", 0, 0),
        (b'{"error":{"message":"no"}}', 0, 0),
    ],
)
@pytest.mark.parametrize("size", [1_000_000, 777, 10])
def test_every_kind_of_answer_tells_its_tokens(answer: bytes, prompt: int, generated: int, size: int) -> None:
    ends = Ends()
    for at in range(0, len(answer), size):
        ends.add(answer[at : at + size])
    assert ends.usage() == Usage(prompt=prompt, generated=generated)


@pytest.mark.parametrize(
    "text",
    [
        b'{"content":"\\"prompt_tokens\\":99}"}',
        b'{"prompt_tokens":99999999999999999999}',
        b'{"prompt_tokens":-5}',
        b'{"prompt_tokens":"5"}',
        b'{"prompt_tokens":1.5}',
        b'{"prompt_tokens":5',
    ],
)
def test_what_only_looks_like_a_figure_counts_for_nothing(text: bytes) -> None:
    ends = Ends()
    ends.add(text)
    assert ends.usage() == Usage()


def test_an_endless_answer_is_not_kept() -> None:
    ends = Ends()
    for _ in range(200):
        ends.add(b"x" * 100_000)
    kept = sum(len(value) for value in vars(ends).values())
    assert kept <= HEAD_BYTES + TAIL_BYTES


TELLING = [
    (
        b'{"choices":[{"finish_reason":"stop"}],"usage":{"completion_tokens":8,"prompt_tokens":21,'
        b'"prompt_tokens_details":{"cached_tokens":20}},"timings":{"cache_n":20,"prompt_n":1,"predicted_n":8,'
        b'"predicted_ms":4.0,"predicted_per_second":2000.5}}',
        Told(prompt_tokens=21, cached_tokens=20, completion_tokens=8, writing_s=0.004, tokens_per_s=1750.0,
             finish_reason="stop"),
    ),
    (
        b'data: {"choices":[{"finish_reason":null}]}\n\ndata: {"choices":[{"finish_reason":"length"}],'
        b'"timings":{"cache_n":20,"prompt_n":1,"predicted_n":2,"predicted_ms":0,"predicted_per_second":0.0}}',
        Told(prompt_tokens=21, cached_tokens=20, completion_tokens=2, writing_s=0.0, finish_reason="length"),
    ),
    (
        b'{"message":{"stop_reason":null,"usage":{"cache_read_input_tokens":20,"input_tokens":1,"output_tokens":0}}}'
        b'{"delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":3}}',
        Told(prompt_tokens=21, cached_tokens=20, completion_tokens=3, finish_reason="max_tokens"),
    ),
    (
        b'{"status":"completed","usage":{"input_tokens":21,"output_tokens":3,"input_tokens_details":'
        b'{"cached_tokens":20}}}',
        Told(prompt_tokens=21, cached_tokens=20, completion_tokens=3, finish_reason="completed"),
    ),
    (b'{"content":"\\"finish_reason\\":\\"stop\\",\\"cached_tokens\\":3}"}', Told()),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "told"), TELLING)
def test_an_answer_tells_more_than_its_tokens(answer: bytes, told: Told) -> None:
    ends = Ends()
    ends.add(answer)
    assert ends.told() == told


@pytest.mark.parametrize(
    ("tokens", "took_ms", "speed"),
    [
        (8, 1.4, 5000.0), (2, 0.2, 5000.0), (101, 2000.0, 50.0),
        (1, 0.001, None), (2, 0.001, None), (1, 500.0, None), (0, 500.0, None), (8, 0.0, None),
        (None, 500.0, None), (8, None, None),
    ],
)  # fmt: skip
def test_a_speed_is_of_the_tokens_after_the_first_and_none_where_nothing_was_measured(
    tokens: int | None, took_ms: float | None, speed: float | None
) -> None:
    assert writing_speed(tokens, took_ms) == (None if speed is None else pytest.approx(speed))


@pytest.mark.parametrize("said", [b"1000000.0", b"0.0", b"4830.9"])
def test_what_a_build_makes_of_its_times_changes_no_speed(said: bytes) -> None:
    """They divide by one token more or less, and a single one by a time that was not measured."""
    answer = b'{"timings":{"predicted_n":%d,"predicted_ms":%s,"predicted_per_second":%s}}'
    one, two = Ends(), Ends()
    one.add(answer % (1, b"0.001", said))
    two.add(answer % (2, b"20.0", said))
    assert one.told().tokens_per_s is None
    assert two.told().tokens_per_s == pytest.approx(50.0)
