"""The llama-servers that the same tests run on: the wheel's, and the real program where it has been built."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.world import World, a_world, entry, local_file
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import ROOMY, write_chat, write_faulty
from tests.real.kinds import KINDS, the_real_one
from tests.real.server import BUILTIN, LlamaServer

MODELS = ("chat", "roomy", "thinking", "magic", "truncated", "architecture")


@pytest.fixture(scope="session", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """`builtin` or `real`."""
    return str(request.param)


@pytest.fixture(scope="session")
def llama(kind: str) -> LlamaServer:
    """This kind of llama-server."""
    return LlamaServer((the_real_one(),)) if kind == "real" else BUILTIN


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with each of MODELS as a .gguf: three that can be loaded and three that cannot."""
    folder = tmp_path_factory.mktemp("models")
    write_chat(folder / "chat.gguf")
    write_chat(folder / "roomy.gguf", shape=ROOMY)
    write_chat(folder / "thinking.gguf", thinking=True)
    for fault in MODELS[3:]:
        write_faulty(folder / f"{fault}.gguf", fault)
    return folder


@pytest.fixture(scope="session")
def origin(models: Path) -> Iterator[Origin]:
    with Origin("--directory", str(models)) as running:
        yield running


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, origin: Origin, models: Path, kind: str
) -> Iterator[World]:
    """A daemon that runs its models on this kind of llama-server, with all MODELS installed."""
    settings = {"MODELHUB_LLAMA_BINARY": the_real_one()} if kind == "real" else {}
    with a_world(tmp_path_factory.mktemp("w") / "home", origin, **settings) as running:
        running.list_locally(
            *(entry(f"tests/{name}", local_file(models / f"{name}.gguf", origin)) for name in MODELS)
        )
        for name in MODELS:
            running.download(f"tests/{name}", until="completed")
        yield running
