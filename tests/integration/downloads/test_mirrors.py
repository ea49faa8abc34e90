"""Several addresses of one file: the next after a fault, pieces from all, none that lies."""

import asyncio
from typing import Any

import pytest

from modelhubd.wire.catalog import OptionFile
from modelhubd.wire.downloads import Download, DownloadState
from tests.fakes.download_home import Home, Running, option_of
from tests.fakes.origin import Origin, Rule, Step, body, sha256

MIB = 1 << 20
SMALL, LARGE = 2 * MIB, 24 * MIB
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
NO_MIRROR: list[tuple[str, Step, str]] = [
    ("gone", {"status": 404}, "http_error"),
    ("forbidden", {"status": 403}, "http_error"),
    ("a page", {"fields": {"Content-Type": "text/html"}}, "wrong_content"),
    ("in a coding", {"fields": {"Content-Encoding": "gzip"}}, "wrong_content"),
    ("astray", {"status": 302, "fields": {"Location": "http://10.0.0.1/x"}}, "forbidden_url"),
    ("a shorter file", {"size": SMALL - 1}, "size_mismatch"),
    ("other bytes", {"seed": 2}, "checksum_mismatch"),
]  # fmt: skip


class Mirrors:
    """Addresses of one file at one origin."""

    def __init__(self, home: Home, origin: Origin) -> None:
        self.home = home
        self.origin = origin
        self.urls: list[str] = []
        self.size = 0

    def add(self, name: str, size: int, *steps: Step, rules: tuple[Rule, ...] = (), **rest: Any) -> None:
        path = f"/{self.home.folder.name}/{name}"
        self.urls.append(self.origin.serve(path, size, *steps, rules=list(rules), **rest))
        self.size = self.size or size

    def offer(self, *, promised: bool = True) -> None:
        digest = sha256(1, self.size) if promised else None
        file = OptionFile(name="tiny.gguf", size_bytes=self.size, sha256=digest, urls=tuple(self.urls))
        self.home.offer("acme/tiny", option_of(file))

    def requests(self, name: str) -> list[dict[str, Any]]:
        return self.origin.requests(f"/{self.home.folder.name}/{name}")

    def sent(self, name: str) -> int:
        return sum(int(entry["sent"]) for entry in self.requests(name))

    async def ended(self, daemon: Running, within_s: float = 60) -> Download:
        return await daemon.until((await daemon.pull()).id, within_s=within_s)

    async def whole(self) -> Download:
        self.offer()
        async with self.home.daemon() as daemon:
            ended = await self.ended(daemon)
        self.check(ended)
        return ended

    def check(self, ended: Download) -> None:
        assert ended.state is DownloadState.COMPLETED, ended.error
        found = (self.home.models_dir / "acme/tiny/1/gguf-q4/tiny.gguf").read_bytes()
        assert found == body(1, self.size)
        assert not list((self.home.models_dir / ".staging").iterdir())


@pytest.fixture
def mirrors(home: Home, origin: Origin) -> Mirrors:
    return Mirrors(home, origin)


@SIZES
@pytest.mark.parametrize("what", [what for what, _, _ in NO_MIRROR])
async def test_the_next_address_is_used_after_one_that_will_not_do(
    what: str, size: int, mirrors: Mirrors
) -> None:
    (step,) = (step for name, step, _ in NO_MIRROR if name == what)
    mirrors.add("bad", size, step if "size" not in step else {"size": size - 1})
    mirrors.add("right", size)
    ended = await mirrors.whole()
    assert ended.error is None and ended.attempts == 0
    assert mirrors.requests("bad")
    if what != "other bytes":
        assert len(mirrors.requests("bad")) <= 4


@pytest.mark.parametrize(("what", "step", "code"), NO_MIRROR, ids=[what for what, _, _ in NO_MIRROR])
async def test_where_no_address_will_do_it_fails_with_the_reason(
    what: str, step: Step, code: str, mirrors: Mirrors, home: Home
) -> None:
    mirrors.add("one", SMALL, step)
    mirrors.add("two", SMALL, step)
    mirrors.add("three", SMALL, step)
    mirrors.offer()
    async with home.daemon() as daemon:
        ended = await mirrors.ended(daemon)
        assert ended.state is DownloadState.FAILED
        assert ended.error is not None and ended.error.code == code, ended.error
        async with asyncio.timeout(5):
            while list((home.models_dir / ".staging").iterdir()):
                await asyncio.sleep(0.01)
    assert not (home.models_dir / "acme").exists()
    for name in ("one", "two", "three"):
        assert len(mirrors.requests(name)) >= 1, f"{name} was asked"
        assert len(mirrors.requests(name)) <= 4


async def test_one_that_passes_is_waited_for_whatever_the_others_say(mirrors: Mirrors, home: Home) -> None:
    mirrors.add("gone", SMALL, {"status": 404})
    mirrors.add("busy", SMALL, {"status": 503}, {"status": 503}, {})
    mirrors.offer()
    async with home.daemon() as daemon:
        created = await daemon.pull()
        await daemon.until(created.id, DownloadState.WAITING)
        mirrors.check(await daemon.until(created.id))


@SIZES
async def test_one_that_is_busy_costs_no_wait_where_another_answers(
    size: int, mirrors: Mirrors, home: Home
) -> None:
    mirrors.add("busy", size, {"status": 503, "fields": {"Retry-After": "3600"}})
    mirrors.add("right", size)
    await mirrors.whole()


async def test_pieces_come_from_several_that_agree(mirrors: Mirrors) -> None:
    for name in ("one", "two", "three"):
        mirrors.add(name, LARGE, {"rate": MIB})
    await mirrors.whole()
    sent = {name: mirrors.sent(name) for name in ("one", "two", "three")}
    assert min(sent.values()) >= MIB, sent
    assert sum(sent.values()) <= LARGE * 1.3, "they share the work and do not do it thrice"


async def test_one_of_another_size_has_no_part_in_it(mirrors: Mirrors) -> None:
    mirrors.add("right", LARGE, {"rate": 2 * MIB})
    mirrors.add("longer", LARGE, {"size": LARGE + 1})
    await mirrors.whole()
    assert len(mirrors.requests("longer")) <= 1


@pytest.mark.parametrize("place", [0, 1], ids=["the first", "the second"])
@pytest.mark.parametrize("where", [(0, LARGE), (9 * MIB, 15 * MIB), (LARGE - 1, LARGE)], ids=str)
async def test_one_that_lies_in_a_part_is_found_out(
    where: tuple[int, int], place: int, mirrors: Mirrors
) -> None:
    for number in range(3):
        lies: Step = {"wrong": list(where)} if number == place else {}
        mirrors.add(f"m{number}", LARGE, {"rate": 4 * MIB, **lies}, etag='"same"')
    await mirrors.whole()


async def test_where_all_lie_but_the_last_that_one_is_found(mirrors: Mirrors) -> None:
    for number in range(3):
        mirrors.add(f"m{number}", LARGE, {"wrong": [number * MIB, number * MIB + 1]})
    mirrors.add("right", LARGE)
    await mirrors.whole()


async def test_where_all_lie_it_fails_and_every_one_was_tried_alone(mirrors: Mirrors, home: Home) -> None:
    for number in range(3):
        mirrors.add(f"m{number}", LARGE, {"wrong": [number * MIB, number * MIB + 1]})
    mirrors.offer()
    async with home.daemon() as daemon:
        ended = await mirrors.ended(daemon)
    assert ended.state is DownloadState.FAILED
    assert ended.error is not None and ended.error.code == "checksum_mismatch"
    assert all(mirrors.sent(f"m{number}") >= LARGE for number in range(3))


async def test_a_slow_one_does_not_hold_up_the_quick_ones(mirrors: Mirrors) -> None:
    mirrors.add("slow", LARGE, {"rate": 64 * 1024})
    mirrors.add("quick", LARGE)
    await mirrors.whole()
    assert mirrors.sent("quick") >= LARGE * 0.8


@pytest.mark.usefixtures("impatient")
async def test_one_that_stalls_is_left_for_one_that_does_not(mirrors: Mirrors) -> None:
    mirrors.add("stalls", LARGE, {"stall_after": MIB})
    mirrors.add("quick", LARGE)
    await mirrors.whole()


async def test_one_that_ceases_midway_is_left(mirrors: Mirrors) -> None:
    mirrors.add("ceases", LARGE, {"rate": 2 * MIB}, rules=({"after_bytes": 3 * MIB, "status": 410},))
    mirrors.add("stays", LARGE, {"rate": 2 * MIB})
    await mirrors.whole()


async def test_without_a_digest_no_two_are_put_together(mirrors: Mirrors, home: Home) -> None:
    mirrors.add("one", LARGE, {"rate": 4 * MIB})
    mirrors.add("two", LARGE, {"rate": 4 * MIB}, seed=2)
    mirrors.offer(promised=False)
    async with home.daemon() as daemon:
        mirrors.check(await mirrors.ended(daemon))
    assert mirrors.sent("two") == 0


@pytest.mark.parametrize("first", ["stays", "goes"])
async def test_a_restart_goes_on_from_what_all_had_brought(first: str, mirrors: Mirrors, home: Home) -> None:
    for name in ("one", "two"):
        mirrors.add(name, LARGE, total_rate=4 * MIB)
    mirrors.offer()
    async with home.daemon() as daemon:
        created = await daemon.pull()
        before = await daemon.until(created.id, DownloadState.ACTIVE, past=8 * MIB)
    mirrors.urls.clear()
    mirrors.add("one", LARGE, {} if first == "stays" else {"status": 404})
    mirrors.add("two", LARGE)
    async with home.daemon() as daemon:
        after = await daemon.downloads.get(created.id)
        assert after.progress.done_bytes >= before.progress.done_bytes
        mirrors.check(await daemon.until(created.id, within_s=60))
    assert mirrors.sent("one") + mirrors.sent("two") <= LARGE + 3 * MIB, "what was there is not fetched again"


async def test_a_wrong_digest_is_remembered_over_a_restart(mirrors: Mirrors, home: Home) -> None:
    mirrors.add("lies", SMALL, {"seed": 2})
    mirrors.add("right", SMALL, {"rate": MIB})
    mirrors.offer()
    async with home.daemon() as daemon:
        created = await daemon.pull()
        async with asyncio.timeout(20):
            while not mirrors.requests("right") or mirrors.sent("lies") < SMALL:
                await asyncio.sleep(0.02)
    lied = mirrors.sent("lies")
    async with home.daemon() as daemon:
        mirrors.check(await daemon.until(created.id, within_s=60))
    assert mirrors.sent("lies") == lied, "it is not asked again"
