"""`registry publish --dry-run`: the entries that models become, without a registry."""

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest

from modelhub_cli.authoring.hub_web import credentials, next_hop
from modelhubd.entries.content import content_sha256
from modelhubd.wire.catalog import CatalogEntry
from tests.fakes.model_repository import COMMIT, Repository, serving
from tests.fakes.tiny_gguf import Shape, write_chat, write_embedding, write_faulty
from tests.unit.cli.conftest import Modelhub, Ran

BASE = "https://files.example.org/tiny"
CONFIG = {
    "model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "hidden_size": 128, "intermediate_size": 256, "vocab_size": 300, "max_position_embeddings": 4096,
}  # fmt: skip
SMALL = Shape(n_embd=32, n_ff=32, n_layer=1, n_head=2, n_head_kv=1)


def write_safetensors(path: Path, tensors: dict[str, tuple[str, list[int], int]], **metadata: str) -> Path:
    """A real file: name → (type, shape, bytes)."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(at))
    return path


def _dry(modelhub: Modelhub, *arguments: str) -> tuple[dict[str, Any], str]:
    ran = modelhub("registry", "publish", *arguments, "--dry-run")
    assert ran.code == 0, ran.err
    return json.loads(ran.out), ran.err


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_gguf_file_becomes_an_entry(tmp_path: Path, modelhub: Modelhub) -> None:
    path = write_chat(tmp_path / "Tiny-Q8_0.gguf", shape=SMALL, quantization="q8_0", thinking=True)
    (tmp_path / "README.md").write_text("---\nlicense: apache-2.0\nbase_model: acme/tiny-base\n---\n")
    entry, said = _dry(modelhub, str(path), "--id", "acme/tiny", "--url-base", f"{BASE}/")
    assert entry["id"] == "acme/tiny"
    assert entry["license"]["spdx"] == "Apache-2.0"
    assert (entry["display_name"], entry["base_model"]) == ("tiny", "acme/tiny-base")
    assert (entry["architecture"]["family"], entry["architecture"]["n_layers"]) == ("llama", 1)
    assert entry["context_length"] == 4096
    assert entry["capabilities"] == ["chat", "reasoning"]
    assert entry["parameters"] > 0
    (option,) = entry["options"]
    assert (option["id"], option["quantization"], option["size_bytes"]) == (
        "gguf-q8_0",
        "Q8_0",
        path.stat().st_size,
    )
    assert option["files"] == [
        {
            "name": path.name,
            "sha256": _sha256(path),
            "size_bytes": path.stat().st_size,
            "urls": [f"{BASE}/Tiny-Q8_0.gguf"],
        }
    ]
    assert "error" not in said


def test_a_folder_of_quantizations_becomes_one_entry(tmp_path: Path, modelhub: Modelhub) -> None:
    write_chat(tmp_path / "tiny-F16.gguf", shape=SMALL)
    write_chat(tmp_path / "tiny-Q4_0.gguf", shape=SMALL, quantization="q4_0")
    (tmp_path / "tiny-imatrix.gguf").write_bytes(b"x")
    entry, said = _dry(modelhub, str(tmp_path), "--id", "acme/tiny", "--url-base", BASE, "--license", "mit")
    assert [option["id"] for option in entry["options"]] == ["gguf-q4_0", "gguf-f16"]
    assert entry["license"]["spdx"] == "MIT"
    assert "tiny-imatrix.gguf is left out" in said


def test_any_part_of_a_split_model_brings_the_others(tmp_path: Path, modelhub: Modelhub) -> None:
    whole = write_chat(tmp_path / "whole.gguf", shape=SMALL)
    parts = [tmp_path / f"tiny-F16-0000{number}-of-00002.gguf" for number in (1, 2)]
    parts[0].write_bytes(whole.read_bytes())
    write_chat(parts[1], shape=SMALL, seed=1)
    entry, _ = _dry(modelhub, str(parts[1]), "--id", "acme/tiny", "--url-base", BASE)
    (option,) = entry["options"]
    assert [file["name"] for file in option["files"]] == [part.name for part in parts]
    assert [file.get("role", "model") for file in option["files"]] == ["model", "shard"]
    assert option["size_bytes"] == sum(part.stat().st_size for part in parts)
    parts[0].unlink()
    ran = modelhub("registry", "publish", str(parts[1]), "--id", "acme/tiny", "--dry-run")
    assert ran.code == 2
    assert "Part 1 of 2" in ran.err


def test_an_embedding_model_is_told_by_its_header(tmp_path: Path, modelhub: Modelhub) -> None:
    path = write_embedding(tmp_path / "embed-F16.gguf")
    entry, _ = _dry(modelhub, str(path), "--id", "acme/embed", "--url", "https://files.example.org/e?x=1")
    assert entry["capabilities"] == ["embedding"]
    assert entry["options"][0]["files"][0]["urls"] == ["https://files.example.org/e?x=1"]


def test_a_folder_of_safetensors_and_one_for_mlx(tmp_path: Path, modelhub: Modelhub) -> None:
    for name, extra, metadata in (
        ("plain", {}, {}),
        ("mlx", {"quantization": {"bits": 4}}, {"format": "mlx"}),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(CONFIG | extra))
        (folder / "tokenizer.json").write_text("{}")
        (folder / "pytorch_model.bin").write_bytes(b"never")
        write_safetensors(folder / "model.safetensors", {"a": ("BF16", [4, 4], 32)}, **metadata)
    plain, _ = _dry(modelhub, str(tmp_path / "plain"), "--id", "acme/tiny", "--url-base", BASE)
    (option,) = plain["options"]
    assert (option["id"], option["quantization"], plain["parameters"]) == ("safetensors-bf16", "BF16", 16)
    assert {file["name"] for file in option["files"]} == {
        "model.safetensors",
        "config.json",
        "tokenizer.json",
    }
    mlx, _ = _dry(modelhub, str(tmp_path / "mlx"), "--id", "acme/tiny", "--url-base", BASE)
    assert [item["id"] for item in mlx["options"]] == ["mlx-4bit"]
    assert mlx["architecture"]["n_layers"] == 2


@pytest.mark.parametrize("fault", ["magic", "version", "truncated", "tensor_count", "string_length", "empty"])
def test_what_is_no_whole_model_is_refused(tmp_path: Path, modelhub: Modelhub, fault: str) -> None:
    path = write_faulty(tmp_path / "bad.gguf", fault)
    ran = modelhub("registry", "publish", str(path), "--id", "acme/bad", "--dry-run")
    assert (ran.code, ran.out) == (2, "")
    assert "bad.gguf" in ran.err
    assert str(tmp_path) not in ran.err


def test_hostile_texts_beside_a_model_come_out_clean_or_not_at_all(
    tmp_path: Path, modelhub: Modelhub
) -> None:
    path = write_chat(tmp_path / "tiny-F16.gguf", shape=SMALL)
    (tmp_path / "README.md").write_bytes(
        b'---\nlicense: "mit\x1b[2J"\ntags:\n- ok\n- "\xe2\x80\xae"\n- ' + b"x" * 5000 + b"\n"
        b"base_model: !!python/object:os.system\nlicense_link: javascript:alert(1)\n"
        + b"- " * 100_000
        + b"\xff\xfe\n---\n"
    )
    entry, said = _dry(modelhub, str(path), "--id", "acme/tiny", "--url-base", BASE)
    assert entry["license"]["spdx"] == "MIT"
    assert entry["tags"] == ["ok"]
    assert "\x1b" not in json.dumps(entry, ensure_ascii=False) + said


def _refused(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, ran.err
    assert ran.out == ""
    for word in words:
        assert word in ran.err


def test_what_is_missing_or_too_much_is_said(tmp_path: Path, modelhub: Modelhub) -> None:
    path = str(write_chat(tmp_path / "tiny-F16.gguf", shape=SMALL))
    write_chat(tmp_path / "tiny-Q4_0.gguf", shape=SMALL, quantization="q4_0")
    publish = ("registry", "publish")
    _refused(modelhub(*publish, path), 2, "--id")
    _refused(modelhub(*publish, path, "--id", "Acme/Tiny"), 2, "lower case")
    _refused(modelhub(*publish, str(tmp_path), "--id", "acme/tiny", "--url", BASE), 2, "--url-base")
    _refused(modelhub(*publish, path, "--id", "acme/t", "--url", BASE, "--url-base", BASE), 2, "either")
    _refused(modelhub(*publish, str(tmp_path / "absent.gguf"), "--id", "acme/t"), 3)
    _refused(modelhub(*publish, str(tmp_path / "absent.json")), 3)
    (tmp_path / "entry.json").write_text("{")
    _refused(modelhub(*publish, str(tmp_path / "entry.json")), 2, "not JSON")
    _refused(modelhub(*publish, str(tmp_path / "entry.json"), "--license", "mit"), 2, "entry file")
    _refused(modelhub(*publish, "hf:../x"), 2, "hf:owner/name")


def test_without_an_address_an_entry_is_made_but_the_issue_is_told(
    tmp_path: Path, modelhub: Modelhub
) -> None:
    path = write_chat(tmp_path / "tiny-F16.gguf", shape=SMALL)
    _, said = _dry(modelhub, str(path), "--id", "acme/tiny")
    assert "error" in said


def test_an_entry_file_is_written_signed_and_checked(tmp_path: Path, modelhub: Modelhub) -> None:
    path = write_chat(tmp_path / "tiny-F16.gguf", shape=SMALL)
    out = tmp_path / "entry.json"
    key = tmp_path / "key"
    made = modelhub("registry", "keys", "new", str(key))
    public = made.rows[0][1]
    wrote = modelhub(
        "registry",
        "publish",
        str(path),
        "--id",
        "acme/tiny",
        "--url-base",
        BASE,
        "--notes",
        "First.",
        "--out",
        str(out),
    )
    assert (wrote.code, wrote.out) == (0, "")
    unsigned = modelhub("registry", "verify-signature", str(out), "--public-key", public)
    assert unsigned.code == 8
    signed = modelhub("registry", "sign", str(out), "--key", str(key))
    assert signed.code == 0, signed.err
    again = modelhub("registry", "sign", str(out), "--key", str(key))
    assert again.code == 0
    document = json.loads(out.read_text())
    assert len(document["envelopes"]) == 1
    assert modelhub("registry", "verify-signature", str(out), "--public-key", public).code == 0
    entry = msgspec.convert(document, CatalogEntry)
    assert signed.rows[1][1] == content_sha256(entry, "First.")
    for change in ({"notes": "Second."}, {"description": "Other."}):
        out.write_text(json.dumps(document | change))
        assert modelhub("registry", "verify-signature", str(out), "--public-key", public).code == 8
    out.write_text(json.dumps(document))
    assert modelhub("registry", "verify-signature", str(out), "--public-key", "a" * 64).code == 8


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    files = {
        "README.md": b"# Tiny",
        "Tiny-F16.gguf": write_chat(tmp_path / "a.gguf", shape=SMALL).read_bytes(),
        "Q4_0/Tiny-Q4_0.gguf": write_chat(tmp_path / "b.gguf", shape=SMALL, quantization="q4_0").read_bytes(),
    }
    card = {
        "license": "llama3.2",
        "tags": ["gguf", "small"],
        "base_model": ["Acme/Tiny"],
        "language": ["en", "de"],
    }
    return Repository("Acme-AI/Tiny.X-GGUF", files, card=card, gated="manual")


def test_a_repository_becomes_an_entry_that_is_pinned_to_its_commit(
    repository: Repository, modelhub: Modelhub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(repository) as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        entry, _ = _dry(modelhub, "hf:Acme-AI/Tiny.X-GGUF@v1.0")
    assert entry["id"] == "acme-ai/tiny.x"
    assert entry["license"]["spdx"] == "LicenseRef-Llama-3.2-Community"
    assert entry["license"]["gated"] is True
    assert entry["tags"] == ["small"]
    assert entry["homepage"] == f"{url}/Acme-AI/Tiny.X-GGUF"
    by_id = {option["id"]: option for option in entry["options"]}
    assert set(by_id) == {"gguf-f16", "gguf-q4_0"}
    (file,) = by_id["gguf-q4_0"]["files"]
    assert file["urls"] == [f"{url}/Acme-AI/Tiny.X-GGUF/resolve/{COMMIT}/Q4_0/Tiny-Q4_0.gguf"]
    assert file["sha256"] == hashlib.sha256(repository.files["Q4_0/Tiny-Q4_0.gguf"]).hexdigest()
    assert repository.asked[0][0] == "/api/models/Acme-AI/Tiny.X-GGUF/revision/v1.0?blobs=true"
    read = [path for path, wanted, _ in repository.asked if wanted is not None]
    assert read == [f"/Acme-AI/Tiny.X-GGUF/resolve/{COMMIT}/Q4_0/Tiny-Q4_0.gguf"]


def test_a_folder_in_a_repository_has_its_small_files_hashed(
    tmp_path: Path, modelhub: Modelhub, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = write_safetensors(tmp_path / "m", {"a": ("BF16", [64, 64], 8192)}).read_bytes()
    config = json.dumps(CONFIG).encode()
    files = {"model.safetensors": weights, "config.json": config, "tokenizer.json": b"{}"}
    with serving(Repository("acme/tiny", files, ranges=False)) as url:
        monkeypatch.setenv("HF_ENDPOINT", f"{url}/")
        entry, _ = _dry(modelhub, "hf:acme/tiny", "--id", "acme/renamed")
    assert entry["id"] == "acme/renamed"
    digests = {file["name"]: file["sha256"] for file in entry["options"][0]["files"]}
    assert digests == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def test_the_token_of_a_repository_goes_to_it_alone(
    repository: Repository, modelhub: Modelhub, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.token = "hf_secret"
    with serving(repository) as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        _refused(modelhub("registry", "publish", "hf:Acme-AI/Tiny.X-GGUF", "--dry-run"), 4, "$HF_TOKEN")
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        repository.redirect = f"{url}/blobs/"
        _dry(modelhub, "hf:Acme-AI/Tiny.X-GGUF")
        assert {sent for _, _, sent in repository.asked[1:]} == {"Bearer hf_secret"}
        other = Repository("x/y", repository.files)
        with serving(other) as elsewhere:
            repository.redirect = f"{elsewhere}/blobs/"
            ran = modelhub("registry", "publish", "hf:Acme-AI/Tiny.X-GGUF", "--dry-run")
            assert ran.code == 1
            assert other.asked == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"raw": b"<html>sign in</html>"}, 8),
        ({"raw": b"[" * 100_000}, 8),
        ({"changes": {"sha": "main"}}, 8),
        ({"changes": {"siblings": [{"rfilename": "a.gguf", "size": -1}]}}, 8),
        ({"changes": {"siblings": [{"rfilename": "a.gguf", "size": 10, "lfs": {"sha256": "x"}}]}}, 8),
        (
            {
                "changes": {
                    "siblings": [{"rfilename": "../../a.gguf", "size": 5000, "lfs": {"sha256": "a" * 64}}]
                }
            },
            2,
        ),
        ({"changes": {"siblings": []}}, 2),
        ({"changes": {"siblings": [{"rfilename": "Tiny-F16.gguf"}]}}, 2),
    ],
)
def test_a_repository_that_lies_becomes_no_entry(
    repository: Repository,
    modelhub: Modelhub,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    code: int,
) -> None:
    for name, value in changes.items():
        setattr(repository, name, value)
    with serving(repository) as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        _refused(modelhub("registry", "publish", "hf:Acme-AI/Tiny.X-GGUF", "--dry-run"), code)


def test_a_revision_that_is_not_there_is_not_found(
    repository: Repository, modelhub: Modelhub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(repository) as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        _refused(
            modelhub("registry", "publish", "hf:acme/absent", "--dry-run"), 3, "does not know", "REVISION"
        )
    _refused(
        modelhub("registry", "publish", "hf:acme/absent", "--dry-run"), 6, "cannot be reached", "HF_ENDPOINT"
    )


@pytest.mark.parametrize(
    "location",
    [None, "", "http://cdn.example.org/x", "https://10.0.0.1/x", "https://user@cdn.example.org/x", "file:///etc/passwd",
     "//169.254.169.254/x"],
)  # fmt: skip
def test_a_redirect_leads_nowhere_but_to_public_https(location: str | None) -> None:
    with pytest.raises(ValueError, match=r"URL|the answer"):
        next_hop("https://hub.example.org/a", location, "https://hub.example.org")


def test_the_token_stays_at_home_wherever_a_redirect_leads() -> None:
    home = "https://hub.example.org"
    assert credentials(f"{home}/a", home, "t") == {"Authorization": "Bearer t"}
    assert credentials(f"{home}/a", home, None) == {}
    for url in ("https://cdn.example.org/a", "http://hub.example.org/a", "https://hub.example.org:444/a"):
        assert credentials(url, home, "t") == {}


def test_a_redirect_may_lead_to_a_content_network_or_stay() -> None:
    home = "http://127.0.0.1:9"
    assert next_hop(f"{home}/a", "/b", home) == f"{home}/b"
    assert (
        next_hop("https://hub.example.org/a", "https://cdn.example.org/b", home)
        == "https://cdn.example.org/b"
    )
