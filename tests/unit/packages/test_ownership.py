"""Who could change a folder of models."""

import stat

import pytest

from modelhubd.packages.ownership import Place, fault_in_places

ME = 1000
DIR, FILE = stat.S_IFDIR, stat.S_IFREG


def place(mode: int, *, uid: int = ME, gid: int = 1000, above: bool = False) -> Place:
    return Place(name="it", mode=mode, uid=uid, gid=gid, above=above)


@pytest.mark.parametrize(
    "found",
    [
        place(DIR | 0o755),
        place(DIR | 0o700, uid=0),
        place(FILE | 0o644),
        place(FILE | 0o444, uid=0),
        place(DIR | 0o1777, uid=0, above=True),
        place(DIR | 0o1775, above=True),
        place(DIR | 0o775, gid=0),
    ],
)
def test_what_only_the_user_and_root_can_change_is_safe(found: Place) -> None:
    assert fault_in_places([found], ME) is None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (place(DIR | 0o757), "others can write to it"),
        (place(FILE | 0o646), "others can write to it"),
        (place(DIR | 0o775), "a group can write to it"),
        (place(FILE | 0o664), "a group can write to it"),
        (place(DIR | 0o1777, uid=0), "others can write to it"),
        (place(DIR | 0o777, uid=0, above=True), "others can write to it"),
        (place(DIR | 0o755, uid=1001), "belongs to another user"),
        (place(DIR | 0o1777, uid=1001, above=True), "belongs to another user"),
        (place(FILE | 0o644, uid=1001), "belongs to another user"),
        (place(stat.S_IFLNK | 0o777), "symbolic link"),
        (place(stat.S_IFIFO | 0o600), "neither a file nor a folder"),
    ],
)
def test_what_anybody_else_can_change_is_named(found: Place, said: str) -> None:
    assert said in str(fault_in_places([place(DIR | 0o755), found], ME))
