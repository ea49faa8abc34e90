"""Rates as people type them."""

import pytest

from modelhub_cli.rates import bytes_per_s


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5M", 5_000_000), ("500k", 500_000), ("1.5MB/s", 1_500_000), ("20000", 20_000), ("1 G", 10**9),
        ("2Mi", 2 * 1024**2), ("10KiB/s", 10_240), ("12345B", 12_345),
    ],
)  # fmt: skip
def test_a_rate_is_bytes_per_second(text: str, number: int) -> None:
    assert bytes_per_s(text) == number


@pytest.mark.parametrize("text", ["", "fast", "5 apples", "-5M", "5i", "1e9", "5MM", "M", "5M\n5"])
def test_what_is_no_rate_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="5M or 500k"):
        bytes_per_s(text)


def test_a_limit_that_would_stop_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="10240"):
        bytes_per_s("10k")
