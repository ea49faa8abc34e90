"""The spool: closed to others, sealed with a key that dies with the trial, bounded, whole after a kill."""

import stat
from pathlib import Path

import pytest

from modelhubd.trials import sealing
from modelhubd.trials.sealing import NotOurs, seal, unseal
from modelhubd.trials.spool import MAX_PENDING_BYTES, Sampled, end_all_but, end_spool, open_spool
from modelhubd.wire.trials import PairContent, PairSide

SECRET = b"the canary sings"


def sampled(entry: str) -> Sampled:
    return Sampled(entry=entry, route="/v1/x", at="a", request=SECRET, answer=SECRET, active=PairSide())


def test_what_waits_is_sealed_in_order_and_deleted_after_use(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, "t")
    for entry in ("b", "a", "c"):
        spool.add(sampled(entry))
    for path in tmp_path.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
        assert path.is_dir() or SECRET not in path.read_bytes()
    again = open_spool(tmp_path, "t")
    assert (again.pending, again.pending_bytes) == (3, spool.pending_bytes)
    assert again.next() == sampled("a")
    again.drop("a")
    again.drop_used(["b", "z"])
    assert [path.name for path in (tmp_path / "t/pending").iterdir()] == ["c"]
    assert again.has_room(1, 2) and not again.has_room(1, 1) and not again.has_room(MAX_PENDING_BYTES, 9)


def test_what_was_changed_moved_or_cut_is_not_given_out(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, "t")
    for entry in "abcd":
        spool.add(sampled(entry))
    folder = tmp_path / "t/pending"
    whole = (folder / "a").read_bytes()
    (folder / "a").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    (folder / "b").write_bytes(whole)
    (folder / "c").write_bytes(b"short")
    (folder / "d").unlink()
    (folder / "d").symlink_to("/etc/hostname")
    (folder / "e.new").write_bytes(b"cut off by a kill")
    again = open_spool(tmp_path, "t")
    assert again.next() is None and not list(folder.iterdir())
    with pytest.raises(NotOurs):
        unseal(b"1" * 32, "x", seal(b"2" * 32, "x", b"data"))


def test_content_is_kept_by_number_and_forgotten(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, "t")
    content = PairContent(question="Q", active="A", candidate="C")
    spool.keep(3, content)
    spool.keep(1, content)
    (tmp_path / "t/kept/stray").touch()
    again = open_spool(tmp_path, "t")
    assert (again.kept, again.content(3), again.content(2)) == ((1, 3), content, None)
    assert again.kept_bytes > 0
    again.forget([1, 7])
    assert again.kept == (3,)


def test_without_its_key_nothing_of_it_can_be_read_and_a_new_one_is_begun(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, "t")
    spool.add(sampled("a"))
    (tmp_path / "t/key").write_bytes(b"short")
    again = open_spool(tmp_path, "t")
    assert again.pending == 0 and sealing.read_key(tmp_path / "t") is not None


def test_a_trials_end_and_a_start_remove_key_and_all(tmp_path: Path) -> None:
    for trial in ("t", "dead", "gone"):
        open_spool(tmp_path, trial).add(sampled("a"))
    end_spool(tmp_path, "gone")
    end_spool(tmp_path, "never")
    assert end_all_but(tmp_path, {"t"}) == ["dead"]
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    assert end_all_but(tmp_path / "nowhere", set()) == []


def test_a_folder_that_cannot_be_written_to_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    spool = open_spool(tmp_path, "t")
    (tmp_path / "t/pending").rmdir()
    (tmp_path / "t/pending").touch()
    with pytest.raises(NotADirectoryError):
        spool.add(sampled("a"))
    assert spool.pending == 0
