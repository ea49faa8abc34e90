"""The token bucket, and what shares it."""

import pytest

from modelhubd.downloads.messages import Rates
from modelhubd.downloads.rate import BURST_S, Bucket, buffer_bytes
from modelhubd.downloads.traffic import BUFFERED, BYTES_PER_CONNECTION, MOST_BLOCK, Traffic


@pytest.mark.parametrize("rate", [10_240, 1_000_000, 50_000_000])
@pytest.mark.parametrize("chunk", [1024, 16_384, 262_144])
def test_a_series_of_takings_keeps_the_rate_to_within_the_largest(rate: int, chunk: int) -> None:
    bucket, now, taken = Bucket(rate, 0.0), 0.0, 0
    while now < 10.0:
        wait = bucket.wait_s(now)
        if wait > 0:
            now += wait + 1e-9
            continue
        bucket.take(chunk)
        taken += chunk
    assert taken <= rate * (10.0 + BURST_S) + chunk
    assert taken >= rate * 10.0 - chunk


def test_without_a_rate_nothing_waits() -> None:
    bucket = Bucket(None, 0.0)
    bucket.take(1 << 40)
    assert bucket.wait_s(0.0) == 0.0


def test_a_change_forgets_debt_and_the_same_rate_does_not() -> None:
    bucket = Bucket(1000, 0.0)
    bucket.take(5000)
    assert bucket.wait_s(0.0) == 5.0
    bucket.change(1000, 1.0)
    assert bucket.wait_s(1.0) == 4.0
    bucket.change(2000, 1.0)
    assert bucket.wait_s(1.0) == 0.0


def test_a_slow_download_reads_little_at_once() -> None:
    assert buffer_bytes(None) == buffer_bytes(1 << 30) == 256 * 1024
    assert buffer_bytes(10_240) == 1024
    assert buffer_bytes(1_000_000) == 20_000


def test_the_limit_of_all_and_the_limit_of_one_both_hold() -> None:
    traffic = Traffic(0.0)
    assert not traffic.limited and traffic.wait_s("a", 0.0) == 0.0
    traffic.change(Rates(max_bytes_per_s=1000, downloads={"a": 100}), 0.0)
    assert traffic.limited
    assert traffic.may_take("a", 100_000, 0.0)
    assert not traffic.may_take("a", 1, 0.0)
    assert 999.0 < traffic.wait_s("a", 0.0) < 1001.0
    assert 90.0 < traffic.wait_s("b", 0.0) < 101.0
    traffic.change(Rates(), 1.0)
    assert not traffic.limited and traffic.wait_s("a", 1.0) == 0.0


def test_connections_are_counted_for_each_download_and_share_the_buffers() -> None:
    traffic = Traffic(0.0)
    traffic.change(Rates(connections=2, downloads={"slow": 3 * BYTES_PER_CONNECTION}), 0.0)
    traffic.opened("a")
    assert traffic.has_room("a")
    traffic.opened("a")
    assert not traffic.has_room("a") and traffic.has_room("b")
    assert traffic.block_bytes == MOST_BLOCK
    traffic.opened("b", 62)
    assert traffic.block_bytes == BUFFERED // 64
    traffic.opened("b", -62)
    assert traffic.block_bytes == MOST_BLOCK
    traffic.change(Rates(connections=16, downloads={"slow": 3 * BYTES_PER_CONNECTION}), 0.0)
    assert traffic.most_connections("slow") == 3 and traffic.most_connections("a") == 16
    traffic.change(Rates(connections=16, max_bytes_per_s=1), 0.0)
    assert traffic.most_connections("a") == 1
    assert traffic.buffer_bytes("a") == 1024
