import pytest

from modelhubd.registry.release.files import (
    METADATA_NAME,
    TARGET_NAME,
    Stored,
    newest_root,
    superseded,
    target,
    versioned,
)


def stored(name: str, at: int) -> Stored:
    return Stored(name=name, sha256="", made_at=f"2026-01-01T00:{at:02}:00.000Z")


FILES = [
    stored("1.root.json", 0), stored("2.root.json", 1), stored("timestamp.json", 9),
    stored("catalog.json.gz", 9),
    stored("5.targets.json", 0), stored("6.targets.json", 4), stored("7.targets.json", 9),
    stored("5.snapshot.json", 0), stored("6.snapshot.json", 4), stored("7.snapshot.json", 6),
    stored("8.snapshot.json", 9), stored("targets/aa.catalog.json.gz", 0),
    stored("targets/bb.catalog.json.gz", 9),
]  # fmt: skip


@pytest.mark.parametrize(
    ("minute", "gone"),
    [
        (0, []),
        (3, []),
        (5, ["5.snapshot.json", "5.targets.json"]),
        (7, ["5.snapshot.json", "5.targets.json", "6.snapshot.json"]),
        (59, ["5.snapshot.json", "5.targets.json", "6.snapshot.json", "6.targets.json", "7.snapshot.json",
              "targets/aa.catalog.json.gz"]),
    ],
)  # fmt: skip
def test_what_was_current_when_a_client_began_stays(minute: int, gone: list[str]) -> None:
    assert superseded(FILES, f"2026-01-01T00:{minute:02}:00.000Z") == gone


def test_roots_are_kept_for_ever_and_the_newest_is_known() -> None:
    assert newest_root(file.name for file in FILES) == 2
    assert newest_root(["timestamp.json"]) is None
    assert newest_root(["9.root.json", "10.root.json"]) == 10


@pytest.mark.parametrize("name", [versioned(7, "root"), versioned(2**60, "snapshot"), "timestamp.json"])
def test_names_of_metadata_are_told(name: str) -> None:
    assert METADATA_NAME.fullmatch(name)


@pytest.mark.parametrize(
    "name",
    ["root.json", "0.root.json", "07.root.json", "1.timestamp.json", "1.root.json\n", "../1.root.json", ""],
)
def test_other_names_are_none_of_metadata(name: str) -> None:
    assert METADATA_NAME.fullmatch(name) is None


def test_a_target_is_named_by_its_digest() -> None:
    assert TARGET_NAME.fullmatch(target("ab" * 32).removeprefix("targets/"))
    assert TARGET_NAME.fullmatch("catalog.json.gz") is None
