"""Files outside the models directory: what is decided about them."""

import errno
import os
import threading
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.library.contents import bytes_on_disk
from modelhubd.library.layout import Key
from modelhubd.library.outside import Elsewhere, OutsideLook, hidden, is_away, look_outside, outside_of, shown
from modelhubd.library.states import Found, Outside, is_replaced, remounted
from modelhubd.library.store import Stored
from modelhubd.wire.library import ArtifactFile, ArtifactState

AT = "/media/stick/a.gguf"
FILE = Outside(AT, device=7, inode=42, mtime_ns=1000)
INSIDE = "acme/tiny/1/gguf/b.gguf"
PATHS = st.lists(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1).filter(
        lambda part: part not in (".", "..")
    ),
    min_size=1,
    max_size=4,
)


def row(*outside: Outside | None, state: ArtifactState = ArtifactState.OK) -> Stored:
    """Two files of three bytes: `a.gguf` and `b.gguf`."""
    return Stored(
        id="0" * 16,
        key=Key("acme/tiny", 1, "gguf"),
        format="gguf",
        quantization=None,
        source="import",
        state=state,
        digest=None,
        verified_at="2026-03-01T11:59:00.000Z",
        installed_at="2026-03-01T11:59:00.000Z",
        files=tuple(
            ArtifactFile(name=f"{name}.gguf", role="model", size_bytes=3, sha256=None) for name in "ab"
        ),
        mtimes_ns=(1000, None),
        outside=outside,
    )


HERE = {AT: Found(3, 1, 1000, 42, 7), INSIDE: Found(3)}


@pytest.mark.parametrize(
    ("code", "above", "away"),
    [
        (errno.ENOENT, 7, False),
        (errno.ENOENT, 1, True),
        (errno.ENOTDIR, 1, True),
        (errno.ENOENT, None, False),
        (errno.EACCES, 1, False),
        (errno.ESTALE, 7, True),
        (errno.EIO, None, True),
    ],
)
def test_a_drive_that_is_away_is_told_from_a_deleted_file(code: int, above: int | None, away: bool) -> None:
    assert is_away(OSError(code, "no"), above, 7) is away


def test_an_artifact_knows_which_of_its_files_are_where() -> None:
    mixed = row(FILE, None)
    assert mixed.paths == (AT, INSIDE)
    assert mixed.inside == (INSIDE,)
    assert mixed.elsewhere == (FILE,)
    assert (mixed.size_bytes, bytes_on_disk([mixed])) == (6, 3)
    assert row().inside == ("acme/tiny/1/gguf/a.gguf", INSIDE)
    assert bytes_on_disk([row()]) == 6


def test_its_state_follows_from_both_places() -> None:
    mixed = row(FILE, None)
    assert mixed.seen(HERE, offline=False) == mixed
    assert mixed.seen({INSIDE: Found(3)}, offline=False).state is ArtifactState.MISSING
    assert mixed.seen({INSIDE: Found(3)}, offline=False, away={AT}).state is ArtifactState.OFFLINE
    assert mixed.seen({AT: Found(3, 1, 1000, 42, 7)}, offline=True).state is ArtifactState.OFFLINE
    all_outside = row(FILE, Outside("/b", 7, 43, 1000))
    found = {AT: Found(3, 1, 1000, 42, 7), "/b": Found(3, 1, 1000, 43, 7)}
    assert all_outside.seen(found, offline=True).state is ArtifactState.OK, (
        "the models directory is not needed"
    )


def test_another_file_in_its_place_was_not_verified() -> None:
    other = HERE | {AT: Found(3, 1, 1000, 99, 7)}
    assert is_replaced((FILE, None), other)
    assert row(FILE, None).seen(other, offline=False).verified_at is None
    assert not is_replaced((FILE, None), {})
    assert not is_replaced((FILE, None), HERE)


def test_a_drive_that_is_mounted_again_may_have_another_number() -> None:
    again = remounted((FILE, None), {AT: Found(3, 1, 1000, 42, 8)})
    assert again == (Outside(AT, device=8, inode=42, mtime_ns=1000), None)
    assert remounted((FILE, None), {AT: Found(3, 1, 1000, 43, 8)}) == (FILE, None)
    assert remounted((FILE,), {}) == (FILE,)


def test_a_drive_that_numbers_its_files_anew_has_the_same_files() -> None:
    exfat = {AT: Found(3, 1, mtime_ns=1000, inode=43, device=8, ctime_ns=1000)}
    assert not is_replaced((FILE, None), exfat)
    assert remounted((FILE, None), exfat) == (Outside(AT, device=8, inode=43, mtime_ns=1000), None)
    for other in (Found(3, 1, 1000, 43, 8, 1001), Found(3, 1, 1001, 43, 8, 1001)):
        assert is_replaced((FILE, None), {AT: other}), "it was written or named later"


@given(PATHS, st.booleans())
def test_a_path_is_shown_to_its_owner_and_found_again(parts: list[str], at_home: bool) -> None:
    home = Path("/home/someone")
    path = (home if at_home else Path("/media")) / Path(*parts)
    text = shown(str(path), home)
    assert "someone" not in text.replace("/".join(parts), "")
    assert hidden(text, home) == path


def test_a_look_finds_regular_files_and_nothing_else(tmp_path: Path) -> None:
    whole, link, gone = tmp_path / "whole", tmp_path / "link", tmp_path / "gone"
    whole.write_bytes(b"abc")
    link.symlink_to(whole)
    facts = whole.stat()
    known = [outside_of(path, facts) for path in (whole, link, gone, tmp_path)]
    seen = look_outside(known)
    times = facts.st_mtime_ns, facts.st_ino, facts.st_dev, facts.st_ctime_ns
    assert seen.found == {str(whole): Found(3, 1, *times)}
    assert seen.away == frozenset()
    elsewhere = Outside(str(tmp_path / "not" / "here"), facts.st_dev + 1, 1, 1)
    assert look_outside([elsewhere]).away == {elsewhere.path}


def test_a_path_that_is_no_text_or_not_absolute_cannot_be_kept(tmp_path: Path) -> None:
    facts = tmp_path.stat()
    for path in (Path(os.fsdecode(b"/caf\xe9")), Path("a.gguf")):
        with pytest.raises(ValueError):  # either of the two
            outside_of(path, facts)


async def test_a_drive_that_hangs_counts_as_away_until_it_answers() -> None:
    answers = threading.Event()
    asked = []

    def hang(known: Collection[Outside]) -> Elsewhere:
        asked.append(known)
        answers.wait(20)
        return Elsewhere({AT: Found(3)})

    look = OutsideLook(0.05, hang)
    assert await look.look([]) == Elsewhere()
    assert (await look.look([FILE])).away == {AT}
    assert (await look.look([FILE])).away == {AT}
    assert len(asked) == 1, "no second thread is sent after the first"
    answers.set()
    patient = OutsideLook(20, hang)
    assert (await patient.look([FILE])).found == {AT: Found(3)}
