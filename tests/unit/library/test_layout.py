import pytest

from modelhubd.library.layout import Key, folder_of, key_of, main_file, projector_file
from modelhubd.wire.library import ArtifactFile

KEY = Key("acme/tiny", 2, "gguf-q4_k_m")


def file(name: str, role: str) -> ArtifactFile:
    return ArtifactFile(name=name, role=role, size_bytes=1, sha256=None)


def test_a_folder_leads_back_to_its_key() -> None:
    assert folder_of(KEY) == "acme/tiny/2/gguf-q4_k_m"
    assert key_of("acme/tiny/2/gguf-q4_k_m/tiny.gguf") == (KEY, "tiny.gguf")
    assert key_of("acme/tiny/2/gguf-q4_k_m/sub/tiny.gguf") == (KEY, "sub/tiny.gguf")


@pytest.mark.parametrize(
    "path",
    [
        "tiny.gguf",
        "acme/tiny/2/tiny.gguf",
        "acme/tiny/two/gguf/tiny.gguf",
        "acme/tiny/0/gguf/tiny.gguf",
        "acme/tiny/02/gguf/tiny.gguf",
        "acme/tiny/\u0662/gguf/tiny.gguf",
        "Acme/tiny/2/gguf/tiny.gguf",
        "acme/tiny/2/GGUF/tiny.gguf",
        "acme/../2/gguf/tiny.gguf",
    ],
)
def test_other_paths_are_no_artifact(path: str) -> None:
    assert key_of(path) is None


def test_a_server_is_given_the_model_file() -> None:
    files = [file("config.json", "config"), file("eyes.gguf", "projector"), file("model.gguf", "model")]
    main, projector = main_file(files), projector_file(files)
    assert main is not None and main.name == "model.gguf"
    assert projector is not None and projector.name == "eyes.gguf"


def test_a_server_is_given_the_first_part_of_a_split_model() -> None:
    parts = [file(f"m-0000{part}-of-00003.gguf", "shard") for part in (3, 1, 2)]
    main = main_file(parts)
    assert main is not None and main.name == "m-00001-of-00003.gguf"


def test_without_a_model_there_is_nothing_to_give() -> None:
    assert main_file([file("config.json", "config")]) is None
    assert projector_file([]) is None
