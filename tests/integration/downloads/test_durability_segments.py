"""Large files in pieces, from origins that have slow connections, few of them, or trouble midway."""

import asyncio
import random
from typing import Any

import msgspec
import pytest

from modelhubd.wire.catalog import Format, OptionFile
from modelhubd.wire.downloads import Download, DownloadState
from tests.fakes.download_home import BRISK, Home, option_of
from tests.fakes.origin import Origin, Rule, Step, body, sha256

MIB = 1 << 20
SIZE = 32 * MIB


class Large:
    """A file of several pieces at an origin."""

    def __init__(self, home: Home, origin: Origin) -> None:
        self.home = home
        self.origin = origin
        self.path = f"/{home.folder.name}/large.gguf"

    def serve(self, *steps: Step, rules: tuple[Rule, ...] = (), **rest: Any) -> None:
        self.origin.serve(self.path, SIZE, *steps, rules=list(rules), **rest)

    def offer(self, *steps: Step, rules: tuple[Rule, ...] = (), **rest: Any) -> None:
        self.serve(*steps, rules=rules, **rest)
        self.offer_at(self.origin.url + self.path)

    def offer_at(self, url: str) -> None:
        file = OptionFile(name="tiny.gguf", size_bytes=SIZE, sha256=sha256(1, SIZE), urls=(url,))
        self.home.offer("acme/tiny", option_of(file))

    async def ended(self) -> Download:
        async with self.home.daemon() as daemon:
            return await daemon.until((await daemon.pull()).id, within_s=90)

    async def whole(self) -> Download:
        ended = await self.ended()
        self.check(ended)
        return ended

    def check(self, ended: Download) -> None:
        assert ended.state is DownloadState.COMPLETED, ended.error
        assert (self.home.models_dir / "acme/tiny/1/gguf-q4/tiny.gguf").read_bytes() == body(1, SIZE)
        assert not list((self.home.models_dir / ".staging").iterdir())

    @property
    def requests(self) -> list[dict[str, Any]]:
        return self.origin.requests(self.path)

    @property
    def twice(self) -> int:
        return sum(int(entry["sent"]) for entry in self.requests) - SIZE


@pytest.fixture
def large(home: Home, origin: Origin) -> Large:
    return Large(home, origin)


async def test_a_large_file_comes_in_pieces_over_some_connections_each_byte_once(large: Large) -> None:
    large.offer({"rate": 4 * MIB})
    await large.whole()
    asked = large.requests
    assert len(asked) >= 4
    # The origin learns only with its next byte that somebody has hung up.
    assert 2 <= max(entry["together"] for entry in asked) <= 16 + 6
    assert large.twice <= SIZE * 0.25, "what another takes over is not asked for twice"
    for entry in asked:
        assert entry["fields"]["accept-encoding"] == "identity"
        assert entry["last"] is not None, "a part is asked for, with its end"
    later = [entry for entry in asked if entry["first"] > 0]
    assert all(entry["fields"]["if-range"].startswith('"') for entry in later)


async def test_slow_connections_of_many_do_not_hold_up_the_rest(large: Large) -> None:
    slow = 48 * 1024
    large.offer({"rate": 2 * MIB}, rules=({"every": 3, "rate": slow},))
    await large.whole()
    by_slow = sum(entry["sent"] for entry in large.requests if entry["sent"] < 2 * MIB)
    # Had a slow one kept its first 4 MiB it would have taken 85 s.
    times = [entry["at"] for entry in large.requests]
    assert max(times) - min(times) < 60
    assert by_slow < SIZE


@pytest.mark.parametrize("status", [503, 429])
async def test_an_origin_of_few_connections_is_content(status: int, large: Large) -> None:
    large.offer({"rate": 8 * MIB}, most=2, beyond={"status": status})
    ended = await large.whole()
    assert ended.attempts == 0
    turned_away = sum(entry["status"] == status for entry in large.requests)
    assert turned_away <= 12, "it does not knock again and again"


async def test_an_origin_that_closes_on_too_many_connections_is_content(large: Large) -> None:
    large.offer({"rate": 8 * MIB}, most=2, beyond={"no_answer": True})
    await large.whole()


async def test_connections_cut_at_any_byte_cost_no_byte_that_came(large: Large) -> None:
    large.offer({"rate": 16 * MIB}, rules=({"cut_within": 3 * MIB, "times": 40},))
    await large.whole()
    assert large.twice <= 2 * MIB
    assert len(large.requests) >= 15


async def test_connections_reset_at_any_byte_lose_little(large: Large) -> None:
    large.offer({"rate": 16 * MIB}, rules=({"cut_within": 3 * MIB, "reset": True, "times": 20},))
    await large.whole()
    # A reset takes what is in the socket's buffers.
    assert large.twice <= 20 * MIB


@pytest.mark.usefixtures("impatient")
async def test_a_connection_that_stalls_is_replaced(large: Large) -> None:
    large.offer({"rate": 8 * MIB}, rules=({"nth": 2, "stall_after": MIB}, {"nth": 3, "silent": True}))
    await large.whole()
    assert large.twice <= 2 * MIB


@pytest.mark.parametrize("after", [1, 5 * MIB, 20 * MIB])
async def test_a_validator_that_changes_midway_starts_the_file_afresh(after: int, large: Large) -> None:
    large.offer(
        {"rate": 8 * MIB, "seed": 2, "etag": '"old"'},
        rules=({"after_bytes": after, "seed": 1, "etag": '"new"'},),
    )
    await large.whole()


async def test_a_validator_that_changes_on_some_servers_only_comes_to_an_end(large: Large) -> None:
    """Half of the connections lead to a machine that names the same file otherwise."""
    large.offer({"rate": 16 * MIB, "etag": '"one"'}, rules=({"every": 2, "etag": '"other"'},))
    ended = await large.ended()
    if ended.state is DownloadState.COMPLETED:
        large.check(ended)
    else:
        assert ended.error is not None and ended.error.code == "origin_changed"


async def test_the_whole_file_for_a_part_starts_it_afresh(large: Large) -> None:
    large.offer({"rate": 8 * MIB}, rules=({"after_bytes": 6 * MIB, "ranges": False},))
    await large.whole()


@pytest.mark.parametrize(
    "fields",
    [
        {"Content-Range": f"bytes 0-1048575/{SIZE}"},
        {"Content-Range": f"bytes 7-{SIZE - 1}/{SIZE}"},
        {"Content-Range": ""},
        {"Content-Range": f"bytes 0-{SIZE - 1}/{SIZE + 1}"},
        {"Content-Range": "bytes */*"},
    ],
    ids=lambda fields: fields["Content-Range"] or "none",
)
async def test_a_wrong_content_range_in_the_third_piece_never_becomes_wrong_bytes(
    fields: dict[str, str], large: Large
) -> None:
    large.offer({"rate": 8 * MIB}, rules=({"nth": 3, "fields": fields},))
    ended = await large.ended()
    if ended.state is DownloadState.COMPLETED:
        large.check(ended)
        return
    assert ended.error is not None and ended.error.code in ("wrong_content", "size_mismatch")
    assert not list((large.home.models_dir / ".staging").iterdir())


async def test_416_in_a_later_piece_starts_the_file_afresh(large: Large) -> None:
    large.offer({"rate": 8 * MIB}, rules=({"nth": 5, "status": 416},))
    await large.whole()


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_on_some_connections_is_no_fault_of_the_file(status: int, large: Large) -> None:
    busy: Rule = {"every": 2, "status": status, "fields": {"Retry-After": "60"}}
    large.offer({"rate": 8 * MIB}, rules=(busy,))
    ended = await large.whole()
    assert ended.attempts == 0
    assert sum(entry["status"] == status for entry in large.requests) <= 12


@pytest.mark.parametrize("status", [403, 401, 410, 404])
async def test_a_signed_url_that_runs_out_midway_is_found_again_from_the_catalogs(
    status: int, large: Large, origin: Origin
) -> None:
    folder = f"/{large.home.folder.name}"
    runs_out: Rule = {"after_bytes": 8 * MIB, "status": status}
    first = origin.serve(f"{folder}/signed-1", SIZE, {"rate": 4 * MIB}, rules=[runs_out])
    second = origin.serve(f"{folder}/signed-2", SIZE, {"rate": 4 * MIB})
    leads: list[Step] = [{"status": 302, "fields": {"Location": url}} for url in (first, second)]
    large.offer_at(origin.serve(f"{folder}/start", SIZE, *leads))
    ended = await large.whole()
    assert ended.attempts == 0
    assert 2 <= len(origin.requests(f"{folder}/start")) <= 8
    sent = [
        entry["sent"] for path in ("signed-1", "signed-2") for entry in origin.requests(f"{folder}/{path}")
    ]
    assert sum(sent) <= SIZE * 1.5


async def test_wrong_bytes_in_one_range_are_found_and_never_seen(large: Large) -> None:
    large.offer({"rate": 16 * MIB, "wrong": [17 * MIB, 17 * MIB + 1]})
    ended = await large.ended()
    assert ended.error is not None and ended.error.code == "checksum_mismatch"
    assert not (large.home.models_dir / "acme").exists()


@pytest.mark.parametrize("verb", ["pause", "restart", "reboot"])
async def test_pieces_out_of_order_are_kept_over_an_interruption(verb: str, large: Large) -> None:
    """The first piece comes last: what is there is no prefix."""
    large.home.limits = msgspec.structs.replace(BRISK, sync_s=0.2)
    large.offer({"rate": 2 * MIB}, rules=({"when": [0, 1], "rate": 64 * 1024},))
    half = SIZE // 2
    async with large.home.daemon() as daemon:
        created = await daemon.pull()
        await daemon.until(created.id, DownloadState.ACTIVE, past=half, within_s=40)
        if verb == "reboot":
            await asyncio.sleep(1.5)
        if verb == "pause":
            paused = await daemon.downloads.pause(created.id)
            assert paused.progress.done_bytes >= half
            large.serve()
            await daemon.downloads.resume(created.id)
            large.check(await daemon.until(created.id, within_s=60))
    if verb != "pause":
        if verb == "reboot":
            large.home.boot_id = "boot-2"
        large.serve()
        async with large.home.daemon() as daemon:
            assert (await daemon.downloads.get(created.id)).progress.done_bytes >= half
            large.check(await daemon.until(created.id, within_s=60))
    assert large.twice <= SIZE / 3


async def test_many_files_share_the_connections_and_come_together(home: Home, origin: Origin) -> None:
    chance = random.Random(7)
    files = []
    for place in range(24):
        name = f"part-{place:02}.safetensors"
        size = chance.choice([10, 3000, 700_000, 9 * MIB, 12 * MIB + 1])
        url = origin.serve(f"/{home.folder.name}/{name}", size, {"rate": 8 * MIB}, seed=place)
        files.append(OptionFile(name=name, size_bytes=size, sha256=sha256(place, size), urls=(url,)))
    home.offer("acme/many", option_of(*files, id="safetensors", format=Format.SAFETENSORS))
    async with home.daemon() as daemon:
        ended = await daemon.until((await daemon.pull("acme/many")).id, within_s=90)
    assert ended.state is DownloadState.COMPLETED, ended.error
    assert ended.progress.done_bytes == sum(file.size_bytes or 0 for file in files)
    folder = home.models_dir / "acme/many/1/safetensors"
    for place, file in enumerate(files):
        assert (folder / file.name).read_bytes() == body(place, file.size_bytes or 0)


async def test_what_is_shown_never_falls_whatever_goes_wrong(large: Large) -> None:
    large.offer(
        {"rate": 4 * MIB},
        rules=(
            {"cut_within": 2 * MIB, "times": 12},
            {"nth": 9, "status": 503},
            {"after_bytes": 20 * MIB, "etag": '"new"'},
        ),
        etag='"old"',
    )
    async with large.home.daemon() as daemon:
        created, seen = await daemon.pull(), 0
        async with asyncio.timeout(90):
            while not (found := await daemon.downloads.get(created.id)).state.ended:
                assert found.progress.done_bytes >= seen
                assert found.progress.total_bytes == SIZE
                seen = found.progress.done_bytes
                await asyncio.sleep(0.005)
        large.check(found)
