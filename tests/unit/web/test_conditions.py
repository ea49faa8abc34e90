"""If-Match, as RFC 9110 has it."""

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from modelhubd.errors import PreconditionFailed
from modelhubd.web.conditions import etag, expected


def of(*headers: str) -> frozenset[str] | None:
    return expected(make_mocked_request("PUT", "/", CIMultiDict([("If-Match", text) for text in headers])))


def test_what_a_revision_is_tagged_with_allows_that_revision() -> None:
    assert of(etag("0123abcd")["ETag"]) == frozenset({"0123abcd"})


def test_without_the_header_or_with_a_star_any_revision_may_be_changed() -> None:
    assert of() is None
    assert of("*") is None


def test_several_tags_may_stand_in_one_header_or_in_several() -> None:
    assert of('"a", "b"', '"c"') == frozenset("abc")


def test_a_weak_tag_matches_nothing() -> None:
    assert of('W/"a"') == frozenset()
    assert of("") == frozenset()


@pytest.mark.parametrize("text", ["a", '"a', '"a" "b"', '"a"b', 'w/"a"', '"a\nb"', '*, "a"'])
def test_what_is_no_tag_changes_nothing(text: str) -> None:
    with pytest.raises(PreconditionFailed):
        of(text)
