"""What is printed on a terminal fits it, whatever characters it is made of."""

import pytest
from rich.cells import cell_len

from modelhub_cli.output import Column, Fact, Output
from modelhub_cli.tables import print_facts, print_table, print_text, wrap

NAMES: tuple[Column[str], ...] = (
    Column(title="name", raw=lambda item: item, flexible=True, style="bold"),
    Column(title="length", raw=len, right=True),
    Column(title="wide", raw=lambda item: "only where there is room", from_width=80),
    Column(title="empty", raw=lambda item: None),
)
ITEMS = ("short", "a-name-that-is-much-longer-than-any-terminal-is-wide" * 2, "日本語のモデル" * 12, "é👩‍💻✓")


def _out(width: int, *, colour: bool = False) -> Output:
    return Output(terminal=True, width=width, colour=colour)


@pytest.mark.parametrize("width", [24, 40, 79, 80, 200])
def test_every_line_of_a_table_fits(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(_out(width), ITEMS, NAMES)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(ITEMS)
    assert all(cell_len(line) <= width for line in lines)
    assert lines[0].split() == ["NAME", "LENGTH", "WIDE"][: 3 if width >= 80 else 2]
    ends = {
        cell_len(line[: line.rindex(str(len(item)))]) for line, item in zip(lines[1:], ITEMS, strict=True)
    }
    if width < 80:
        assert max(ends) - min(ends) <= 2


def test_colour_is_around_the_text_only_where_it_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(_out(40, colour=True), ("x",), NAMES)
    assert "\x1b[1mx" in capsys.readouterr().out
    print_table(_out(40), ("x",), NAMES)
    print_facts(_out(40), (Fact(name="a", raw="b", style="red"),))
    print_text(_out(40), "text", "dim")
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("width", [1, 2, 5, 20])
@pytest.mark.parametrize(
    "text", ["", "one two three", "x" * 50, "日本語 のモデル です", "a " * 40, "ends  with   "]
)
def test_wrapping_loses_nothing_and_ends(text: str, width: int) -> None:
    lines = list(wrap(text, max(width, 2)))
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(cell_len(line) <= max(width, 2) for line in lines)


def test_facts_stand_in_two_columns_and_wrap_in_the_second(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts(
        _out(30),
        (
            Fact(name="short", raw="one two three four five six seven"),
            Fact(name="none", raw=None),
            Fact(name="a_b", raw=1),
        ),
    )
    assert capsys.readouterr().out.splitlines() == [
        "short  one two three four five",
        "       six seven",
        "a b    1",
    ]


RIGID: tuple[Column[str], ...] = (
    Column(title="id", raw=lambda item: "0123456789abcdef"),
    Column(title="state", raw=lambda item: "verifying"),
    Column(title="name", raw=lambda item: item, flexible=True),
    Column(title="reason", raw=lambda item: "日本語" * 9),
)


@pytest.mark.parametrize("width", [30, 60, 61, 100])
def test_a_table_of_what_cannot_give_fits_all_the_same(
    width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    print_table(_out(width), ITEMS, RIGID)
    lines = capsys.readouterr().out.splitlines()
    assert all(cell_len(line) <= width for line in lines)
    assert ("verifying" in lines[1]) is (width >= 60)


def test_a_cell_that_wraps_is_shown_whole_beside_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "no registry is set on this machine, so no catalog vouches for the models"
    columns: tuple[Column[str], ...] = (
        Column(title="checked", raw=lambda item: "catalog"),
        Column(title="found", raw=lambda item: item, flexible=True, wraps=True),
    )
    print_table(_out(40), (reason, "short"), columns)
    lines = capsys.readouterr().out.splitlines()
    assert all(cell_len(line) <= 40 for line in lines)
    assert " ".join(line[9:] for line in lines[1:-1]) == reason
    assert [line[:9].strip() for line in lines[1:]] == ["catalog", "", "", "catalog"]
