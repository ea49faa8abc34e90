"""App pins: what an entry requires of the programs that use it."""

import pytest

from modelhubd.entries.reading import read_entries
from modelhubd.entries.requirements import Programs, fault_in_specifier, held_back, read_app
from modelhubd.errors import InvalidInput
from modelhubd.wire.catalog import Requires
from modelhubd.wire.policy import App

PINNED = Requires(app={"editor": ">=2.1,<3"}, daemon=">=1.0", llama_server=">=8000")
EDITOR = App(id="editor", version="2.5")
FINE = Programs(daemon="1.2", llama_server=9000, app=EDITOR)


def test_what_meets_every_pin_is_not_held_back() -> None:
    assert held_back(PINNED, FINE) is None
    assert held_back(Requires(), Programs(daemon="0.1")) is None


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        (Programs(daemon="1.2", llama_server=9000, app=App(id="editor", version="3.0")), "this is 3.0"),
        (Programs(daemon="1.2", llama_server=9000, app=App(id="editor", version="2.0")), ">=2.1,<3"),
        (Programs(daemon="0.9", llama_server=9000, app=EDITOR), "modelhubd"),
        (Programs(daemon="1.2", llama_server=7999, app=EDITOR), "build 7999"),
    ],
)
def test_what_misses_a_pin_is_held_back_with_the_reason(programs: Programs, said: str) -> None:
    assert said in (held_back(PINNED, programs) or "")


def test_nobody_and_other_applications_are_not_pinned() -> None:
    for app in (None, App(id="viewer", version="0.1")):
        assert held_back(PINNED, Programs(daemon="1.0", llama_server=8000, app=app)) is None


def test_an_unknown_build_and_a_specifier_that_is_none_hold_nothing_back() -> None:
    assert held_back(PINNED, Programs(daemon="1.0", llama_server=None, app=EDITOR)) is None
    assert held_back(Requires(daemon="soon"), Programs(daemon="0")) is None


def test_a_prerelease_that_is_here_is_judged_as_it_is() -> None:
    assert held_back(Requires(daemon=">=1.0"), Programs(daemon="1.1rc1")) is None
    assert held_back(Requires(daemon=">=1.1"), Programs(daemon="1.1rc1")) is not None


def test_a_program_names_itself_with_an_id_and_a_version() -> None:
    assert read_app(" my-editor/2.1rc1 ") == App(id="my-editor", version="2.1rc1")


@pytest.mark.parametrize(
    "header",
    ["", "editor", "editor/", "/2", "editor/x.y", "ed itor/2", "a/1, b/2", "editor/2\n3", "x" * 65 + "/1"],
)
def test_a_header_of_another_form_is_refused_with_a_pointer(header: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_app(header)
    assert refused.value.errors[0].pointer == "Modelhub-App"


def test_a_specifier_that_is_none_keeps_the_entry_out_with_a_pointer() -> None:
    option = (
        '{"id":"gguf-q4","format":"gguf","size_bytes":1,'
        '"files":[{"name":"a.gguf","size_bytes":1,"urls":["https://x.example/a"]}]}'
    )
    for requires, pointer in (
        ('{"daemon":"soon"}', "/requires/daemon"),
        ('{"llama_server":"b8000"}', "/requires/llama_server"),
        ('{"app":{"editor":"~2"}}', "/requires/app/editor"),
        ('{"app":{"no such/app":">1"}}', "/requires/app"),
    ):
        read = read_entries(f'{{"id":"a/b","options":[{option}],"requires":{requires}}}'.encode())
        assert [fault[0] for fault in read.faults] == [pointer]
    assert fault_in_specifier(">=1,<2") is None
    good = f'{{"id":"a/b","options":[{option}],"requires":{{"daemon":">=1","app":{{"editor":"<3"}}}}}}'
    assert read_entries(good.encode()).faults == ()
