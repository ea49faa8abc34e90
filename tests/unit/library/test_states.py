import pytest

from modelhubd.library.layout import Key
from modelhubd.library.states import Found, adopted_files, is_offline, is_rewritten, state_of
from modelhubd.wire.catalog import CatalogEntry, Format, Option, OptionFile
from modelhubd.wire.library import ArtifactState

KEY = Key("acme/tiny", 2, "gguf")
A, B = "acme/tiny/2/gguf/a.gguf", "acme/tiny/2/gguf/b.gguf"
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ({A: Found(3), B: Found(4)}, ArtifactState.OK),
        ({A: Found(3), B: Found(5)}, ArtifactState.DAMAGED),
        ({A: Found(3)}, ArtifactState.MISSING),
        ({A: Found(9)}, ArtifactState.MISSING),
        ({}, ArtifactState.MISSING),
    ],
)
def test_the_state_follows_from_what_is_there(found: dict[str, Found], state: ArtifactState) -> None:
    assert state_of((A, B), (3, 4), found) is state


@pytest.mark.parametrize(
    ("known", "now", "rewritten"),
    [
        (10 * SECOND, 10 * SECOND, False),
        (10 * SECOND, 12 * SECOND, False),
        (10 * SECOND, 13 * SECOND, True),
        (13 * SECOND, 10 * SECOND, True),
        (None, 10 * SECOND, False),
    ],
)
def test_a_file_written_after_its_check_is_noticed(known: int | None, now: int, rewritten: bool) -> None:
    assert is_rewritten((A,), (known,), {A: Found(3, 1, now)}) is rewritten


def test_a_file_that_is_gone_was_not_rewritten() -> None:
    assert not is_rewritten((A,), (5,), {})


@pytest.mark.parametrize(
    ("present", "marked", "rows", "found", "offline"),
    [
        (False, False, (), (), True),
        (False, False, (A,), (), True),
        (True, False, (), (), False),
        (True, False, (A,), (), True),
        (True, False, (A, B), (B,), False),
        (True, True, (A,), (), False),
    ],
)
def test_an_empty_mount_point_is_told_from_an_emptied_directory(
    present: bool, marked: bool, rows: tuple[str, ...], found: tuple[str, ...], offline: bool
) -> None:
    assert is_offline(present=present, marked=marked, rows=rows, found=found) is offline


def test_parts_of_a_download_tell_an_empty_mount_point_too() -> None:
    assert is_offline(present=True, marked=False, rows=(), found=(), staged=True)
    assert not is_offline(present=True, marked=True, rows=(), found=(), staged=True)


def entry(*files: OptionFile, version: int = 2) -> CatalogEntry:
    return CatalogEntry(
        id="acme/tiny", version=version, options=(Option(id="gguf", format=Format.GGUF, files=files),)
    )


def test_files_with_the_sizes_of_the_catalog_are_taken() -> None:
    known = entry(OptionFile(name="a.gguf", size_bytes=3, sha256="00"), OptionFile(name="b.gguf"))
    adopted = adopted_files(KEY, known, {A: Found(3), B: Found(7)})
    assert adopted is not None
    assert [(file.name, file.size_bytes, file.sha256) for file in adopted[1]] == [
        ("a.gguf", 3, "00"),
        ("b.gguf", 7, None),
    ]


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (None, {A: Found(3)}),
        (entry(OptionFile(name="a.gguf", size_bytes=3), version=1), {A: Found(3)}),
        (entry(OptionFile(name="a.gguf", size_bytes=4)), {A: Found(3)}),
        (entry(OptionFile(name="a.gguf", size_bytes=3), OptionFile(name="b.gguf")), {A: Found(3)}),
        (entry(OptionFile(name="a.gguf", size_bytes=3)), {A: Found(3, links=2)}),
        (CatalogEntry(id="acme/tiny", version=2, options=()), {A: Found(3)}),
    ],
    ids=["not in the catalog", "another version", "another size", "incomplete", "hard link", "no option"],
)
def test_other_files_are_not_taken(known: CatalogEntry | None, found: dict[str, Found]) -> None:
    assert adopted_files(KEY, known, found) is None
