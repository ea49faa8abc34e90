"""Which files become which option."""

import pytest

from modelhubd.entries.grouping import NotAModel, group, siblings
from modelhubd.entries.quantizations import option_id, quantization_in, slug, without_quantization
from modelhubd.trust.names import is_option_id
from modelhubd.wire.catalog import Format, Role


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("tiny-Q4_K_M", "Q4_K_M"), ("tiny.Q8_0", "Q8_0"), ("tiny-q4_k_m", "Q4_K_M"),
        ("tiny-UD-Q4_K_XL", "UD-Q4_K_XL"), ("tiny-IQ3_XXS", "IQ3_XXS"), ("tiny-fp16", "F16"),
        ("tiny-BF16", "BF16"), ("gpt-oss-20b-MXFP4", "MXFP4"), ("Q4_K_M/tiny-Q4_K_M", "Q4_K_M"),
        ("BF16/tiny", "BF16"), ("tiny", None), ("qwen3-0.6b", None), ("f16x", None),
    ],
)  # fmt: skip
def test_a_name_tells_the_quantization_as_people_write_it(name: str, label: str | None) -> None:
    assert quantization_in(name) == label


def test_what_is_left_of_a_name_is_the_same_for_all_quantizations_of_a_model() -> None:
    names = ("tiny-1b-Q4_K_M", "tiny-1b-f16", "tiny-1b-UD-Q4_K_XL", "tiny-1b")
    assert {without_quantization(name) for name in names} == {"tiny-1b"}


@pytest.mark.parametrize("text", ["Qwen3-0.6B-GGUF", "Ünïcode model", "a..b", "-x-", "x" * 200, "a\nb"])
def test_a_slug_of_any_text_is_a_part_of_an_id(text: str) -> None:
    assert is_option_id(slug(text))


def test_a_slug_of_nothing_usable_is_empty() -> None:
    assert slug("模型") == ""


def test_two_options_of_one_quantization_have_ids_of_their_own() -> None:
    assert option_id("gguf", "Q4_K_M", set()) == "gguf-q4_k_m"
    assert option_id("gguf", "Q4_K_M", {"gguf-q4_k_m"}) == "gguf-q4_k_m-2"
    assert option_id("gguf", None, set()) == "gguf"


def test_each_quantization_is_an_option() -> None:
    found = group(["tiny-Q4_0.gguf", "tiny-F16.gguf", "README.md", "notes.txt"])
    assert [(item.format, item.label, item.weights) for item in found.groups] == [
        (Format.GGUF, "F16", ("tiny-F16.gguf",)),
        (Format.GGUF, "Q4_0", ("tiny-Q4_0.gguf",)),
    ]
    assert found.left_out == {}


def test_parts_are_one_option_in_their_order_and_only_the_first_is_the_model() -> None:
    names = [f"Q8_0/big-Q8_0-{index:05}-of-00003.gguf" for index in (3, 1, 2)]
    (found,) = group(names).groups
    assert [member.role for member in found.members] == [Role.MODEL, Role.SHARD, Role.SHARD]
    assert found.weights == tuple(sorted(names))
    assert found.label == "Q8_0"


def test_a_part_that_is_missing_is_named() -> None:
    with pytest.raises(NotAModel, match="Part 2 of 3 of big is missing"):
        group(["big-00001-of-00003.gguf", "big-00003-of-00003.gguf"])


@pytest.mark.parametrize("count", ["00000", "99999"])
def test_an_absurd_number_of_parts_is_refused(count: str) -> None:
    with pytest.raises(NotAModel, match="parts"):
        group([f"big-00001-of-{count}.gguf"])


def test_every_option_gets_one_projector_and_the_others_are_left_out() -> None:
    found = group(["see-Q4_0.gguf", "see-Q8_0.gguf", "mmproj-F16.gguf", "mmproj-F32.gguf"])
    assert all(item.members[-1].name == "mmproj-F16.gguf" for item in found.groups)
    assert all(item.members[-1].role is Role.PROJECTOR for item in found.groups)
    assert set(found.left_out) == {"mmproj-F32.gguf"}


def test_what_is_no_model_is_left_out_and_said() -> None:
    found = group(["tiny-Q4_0.gguf", "tiny-imatrix.gguf", "tiny-draft-Q4_0.gguf"])
    assert len(found.groups) == 1
    assert set(found.left_out) == {"tiny-imatrix.gguf", "tiny-draft-Q4_0.gguf"}


def test_files_of_several_models_are_refused() -> None:
    with pytest.raises(NotAModel, match="several models"):
        group(["tiny-Q4_0.gguf", "other-Q4_0.gguf"])


def test_a_folder_of_safetensors_is_one_option_with_what_it_needs_beside() -> None:
    names = [
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "config.json",
        "tokenizer.json", "merges.txt", "README.md", "pytorch_model.bin", "params.json",
        "consolidated.safetensors",
        "original/model.safetensors",
    ]  # fmt: skip
    found = group(names)
    (option,) = found.groups
    assert {member.name: member.role for member in option.members} == {
        "model-00001-of-00002.safetensors": Role.MODEL,
        "model-00002-of-00002.safetensors": Role.SHARD,
        "config.json": Role.CONFIG,
        "merges.txt": Role.TOKENIZER,
        "tokenizer.json": Role.TOKENIZER,
    }
    assert set(found.left_out) == {"consolidated.safetensors", "original/model.safetensors"}


def test_safetensors_without_a_configuration_are_refused() -> None:
    with pytest.raises(NotAModel, match=r"no config\.json"):
        group(["model.safetensors"])


@pytest.mark.parametrize("names", [[], ["README.md"], ["pytorch_model.bin", "config.json"]])
def test_where_there_is_no_model_that_is_said(names: list[str]) -> None:
    with pytest.raises(NotAModel, match="no model file"):
        group(names)


@pytest.mark.parametrize(
    "name", ["../../a.gguf", "/a.gguf", "-a.gguf", "a\\b.gguf", "con/a.gguf", "a\n.gguf"]
)
def test_a_name_that_no_machine_may_store_is_refused_before_anything_is_asked(name: str) -> None:
    with pytest.raises(NotAModel, match="cannot be a file of a model"):
        group([name])


def test_a_part_brings_its_set_and_a_whole_file_only_itself() -> None:
    names = ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf", "b-00001-of-00002.gguf", "c.gguf"]
    assert siblings("a-00002-of-00002.gguf", names) == ("a-00001-of-00002.gguf", "a-00002-of-00002.gguf")
    assert siblings("c.gguf", names) == ("c.gguf",)
