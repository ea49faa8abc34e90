import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.errors import InvalidInput
from modelhubd.trust.names import (
    Reference,
    case_twins,
    fault_in_file_name,
    is_model_id,
    is_option_id,
    parse_reference,
)


@pytest.mark.parametrize("text", ["a/b", "qwen/qwen3-0.6b", "0/0", "a-b_c.d/e", f"{'a' * 64}/{'b' * 64}"])
def test_a_publisher_and_a_name_are_a_model_id(text: str) -> None:
    assert is_model_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a/",
        "/a",
        "a/b/c",
        "a/b\n",
        "A/b",
        "a/B",
        "a/.b",
        "-a/b",
        "a/..",
        "a..b/c",
        "a/b..c",
        "а/b",  # Cyrillic
        "a/b\u200b",
        "a /b",
        "a\\b/c",
        f"{'a' * 65}/b",
        "a/b\0",
        "a/b%2e",
    ],
)
def test_nothing_else_is_a_model_id(text: str) -> None:
    assert not is_model_id(text)


def test_an_option_id_is_one_slug() -> None:
    assert is_option_id("gguf-q4_k_m")
    assert not is_option_id("gguf-q4_k_m\n")
    assert not is_option_id("a..b")
    assert not is_option_id("a/b")
    assert not is_option_id("Q4_K_M")
    assert not is_option_id("")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("a/b", Reference("a/b")),
        ("a/b@3", Reference("a/b", 3)),
        ("a/b:gguf-q8_0", Reference("a/b", None, "gguf-q8_0")),
        ("a/b@12:x", Reference("a/b", 12, "x")),
    ],
)
def test_a_reference_names_a_model_and_perhaps_a_version_and_an_option(
    text: str, reference: Reference
) -> None:
    assert parse_reference(text) == reference
    assert str(reference) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a/b@", "a/b@0", "a/b@01", "a/b@-1", "a/b@1.0", "a/b:", "a/b:x@1", "a/b@1\n", "a/b:x..y"),
        *("a/b@" + "9" * 5000, "a/b@\u0661"),
    ],
)
def test_what_is_no_reference_is_refused_at_the_model_field(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_reference(text)
    assert [error.pointer for error in refused.value.errors] == ["/model"]


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("model.gguf", "gguf"),
        ("Qwen3-0.6B-Q8_0.gguf", "gguf"),
        ("model-00001-of-00002.gguf", "gguf"),
        ("Model (v2) [final], a+b=c@d.GGUF", "gguf"),
        ("config.json", "mlx"),
        ("1_Pooling/config.json", "safetensors"),
        ("tokenizer.model", "safetensors"),
        ("console.gguf", "gguf"),
        ("com10.gguf", "gguf"),
    ],
)
def test_a_plain_file_name_is_safe(name: str, format_: str) -> None:
    assert fault_in_file_name(name, format_) is None


UNSAFE = {
    "empty": "",
    "parent": "../x.gguf",
    "parent inside": "a/../x.gguf",
    "here": "./x.gguf",
    "absolute": "/etc/x.gguf",
    "double slash": "a//x.gguf",
    "folder": "a.gguf/",
    "drive": "C:x.gguf",
    "drive path": "C:/x.gguf",
    "backslash": "..\\x.gguf",
    "NUL": "x\0.gguf",
    "newline": "x.gguf\n",
    "escape": "\x1b[31mx.gguf",
    "right to left": "x\u202efgug.gguf",
    "zero width": "x\u200b.gguf",
    "look-alike": "mоdel.gguf",
    "percent": "%2e%2e%2fx.gguf",
    "wildcard": "*.gguf",
    "quote": 'x".gguf',
    "stream": "x.gguf:evil",
    "variable": "$HOME.gguf",
    "tilde": "~/x.gguf",
    "leading hyphen": "-rf.gguf",
    "leading dot": ".x.gguf",
    "leading dot below": "a/.x.gguf",
    "leading space": " x.gguf",
    "trailing dot": "x.gguf.",
    "trailing dot in a folder": "a./x.gguf",
    "trailing space": "x.gguf ",
    "reserved": "CON.gguf",
    "reserved folder": "aux/x.gguf",
    "reserved with two dots": "nul.tar.gguf",
    "reserved number": "Com1.gguf",
    "long segment": "x" * 200 + ".gguf",
    "long": "/".join(["x" * 190] * 3) + ".gguf",
    "deep": "a/b/c/d/x.gguf",
    "pickle": "pytorch_model.bin",
    "script": "modeling.py",
    "archive": "model.gguf.zip",
    "no suffix": "LICENSE",
    "other format": "config.json",
}


@pytest.mark.parametrize("name", UNSAFE.values(), ids=UNSAFE.keys())
def test_an_unsafe_file_name_is_refused_with_a_reason(name: str) -> None:
    reason = fault_in_file_name(name, "gguf")
    assert reason
    assert reason.isprintable()


@pytest.mark.parametrize(
    "suffix", [".bin", ".pt", ".pth", ".pkl", ".ckpt", ".py", ".sh", ".so", ".npz", ".exe"]
)
@pytest.mark.parametrize("format_", ["gguf", "mlx", "safetensors"])
def test_no_format_holds_files_that_run_or_unpickle(suffix: str, format_: str) -> None:
    assert fault_in_file_name(f"model{suffix}", format_) is not None


def test_an_unknown_format_holds_no_files() -> None:
    assert fault_in_file_name("model.gguf", "onnx") is not None


@given(st.text() | st.text(alphabet="./\\a:-~ \0%"))
def test_no_accepted_name_leaves_its_folder(name: str) -> None:
    if fault_in_file_name(name + ".gguf", "gguf") is None:
        segments = (name + ".gguf").split("/")
        assert all(segment.isascii() and segment.strip(". -") for segment in segments)
        assert all(segment not in ("", ".", "..") and "\\" not in segment for segment in segments)
        assert (name + ".gguf").isprintable()


@pytest.mark.parametrize(
    ("names", "twins"),
    [
        (["a.gguf", "b.gguf"], None),
        (["d/a.gguf", "d/b.gguf", "c/a.gguf"], None),
        ([], None),
        (["a.gguf", "a.gguf"], ("a.gguf", "a.gguf")),
        (["a.gguf", "b.gguf", "A.gguf"], ("a.gguf", "A.gguf")),
        (["D/a.gguf", "d/b.gguf"], ("D/a.gguf", "d/b.gguf")),
        (["a.gguf", "a.gguf/b.gguf"], ("a.gguf", "a.gguf/b.gguf")),
        (["a.gguf/b.gguf", "a.gguf"], ("a.gguf/b.gguf", "a.gguf")),
        (["A.gguf/b.gguf", "a.gguf"], ("A.gguf/b.gguf", "a.gguf")),
    ],
)
def test_names_that_collide_on_some_file_system_are_told(
    names: list[str], twins: tuple[str, str] | None
) -> None:
    assert case_twins(names) == twins
