"""What is noticed about a version when it is published."""

from typing import Any

import pytest

from modelhubd.entries.issues import ISSUES_MAX, Surroundings, issues_in
from modelhubd.entries.issues_of_files import weights_of
from modelhubd.entries.issues_of_text import CAPABILITIES, fault_in_words
from modelhubd.floor.loader import load_floor
from modelhubd.wire.registry import Severity
from tests.unit.registry.samples import OTHER, SHA, SHAPE, URL, entry, file_json, option_json

Found = list[tuple[str, str, str]]


def found(notes: str | None = None, around: Surroundings | None = None, **more: Any) -> Found:
    """(code, severity, pointer) of every issue."""
    issues = issues_in(entry(**more), notes, around or Surroundings())
    assert all(issue.message for issue in issues)
    return [(issue.code, issue.severity, issue.pointer) for issue in issues]


def files(*several: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [option_json(files=list(several), **more)]


def test_a_sound_entry_has_none() -> None:
    assert found() == []


def test_the_floor_could_be_approved_as_it_is() -> None:
    ids = [one.id for one in load_floor()]
    publishers = {ident.partition("/")[0] for ident in ids}
    for one in load_floor():
        issues = issues_in(one, None, Surroundings(models=ids, publishers=publishers))
        assert [issue for issue in issues if issue.severity is Severity.ERROR] == [], one.id
        assert {issue.code for issue in issues} <= {
            "architecture_without_figures", "context_exceeds_architecture", "unknown_license",
        }, one.id  # fmt: skip


@pytest.mark.parametrize(("required", "severity"), [(True, "error"), (False, "warning")])
def test_a_missing_digest_is_an_error_where_digests_are_required(required: bool, severity: str) -> None:
    assert found(around=Surroundings(require_digest=required), options=files(file_json(sha256=None))) == [
        ("missing_digest", severity, "/options/0/files/0/sha256")
    ]


def test_a_missing_size_is_a_warning() -> None:
    assert found(options=files(file_json(size_bytes=None))) == [
        ("missing_size", "warning", "/options/0/files/0/size_bytes")
    ]


@pytest.mark.parametrize("stated", [999, 1001])
def test_a_stated_size_that_is_not_the_sum_is_an_error(stated: int) -> None:
    assert found(options=[option_json(size_bytes=stated)]) == [
        ("size_mismatch", "error", "/options/0/size_bytes")
    ]


def test_a_stated_size_may_be_more_than_the_sizes_that_are_known() -> None:
    several = files(file_json(), file_json("b.gguf", role="shard", size_bytes=None), size_bytes=5000)
    assert [code for code, _, _ in found(options=several)] == ["missing_size"]


def test_one_digest_with_two_sizes_is_an_error_and_with_one_is_none() -> None:
    other = option_json("other", files=[file_json("b.gguf", size_bytes=7)])
    assert found(options=[option_json(), other]) == [
        ("size_mismatch", "error", "/options/1/files/0/size_bytes")
    ]
    same = option_json("other", files=[file_json("b.gguf")])
    assert found(options=[option_json(), same]) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://models.example.com/x", "https://127.0.0.1/x", "https://user@example.com/x",
        "https://[fec0::1]/x", "https://localhost/x", "file:///x", "https://example.com:8443/x", "hello",
        "https://example.com/%2e%2e/x", "https://example.com/x#y",
    ],
)  # fmt: skip
def test_an_option_is_dead_when_no_address_could_ever_work(url: str) -> None:
    assert found(options=files(file_json(urls=[url]))) == [
        ("dead_option", "error", "/options/0/files/0/urls/0")
    ]
    assert found(options=files(file_json(urls=[url, URL]))) == [
        ("dead_url", "warning", "/options/0/files/0/urls/0")
    ]


def test_an_option_is_dead_without_any_address() -> None:
    assert found(options=files(file_json(urls=[]))) == [("dead_option", "error", "/options/0/files/0/urls")]


def test_origins_of_the_organisation_may_be_private() -> None:
    around = Surroundings(allow_origins=("http://10.0.0.7:9000",))
    assert found(around=around, options=files(file_json(urls=["http://10.0.0.7:9000/x"]))) == []


def test_weights_that_another_model_has_are_a_warning_and_a_shared_tokenizer_is_not() -> None:
    around = Surroundings(holders={SHA: "other/model"})
    assert found(around=around) == [("duplicate_digest", "warning", "/options/0/files/0/sha256")]
    shared = files(file_json(sha256=OTHER), file_json("t.json", role="tokenizer"), format="safetensors")
    assert found(around=around, options=shared) == []


def test_weights_are_the_models_and_shards_with_a_digest() -> None:
    several = files(
        file_json(), file_json("b", role="shard", sha256=OTHER), file_json("c", role="shard", sha256=None),
        file_json("d", role="tokenizer", sha256="ef" * 32),
    )  # fmt: skip
    assert weights_of(entry(options=several)) == {SHA, OTHER}


def test_a_projector_goes_with_a_sense_and_a_sense_with_a_projector() -> None:
    projector = files(file_json(), file_json("mm.gguf", role="projector", sha256=OTHER))
    assert found(options=projector) == [("projector_without_vision", "warning", "/options/0/files/1")]
    assert found(options=projector, capabilities=["chat", "audio"]) == []
    assert found(capabilities=["vision"]) == [("vision_without_projector", "warning", "/capabilities")]
    assert found(capabilities=["vision"], options=[option_json(format="mlx")]) == []


def test_an_architecture_without_figures_is_a_warning() -> None:
    assert found(architecture={"family": "llama"}) == [
        ("architecture_without_figures", "warning", "/architecture")
    ]


def test_more_context_than_the_architecture_has_is_a_warning() -> None:
    code = "context_exceeds_architecture"
    assert found(context_length=131073) == [(code, "warning", "/context_length")]
    assert found(context_length=4096) == []
    assert found(settings={"ctx": 131073}) == [(code, "warning", "/settings/ctx")]
    assert found(settings={"ctx": 4097}, context_length=4096) == [(code, "warning", "/settings/ctx")]
    assert found(settings={"ctx": 4096}, context_length=None) == []
    unknown = SHAPE | {"context_length": None}
    assert found(settings={"ctx": 1 << 20}, context_length=None, architecture=unknown) == []
    assert found(context_length=1 << 20, architecture=unknown) == []


def test_more_active_parameters_than_there_are_is_a_warning() -> None:
    assert found(parameters=5, active_parameters=6) == [
        ("implausible_figures", "warning", "/active_parameters")
    ]
    assert found(parameters=5, active_parameters=5) == []
    assert found(parameters=5) == []


def test_a_requirement_that_no_program_can_read_is_an_error() -> None:
    code = "unreadable_requirement"
    assert found(requires={"daemon": "newest", "llama_server": ">=8000", "app": {"a/b": "!"}}) == [
        (code, "error", "/requires/daemon"),
        (code, "error", "/requires/app/a~1b"),
    ]
    assert found(requires={"daemon": ">=1.0", "app": {"desk": ">=2.1,<3"}}) == []


@pytest.mark.parametrize(
    ("license", "pointer"),
    [
        ({}, "/license"),
        ({"name": "Ours"}, "/license"),
        ({"spdx": "Apache"}, "/license/spdx"),
        ({"spdx": "LicenseRef-Ours"}, "/license/url"),
    ],
)
def test_a_licence_that_nobody_can_look_up_is_a_warning(license: dict[str, Any], pointer: str) -> None:
    assert found(license=license) == [("unknown_license", "warning", pointer)]


@pytest.mark.parametrize(
    "license",
    [{"spdx": "MIT OR Apache-2.0"}, {"spdx": "LicenseRef-Ours", "url": "https://example.com/licence"}],
)
def test_an_spdx_expression_is_a_known_licence(license: dict[str, Any]) -> None:
    assert found(license=license) == []


@pytest.mark.parametrize(
    "license",
    [
        {"spdx": "MIT"}, {"spdx": "Apache-2.0", "commercial": False}, {"spdx": "Apache-2.0", "gated": True},
        {"spdx": "Apache-2.0", "commercial": True},
    ],
)  # fmt: skip
def test_other_terms_than_what_is_served_has_are_a_warning(license: dict[str, Any]) -> None:
    around = Surroundings(served=entry())
    assert found(around=around, license=license) == [("license_changed", "warning", "/license")]
    assert found(around=Surroundings(served=entry(license=license)), license=license) == []


def test_an_unknown_capability_is_a_warning() -> None:
    assert found(capabilities=["chat", "telepathy"]) == [("unknown_capability", "warning", "/capabilities/1")]
    assert {capability for one in load_floor() for capability in one.capabilities} <= CAPABILITIES


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "< IFRAME src=x>", "<b onclick = 'x'>", "<img/src=x>", "javascript:x",
        "data:text/html,x", "</style>",
    ],
)  # fmt: skip
def test_active_markup_is_an_error_wherever_it_stands(text: str) -> None:
    fields: dict[str, dict[str, Any]] = {
        "/display_name": {"display_name": text}, "/description": {"description": text},
        "/base_model": {"base_model": text}, "/license/name": {"license": {"spdx": "MIT", "name": text}},
        "/tags/0": {"tags": [text]}, "/architecture/family": {"architecture": SHAPE | {"family": text}},
        "/options/0/quantizer": {"options": [option_json(quantizer=text)]},
        "/hardware/os/0": {"hardware": {"os": [text]}},
    }  # fmt: skip
    for pointer, more in fields.items():
        assert ("suspicious_text", "error", pointer) in found(**more), pointer
    assert found(notes=text) == [("suspicious_text", "error", "/notes")]


@pytest.mark.parametrize(
    "text",
    [
        "G\u043e\u043egle", "\u0391pple", "e\u0301\u0301\u0301\u0301", "pass\u200dword", "\u200dx",
        "\u00e9\u200d\u200dx",
    ],
)  # fmt: skip
def test_text_that_is_not_what_it_seems_is_a_warning(text: str) -> None:
    assert found(description=text) == [("suspicious_text", "warning", "/description")]


@pytest.mark.parametrize(
    "text",
    [
        "Thinks between <think> and </think>.", "Модель для чата", "日本語の model", "e\u0301t\u00e9",
        "a < b and c > d", "Ελληνικά και English", "नमस्\u200dते", "👩\u200d💻 writes code",
    ],
)  # fmt: skip
def test_words_of_many_scripts_are_as_good_as_any(text: str) -> None:
    assert fault_in_words(text) is None


def test_a_name_like_anothers_is_a_warning() -> None:
    around = Surroundings(models=("acrne/tiny",), publishers=("acrne",))
    assert set(found(around=around)) == {("lookalike_name", "warning", "/id")}


def test_what_changes_nothing_is_told() -> None:
    assert found(around=Surroundings(unchanged=True)) == [("unchanged", "warning", "")]


def test_a_bad_signature_is_an_error_and_a_missing_one_a_warning_where_there_are_keys() -> None:
    envelope = {"payload": "e30=", "signatures": [{"keyid": "k", "sig": "s"}]}
    bad = Surroundings(has_keys=True, signature_fault="no key made it")
    assert found(around=bad, envelopes=[envelope]) == [("bad_signature", "error", "/envelopes")]
    assert found(around=Surroundings(has_keys=True), envelopes=[envelope]) == []
    assert found(around=Surroundings(has_keys=True)) == [("unsigned", "warning", "/envelopes")]


def test_the_gravest_come_first_and_a_flood_is_cut() -> None:
    dead = file_json(urls=["ftp://x"] * 16, sha256=None, size_bytes=None)
    several = [dead | {"name": f"f{index}.gguf", "role": "shard"} for index in range(20)]
    issues = issues_in(entry(options=files(*several)), None, Surroundings())
    order = [Severity.ERROR, Severity.WARNING, Severity.INFO]
    assert [order.index(issue.severity) for issue in issues] == sorted(
        order.index(issue.severity) for issue in issues
    )
    assert len(issues) == ISSUES_MAX + 1
    assert issues[-1].code == "more_issues"
