"""What a server writes is kept, within bounds, for any number of readers."""

import asyncio
import os
from pathlib import Path

from modelhubd.llama.logs import (
    BURST_BYTES,
    END_BYTES,
    FILE_BYTES,
    FILES_KEPT,
    LINE_BYTES,
    RATE_BYTES_PER_S,
    RING_LINES,
    ServerLog,
    forget_old_logs,
)


async def test_lines_are_whole_however_they_arrive(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "a.log")
    for part in (b"fir", b"st\nsec", b"ond\r\nthi", b"rd"):
        log.write(part)
    assert log.tail(10) == ["first", "second"]
    log.close()
    assert log.tail(10) == ["first", "second", "third"]
    assert log.tail(0) == []
    assert (tmp_path / "a.log").read_bytes() == b"first\nsecond\r\nthird"


async def test_a_long_log_stays_bounded_in_memory_and_on_disk(tmp_path: Path) -> None:
    hours = iter(range(10**6))
    log = ServerLog(tmp_path / "a.log", clock=lambda: next(hours) * 3600)
    chunk = b"x" * 1023 + b"\n"
    for _ in range(3 * FILE_BYTES // len(chunk)):
        log.write(chunk)
    log.write(b"y" * (LINE_BYTES * 3))
    log.close()
    assert len(log.tail(10**6)) == RING_LINES
    assert max(map(len, log.tail(10))) <= LINE_BYTES
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2 * FILE_BYTES
    assert {path.name for path in tmp_path.iterdir()} == {"a.log", "a.log.1"}


async def test_of_a_flood_only_so_much_a_second_is_kept_and_the_rest_is_told(tmp_path: Path) -> None:
    now = 0.0
    log = ServerLog(tmp_path / "a.log", clock=lambda: now)
    chunk = b"x" * 1023 + b"\n"
    for _ in range(100 * BURST_BYTES // len(chunk)):
        log.write(chunk)
    assert (tmp_path / "a.log").stat().st_size == BURST_BYTES
    assert log.bytes_seen == 100 * BURST_BYTES
    now = 1.0
    log.write(b"later\n")
    kept = END_BYTES - len(chunk)
    assert f"[{99 * BURST_BYTES - kept} bytes left out: too much at once]" in log.tail(20)
    assert log.tail(1) == ["later"]
    log.write(chunk * (RATE_BYTES_PER_S // len(chunk)))
    assert log.tail(1) == ["later"], "the second's worth was used up"
    log.close()


async def test_the_end_of_a_flood_is_there_when_the_server_has_died_of_it(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "a.log", clock=lambda: 0.0)
    log.write(b"x" * BURST_BYTES)
    log.write(b"flood\n" * 100_000)
    log.write(b"E out of memory\n")
    log.settle()
    assert log.tail(2) == ["flood", "E out of memory"]
    log.close()


async def test_lines_of_an_earlier_start_are_left_aside(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "a.log")
    log.write(b"one\ntwo\n")
    before = log.lines
    assert log.tail(9, since=before) == []
    log.write(b"three\n")
    assert log.tail(9, since=before) == ["three"]
    log.close()


async def test_followers_see_the_tail_then_each_new_line_until_the_end(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "a.log")
    log.write(b"one\ntwo\n")

    async def read(n: int) -> list[str]:
        return [line async for line in log.follow(n)]

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        readers = [group.create_task(read(1)), group.create_task(read(0))]
        await asyncio.sleep(0)
        log.write(b"three\n")
        await asyncio.sleep(0)
        log.write(b"four\n")
        log.close()
    assert readers[0].result() == ["two", "three", "four"]
    assert readers[1].result() == ["three", "four"]


async def test_a_reader_that_fell_behind_is_told_what_it_missed(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "a.log")
    follower = log.follow(0)
    first = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(0)
    log.write(b"first\n")
    assert await first == "first"
    log.write(b"".join(b"%d\n" % n for n in range(RING_LINES + 7)))
    assert await anext(follower) == "[7 lines left out]"
    assert await anext(follower) == "7"
    log.close()
    await follower.aclose()


async def test_load_progress_is_a_sign_of_life_and_no_line(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "a.log")
    told = b'{"state":"loading","payload":{"stages":["text_model"],"current":"text_model","value":0.5}}'
    log.write(b"cmd_child_to_router:state:" + told + b"\nreal\n")
    log.close()
    assert log.tail(5) == ["real"]
    assert log.progress == 0.5
    assert log.bytes_seen > 40


async def test_a_log_that_cannot_be_written_costs_only_the_file(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "missing" / "a.log")
    log.write(b"still here\n")
    log.close()
    assert log.tail(1) == ["still here"]


def test_old_logs_are_forgotten(tmp_path: Path) -> None:
    for n in range(FILES_KEPT + 5):
        (tmp_path / f"{n}.log").touch()
    os.utime(tmp_path / "3.log", (0, 0))
    forget_old_logs(tmp_path, in_use={"3"})
    assert len(list(tmp_path.iterdir())) == FILES_KEPT + 1
    assert (tmp_path / "3.log").exists()


async def test_fifty_readers_read_the_same_and_one_that_stops_reading_holds_up_nobody(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "a.log")
    asleep = log.follow(0)
    first = asyncio.ensure_future(anext(asleep))

    async def read() -> list[str]:
        return [line async for line in log.follow(0)]

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        readers = [group.create_task(read()) for _ in range(50)]
        await asyncio.sleep(0)
        for n in range(200):
            log.write(b"%d\n" % n)
            await asyncio.sleep(0)
        log.close()
    assert {tuple(reader.result()) for reader in readers} == {tuple(map(str, range(200)))}
    assert await first == "0"
    await asleep.aclose()
