"""Which bytes are on the disk more than once."""

from modelhubd.library.found.doubles import Copy, doubled


def copy(sha256: str, inode: int, where: str, size: int = 10) -> Copy:
    return Copy(sha256=sha256 * 64, size_bytes=size, device=1, inode=inode, where=where)


def test_what_has_bytes_of_its_own_at_several_places_is_told_the_most_wasteful_first() -> None:
    found = doubled(
        [
            copy("a", 1, "the models directory"),
            copy("a", 2, "LM Studio"),
            copy("b", 3, "LM Studio", 100),
            copy("b", 4, "Jan", 100),
            copy("b", 4, "GPT4All", 100),
            copy("c", 5, "Jan"),
        ]
    )
    assert [(one.sha256[0], one.wasted_bytes, one.places) for one in found] == [
        ("b", 100, ("GPT4All", "Jan", "LM Studio")),
        ("a", 10, ("LM Studio", "the models directory")),
    ]


def test_two_names_of_the_same_bytes_waste_nothing() -> None:
    assert doubled([copy("a", 1, "here"), copy("a", 1, "there")]) == ()
