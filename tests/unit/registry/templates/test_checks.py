"""What a template must be."""

import pytest

from modelhubd.errors import InvalidInput
from modelhubd.registry.templates.checks import check_template
from modelhubd.wire.registry import PutTemplate


@pytest.mark.parametrize(
    ("asked", "pointers"),
    [
        (PutTemplate(name=" ", models=("a/b",)), ["/name"]),
        (PutTemplate(name="a\x1bb", models=("a/b",)), ["/name"]),
        (PutTemplate(name="two\nlines", models=("a/b",)), ["/name"]),
        (PutTemplate(name="x", description="a\u202eb", models=("a/b",)), ["/description"]),
        (PutTemplate(name="x", models=("a/b", "A/b", "a")), ["/models/1", "/models/2"]),
        (PutTemplate(name="x", models=("a/b", "c/d", "a/b")), ["/models"]),
        (PutTemplate(name=" ", description="\x00", models=("x",)), ["/name", "/description", "/models/0"]),
    ],
)
def test_what_cannot_be_stored_is_pointed_at(asked: PutTemplate, pointers: list[str]) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_template(asked)
    assert [error.pointer for error in refusal.value.errors] == pointers


def test_a_description_may_have_lines() -> None:
    check_template(PutTemplate(name="Summaries", description="one\ntwo", models=("a/b", "c/d")))
