"""Whose bytes are whose, and what may be given back."""

from typing import Any

from modelhubd.space.accounting import Seen, by_model, costs, superseded, to_prune
from modelhubd.wire.library import Artifact, ArtifactState
from modelhubd.wire.space import UsageItem, UsageKind


def artifact(version: int, option: str = "q4", *, model: str = "a/b", **rest: Any) -> Artifact:
    values: dict[str, Any] = {
        "format": "gguf", "quantization": None, "source": "download", "state": ArtifactState.OK,
        "size_bytes": 1, "digest": None, "files": (), "verified_at": None, "installed_at": "",
        "active": False,
    }  # fmt: skip
    return Artifact(
        id=f"{model}{version}{option}", model=model, version=version, option=option, **(values | rest)
    )


def versions(found: tuple[Artifact, ...]) -> list[tuple[int, str]]:
    return [(one.version, one.option) for one in found]


def test_bytes_under_two_names_count_for_the_first() -> None:
    one, two = Seen("a", 10, 16, (1, 1)), Seen("b", 10, 16, (1, 2))
    link = Seen("c", 10, 16, (1, 1))
    found = costs({"first": [one, two], "second": [link], "none": []})
    assert (found["first"].disk_bytes, found["first"].shared_bytes, found["first"].size_bytes) == (32, 0, 20)
    assert (found["second"].disk_bytes, found["second"].shared_bytes, found["second"].size_bytes) == (
        0,
        16,
        10,
    )
    assert found["none"].size_bytes == 0
    other_disk = costs({"first": [one], "second": [Seen("d", 10, 16, (2, 1))]})
    assert other_disk["second"].disk_bytes == 16, "the same number on another disk is another file"


def test_old_is_what_a_newer_whole_version_of_its_option_has_taken_the_place_of() -> None:
    three = [artifact(1), artifact(2), artifact(3, active=True)]
    assert versions(superseded(three)) == [(2, "q4"), (1, "q4")]
    assert versions(superseded([artifact(1), artifact(2, state=ArtifactState.DAMAGED)])) == []
    assert versions(superseded([artifact(1, "q8"), artifact(2, active=True)])) == [], (
        "the only one of its option"
    )
    assert versions(superseded([artifact(1, model="c/d"), artifact(2)])) == []


def test_what_is_active_or_loaded_is_never_old() -> None:
    assert versions(superseded([artifact(1, active=True), artifact(2)])) == []
    assert versions(superseded([artifact(1, loaded_by=("s",)), artifact(2)])) == []


def test_another_option_that_came_in_its_place_by_an_update_makes_it_old() -> None:
    old, new = artifact(1, "q8"), artifact(2, active=True)
    assert versions(superseded([old, new], {old.id: new.id})) == [(1, "q8")]
    assert versions(superseded([old], {old.id: new.id})) == [], "if that one is still here"


def test_so_many_old_ones_of_each_option_are_kept() -> None:
    here = [artifact(1), artifact(2), artifact(3, active=True), artifact(1, "q8"), artifact(2, "q8")]
    assert versions(to_prune(here, 0)) == [(2, "q4"), (1, "q4"), (1, "q8")]
    assert versions(to_prune(here, 1)) == [(1, "q4")]
    assert versions(to_prune(here, 2)) == []


def test_models_are_added_up_the_largest_first() -> None:
    def item(model: str | None, version: int, size: int, *, old: bool = False) -> UsageItem:
        return UsageItem(
            kind=UsageKind.ARTIFACT, name="", model=model, version=version, size_bytes=size, disk_bytes=size,
            old=old,
        )  # fmt: skip

    items = [item("a/b", 1, 5, old=True), item("a/b", 2, 6), item("c/d", 1, 20), item(None, 1, 90)]
    found = [(one.model, one.versions, one.disk_bytes, one.old_bytes) for one in by_model(items)]
    assert found == [("c/d", 1, 20, 0), ("a/b", 2, 11, 5)]
