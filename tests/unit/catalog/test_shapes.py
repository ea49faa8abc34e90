"""Which file tells the shape of a model whose entry does not, and what the entry says then."""

import pytest

from modelhubd.catalog.shapes import completed, is_enough, source_of
from modelhubd.wire.architecture import Architecture
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile, Role
from tests.unit.fit.devices import LLAMA_8B

URL = "https://models.example.org/a.gguf"
FILE = OptionFile(name="a.gguf", size_bytes=10, sha256="ab" * 32, urls=(URL,))


def entry(*options: Option, architecture: Architecture = Architecture(family="llama")) -> CatalogEntry:  # noqa: B008  # frozen
    return CatalogEntry(id="lab/a", options=options, architecture=architecture)


def option(*files: OptionFile, format: Format = Format.GGUF) -> Option:
    return Option(id="x", format=format, files=files)


def test_the_first_gguf_file_with_an_address_is_asked() -> None:
    found = source_of(entry(option(FILE, format=Format.MLX), option(FILE)))
    assert found is not None
    assert (found.url, found.size_bytes, found.key) == (URL, 10, "ab" * 32)
    unverified = OptionFile(name="a.gguf", urls=(URL,))
    found = source_of(entry(option(unverified)))
    assert found is not None
    assert found.key == f"{URL} None"


@pytest.mark.parametrize(
    "options",
    [
        (),
        (option(FILE, format=Format.SAFETENSORS),),
        (option(OptionFile(name="a.gguf")),),
        (option(OptionFile(name="p.gguf", role=Role.PROJECTOR, urls=(URL,))),),
    ],
)
def test_there_may_be_nobody_to_ask(options: tuple[Option, ...]) -> None:
    assert source_of(entry(*options)) is None


def test_nobody_is_asked_where_the_entry_says_enough() -> None:
    assert is_enough(LLAMA_8B)
    assert source_of(entry(option(FILE), architecture=LLAMA_8B)) is None


def test_what_an_entry_states_stands_and_the_rest_is_the_files() -> None:
    stated = Architecture(family="llama", context_length=4096)
    found = completed(entry(option(FILE), architecture=stated), LLAMA_8B)
    assert found.architecture.context_length == 4096
    assert found.architecture.hidden_size == LLAMA_8B.hidden_size
    assert found.context_length == LLAMA_8B.context_length
    assert is_enough(found.architecture)
