"""Our text is Prometheus's text, and a stranger's cannot spoil it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from modelhubd.metrics.exposition import (
    HELP_LENGTH,
    MOST_SAMPLES,
    Family,
    Sample,
    family,
    merged,
    number,
    read,
    text,
)
from modelhubd.metrics.histogram import Histogram

OURS = (("model", "lab/tiny"), ("server", "mine"))


def parsed(exposition: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Sample name → labels → value, as Prometheus's own client reads it."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for metric in text_string_to_metric_families(exposition):
        for sample in metric.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), "each sample once"
            found[sample.name][labels] = sample.value
    return found


@given(st.text(max_size=50), st.text(alphabet='a"\\\n {},=#', max_size=20), st.floats(allow_nan=False))
def test_any_label_any_help_and_any_number_are_read_as_they_are(help: str, label: str, value: float) -> None:
    written = text([family("x", "gauge", help.replace("\r", ""), Sample(value, (("name", label),)))])
    assert parsed(written) == {"x": {(("name", label),): value}}


def test_kinds_and_helps_are_told() -> None:
    written = text([family("a_total", "counter", "What\nit is.", Sample(1)), family("b", "gauge", "")])
    assert written == "# HELP a_total What\\nit is.\n# TYPE a_total counter\na_total 1\n# TYPE b gauge\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.0, "1"),
        (0.25, "0.25"),
        (1e300, "1e+300"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_numbers_are_written_as_prometheus_writes_them(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_histogram_has_each_bucket_with_the_smaller_ones_in_it() -> None:
    histogram = Histogram((0.5, 1, 10))
    for seconds in (0.5, 0.7, 3, 99):
        histogram.observe(seconds)
    found = parsed(text([family("load_seconds", "histogram", "Loads.", *histogram.samples((("a", "b"),)))]))
    buckets = {dict(labels)["le"]: value for labels, value in found["load_seconds_bucket"].items()}
    assert buckets == {"0.5": 1, "1": 2, "10": 3, "+Inf": 4}
    assert found["load_seconds_sum"] == {(("a", "b"),): 103.2}
    assert found["load_seconds_count"] == {(("a", "b"),): 4}


SERVER = """# HELP llamacpp:tokens_predicted_total Number of generation tokens processed
# TYPE llamacpp:tokens_predicted_total counter
llamacpp:tokens_predicted_total 12
# TYPE llamacpp:predicted_tokens_seconds gauge
llamacpp:predicted_tokens_seconds 3578.25
# TYPE llamacpp:per_pos_total counter
llamacpp:per_pos_total{pos="0",model="liar"} 1
llamacpp:per_pos_total{pos="1"} 2 1700000000000
"""


def test_a_servers_own_figures_get_our_labels() -> None:
    found = read(SERVER, "llamacpp:", OURS)
    assert [(one.name, one.kind) for one in found] == [
        ("llamacpp:tokens_predicted_total", "counter"),
        ("llamacpp:predicted_tokens_seconds", "gauge"),
        ("llamacpp:per_pos_total", "counter"),
    ]
    assert found[0].help == "Number of generation tokens processed"
    assert parsed(text(found))["llamacpp:per_pos_total"] == {
        tuple(sorted((*OURS, ("pos", "0")))): 1,
        tuple(sorted((*OURS, ("pos", "1")))): 2,
    }


def test_the_figures_of_several_servers_stand_together() -> None:
    other = (("model", "lab/other"), ("server", "other"))
    lying = SERVER.replace("counter", "gauge")
    found = merged([read(SERVER, "llamacpp:", OURS), read(lying, "llamacpp:", other)])
    assert len({one.name for one in found}) == len(found) == 3
    assert found[0].kind == "counter"
    assert [dict(sample.labels)["server"] for sample in found[0].samples] == ["mine", "other"]
    assert len(parsed(text(found))["llamacpp:per_pos_total"]) == 4


@pytest.mark.parametrize(
    "line",
    [
        "modelhub_servers 99",
        "llamacpp:x",
        "llamacpp:x nought",
        "llamacpp:x 1_0",
        "llamacpp:x 0x10",
        "llamacpp:x 1 2 3",
        "llamacpp:x{ 1",
        'llamacpp:x{a="} 1',
        'llamacpp:x{a="b"c="d} 1',
        "llamacpp:x-y 1",
        "llamacpp:\u00e9 1",
        "llamacpp:x \u0661",
        "llamacpp:" + "x" * 5000 + " 1",
        'llamacpp:x{a="' + "b" * 5000 + '"} 1',
        "llamacpp:x " + "1" * 5000,
        "# TYPE llamacpp:x nonsense",
        "<html>",
        "\x00",
    ],
)
def test_what_is_no_figure_is_left_out(line: str) -> None:
    assert read(f"{line}\n", "llamacpp:", OURS) == ()


def test_what_a_server_says_of_itself_cannot_break_the_text() -> None:
    evil = (
        "# HELP llamacpp:x \x1b[2J"
        + "h" * 9999
        + '\nllamacpp:x{a="\\"\\\\\\n"} NaN\nllamacpp:x{a="\\"\\\\\\n"} 3\n'
    )
    found = read(evil, "llamacpp:", OURS)
    assert len(found[0].help) <= HELP_LENGTH
    assert "\x1b" not in found[0].help
    assert parsed(text(found))["llamacpp:x"] == {tuple(sorted((*OURS, ("a", '"\\\n')))): 3}


def test_a_server_may_tell_so_much_and_no_more() -> None:
    found = read("".join(f'llamacpp:x{{a="{n}"}} 1\n' for n in range(MOST_SAMPLES + 10)), "llamacpp:", OURS)
    assert len(found[0].samples) == MOST_SAMPLES


def test_nothing_is_nothing() -> None:
    assert text([]) == ""
    assert merged([]) == ()
    empty: tuple[Family, ...] = read("", "llamacpp:", OURS)
    assert empty == ()
