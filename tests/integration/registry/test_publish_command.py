"""`modelhub registry publish` of real models to the real service, with signatures and bad luck."""

import contextlib
import json
import socket
import socketserver
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.fakes.model_repository import Repository, serving
from tests.fakes.registry import Registry
from tests.fakes.registry_template import copied_registry
from tests.fakes.tiny_gguf import Shape, write_chat
from tests.integration.registry.command_line import Typist, signed_in, sits_at

SMALL = Shape(n_embd=32, n_ff=32, n_layer=1, n_head=2, n_head_kv=1)
PUBLISH = ("--id", "acme/tiny", "--url-base", "https://files.example.org/tiny", "--license", "mit")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    async with copied_registry("sqlite", tmp_path / "registry") as running:
        yield running


@pytest.fixture
async def people(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[Typist, Typist, Typist]:
    """An author, a reviewer and an administrator."""
    sits = sits_at(registry, tmp_path, monkeypatch, capsys)
    author, reviewer, admin = sits(registry.author), sits(registry.reviewer), sits(registry.admin)
    return await signed_in(author), await signed_in(reviewer), await signed_in(admin)


People = tuple[Typist, Typist, Typist]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    write_chat(folder / "tiny-F16.gguf", shape=SMALL)
    write_chat(folder / "tiny-Q8_0.gguf", shape=SMALL, quantization="q8_0")
    return folder


async def test_a_signed_model_is_published_approved_and_served_as_it_was_signed(
    people: People, model: Path, tmp_path: Path, registry: Registry
) -> None:
    author, reviewer, admin = people
    made = await author.types("keys", "new", str(tmp_path / "key"))
    key = await admin.types("publishers", "keys", "add", "acme", made.facts["public_key"])
    assert key.code == 0, key.err
    ran = await author.types("publish", str(model), *PUBLISH, "--sign", str(tmp_path / "key"), "--json")
    assert ran.code == 0, ran.err
    published = json.loads(ran.out)
    assert [one for one in published["issues"] if one["severity"] == "error"] == []
    assert "unsigned" not in {one["code"] for one in published["issues"]}
    digest = (await reviewer.types("reviews", "show", "acme/tiny@1", "-q")).out.strip()
    assert digest == published["content_sha256"]
    approved = await reviewer.types("reviews", "approve", "acme/tiny@1", "--yes", "--digest", digest)
    assert approved.code == 0, approved.err
    catalog = (await registry.reader.get("/catalog")).json
    served = next(entry for entry in catalog["entries"] if entry["id"] == "acme/tiny")
    assert {option["id"] for option in served["options"]} == {"gguf-f16", "gguf-q8_0"}
    out = tmp_path / "entry.json"
    wrote = await author.types(
        "publish", str(model), *PUBLISH, "--sign", str(tmp_path / "key"), "--out", str(out)
    )
    assert wrote.code == 0
    checked = await author.types("verify-signature", str(out))
    assert (checked.code, checked.out.strip()) == (0, digest)


async def test_a_signature_by_a_key_that_nobody_knows_blocks_the_approval(
    people: People, model: Path, tmp_path: Path
) -> None:
    author, _, admin = people
    await author.types("keys", "new", str(tmp_path / "key"))
    known = await author.types("keys", "new", str(tmp_path / "other"))
    assert (await admin.types("publishers", "keys", "add", "acme", known.facts["public_key"])).code == 0
    ran = await author.types("publish", str(model), *PUBLISH, "--sign", str(tmp_path / "key"))
    assert ran.code == 0
    assert "bad_signature" in ran.err
    assert "cannot be approved" in ran.err


async def test_a_repository_is_published_with_its_commit(
    people: People, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    author, *_ = people
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    with serving(Repository("Acme/Tiny-GGUF", files, card={"license": "mit"})) as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        ran = await author.types("publish", "hf:Acme/Tiny-GGUF")
    assert ran.code == 0, ran.err
    assert ran.facts["version"] == "acme/tiny@1"
    shown = await author.types("versions", "acme/tiny", "--json")
    assert json.loads(shown.out)[0]["status"] == "pending"


async def test_a_token_that_may_not_publish_publishes_nothing(people: People, model: Path) -> None:
    author, reviewer, _ = people
    ran = await reviewer.types("publish", str(model), *PUBLISH)
    assert (ran.code, ran.out) == (4, "")
    assert (await author.types("versions", "acme/tiny")).out == ""


async def test_a_publish_whose_answer_was_lost_is_repeated_without_a_second_version(
    people: People, model: Path, registry: Registry
) -> None:
    author, *_ = people
    with losing_answers(registry.url, to=b"POST ") as url:
        await author.types("login", url, stdin=f"{author.token}\n")
        lost = await author.types("publish", str(model), *PUBLISH)
        assert (lost.code, lost.out) == (6, "")
        ran = await author.types("publish", str(model), *PUBLISH, "-q")
    assert (ran.code, ran.out) == (0, "acme/tiny@1\n")
    assert len((await author.types("versions", "acme/tiny", "--registry", registry.url)).rows) == 1


@contextlib.contextmanager
def losing_answers(url: str, *, to: bytes) -> Iterator[str]:
    """An address in front of the registry that loses the first answer to such a request: the request arrives,
    the connection ends."""
    port = urlsplit(url).port
    lost = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", port)) as onward, contextlib.suppress(OSError):
                while data := self.request.recv(1 << 20):
                    loses = data.startswith(to) and not lost.is_set()
                    while b"\r\n\r\n" in data and not _whole(data):
                        data += self.request.recv(1 << 20)
                    onward.sendall(data)
                    answer = onward.recv(1 << 20)
                    if loses:
                        lost.set()
                        return
                    self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(5)


def _whole(request: bytes) -> bool:
    head, _, body = request.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return not lengths or len(body) >= int(lengths[0].split(b":")[1])
