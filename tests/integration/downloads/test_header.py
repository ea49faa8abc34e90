"""The header of a model file at its origin: read over ranges, within bounds, under the rules of downloads."""

import contextlib
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from modelhubd.downloads.header import FIRST_BYTES
from modelhubd.downloads.headers import HeaderReader
from modelhubd.downloads.messages import Limits
from modelhubd.downloads.plan import TransferEnded
from modelhubd.storage.model_file import read_model_facts_at
from tests.fakes.hollow_gguf import Hollow, write_hollow
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import write_chat, write_faulty

LARGE = Hollow(n_vocab=90_000, n_layer=1)
"""Its header is longer than a MiB."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_chat(folder / "small.gguf")
    write_hollow(folder / "large.gguf", LARGE)
    write_faulty(folder / "bad.gguf", "tensor_count")
    (folder / "page.gguf").write_text("<!doctype html>" + " " * 5000)
    endless = b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 0, 60 << 20)
    with (folder / "endless.gguf").open("wb") as file:
        file.write(endless)
        file.truncate(80 << 20)
    return folder


@pytest.fixture(scope="module")
def files(folder: Path) -> Iterator[Origin]:
    with Origin("--directory", str(folder)) as origin:
        yield origin


class Asking:
    """Readers whose connections are noted."""

    def __init__(self) -> None:
        self.hosts: list[tuple[str, str]] = []

    @contextlib.asynccontextmanager
    async def reader(
        self, *origins: str, allowed: bool = True, stall_s: float = 20
    ) -> AsyncIterator[HeaderReader]:
        reader = HeaderReader(
            allow_origins=origins,
            config_dir=None,
            outbound=lambda host, purpose: self.hosts.append((host, purpose)),
            allowed=lambda: allowed,
            limits=Limits(connect_s=30, stall_s=stall_s),
        )
        yield reader
        await reader.close()

    async def fault(
        self, url: str, *origins: str, size: int | None = None, allowed: bool = True, stall_s: float = 20
    ) -> str:
        async with self.reader(*origins, allowed=allowed, stall_s=stall_s) as reader:
            with pytest.raises(TransferEnded) as ended:
                await reader.read(url, size)
        return ended.value.fault.code


@pytest.mark.parametrize(("name", "requests"), [("small.gguf", 1), ("large.gguf", 2)])
async def test_the_header_says_there_what_it_says_here(
    files: Origin, folder: Path, name: str, requests: int
) -> None:
    asking = Asking()
    here = await read_model_facts_at(folder / name)
    before = len(files.requests(f"/{name}"))
    async with asking.reader(files.url) as reader:
        assert await reader.read(f"{files.url}/{name}", None) == here
        assert await reader.read(f"{files.url}/{name}", (folder / name).stat().st_size) == here
    asked = files.requests(f"/{name}")[before:]
    assert len(asked) == 2 * requests
    assert all(entry["last"] is not None for entry in asked), "only parts are asked for"
    assert {purpose for _, purpose in asking.hosts} == {"header"}


async def test_a_redirect_is_followed_under_the_same_rules(files: Origin, origin: Origin) -> None:
    to = {"status": 302, "fields": {"Location": f"{files.url}/small.gguf"}}
    url = origin.serve("/header/redirect", 0, to)  # type: ignore[arg-type]
    async with Asking().reader(origin.url, files.url) as reader:
        assert (await reader.read(url, None)).architecture.family == "llama"
    before = len(files.requests())
    assert await Asking().fault(url, origin.url) == "forbidden_url"
    assert len(files.requests()) == before, "nobody was asked who may not be"


@pytest.mark.parametrize(
    "target", ["{files}/x/../small.gguf", "{origin}/header/odd", "ftp://127.0.0.1/x", ""]
)
async def test_a_redirect_to_nowhere_good_is_not_followed(files: Origin, origin: Origin, target: str) -> None:
    location = target.format(files=files.url, origin=origin.url)
    url = origin.serve("/header/odd", 0, {"status": 302, "fields": {"Location": location}})
    before = len(files.requests())
    assert await Asking().fault(url, origin.url, files.url) in ("forbidden_url", "http_error")
    assert len(files.requests()) == before


async def test_an_address_that_is_not_allowed_is_not_asked(files: Origin) -> None:
    before = len(files.requests())
    asking = Asking()
    assert await asking.fault(f"{files.url}/small.gguf") == "forbidden_url"
    assert await asking.fault("https://127.0.0.1/small.gguf") == "forbidden_url"
    assert await asking.fault(f"{files.url}/x/../small.gguf", files.url) == "forbidden_url"
    assert len(files.requests()) == before
    assert asking.hosts == []


async def test_a_machine_that_is_kept_offline_asks_nobody(files: Origin) -> None:
    asking = Asking()
    await asking.fault(f"{files.url}/small.gguf", files.url, allowed=False)
    assert asking.hosts == []


@pytest.mark.parametrize(
    ("path", "code"),
    [("bad.gguf", "wrong_content"), ("page.gguf", "wrong_content"), ("absent.gguf", "http_error")],
)
async def test_what_is_no_model_is_refused_with_a_reason(files: Origin, path: str, code: str) -> None:
    assert await Asking().fault(f"{files.url}/{path}", files.url) == code


async def test_a_header_without_end_costs_little(files: Origin) -> None:
    assert await Asking().fault(f"{files.url}/endless.gguf", files.url) == "wrong_content"
    assert sum(entry["sent"] for entry in files.requests("/endless.gguf")) <= FIRST_BYTES, (
        "it says itself that it is too long"
    )


async def test_another_size_than_the_catalog_promises_is_refused(files: Origin) -> None:
    assert await Asking().fault(f"{files.url}/small.gguf", files.url, size=5) == "size_mismatch"


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"stall_after": 1000}, "timeout"),
        ({"cut_after": 1000}, "http_error"),
        ({"garbage": True}, "http_error"),
        ({"status": 403}, "http_error"),
        ({"ranges": False, "prefix": "GGUF"}, "wrong_content"),
        ({"fields": {"Content-Range": ""}}, "wrong_content"),
    ],
)
async def test_an_origin_in_trouble_gives_no_facts(
    origin: Origin, step: dict[str, object], code: str
) -> None:
    url = origin.serve(f"/header/{next(iter(step))}", 300_000, step)  # type: ignore[arg-type]
    assert await Asking().fault(url, origin.url, stall_s=1) == code
