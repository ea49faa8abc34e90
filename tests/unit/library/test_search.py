import pytest

from modelhubd.errors import InvalidInput
from modelhubd.library.search import Position, matches, position
from modelhubd.paging import page_of
from modelhubd.wire.catalog import CatalogEntry
from modelhubd.wire.library import Artifact, ArtifactState

ENTRY = CatalogEntry(
    id="acme/tiny", options=(), display_name="Tiny Chat", tags=("german",), capabilities=("chat", "tools")
)


def artifact(model: str = "acme/tiny", version: int = 1, option: str = "gguf-q4_k_m") -> Artifact:
    return Artifact(
        id="0123456789abcdef",
        model=model,
        version=version,
        option=option,
        format="gguf",
        quantization="Q4_K_M",
        source="download",
        state=ArtifactState.OK,
        size_bytes=1,
        digest=None,
        files=(),
        verified_at=None,
        installed_at="2026-01-01T00:00:00.000Z",
        active=True,
    )


def found(
    q: str = "",
    format: tuple[str, ...] = (),
    capability: tuple[str, ...] = (),
    state: tuple[str, ...] = (),
    entry: CatalogEntry | None = ENTRY,
) -> bool:
    return matches(artifact(), entry, q=q, format=format, capability=capability, state=state)


@pytest.mark.parametrize("q", ["", "acme", "TINY", "chat tiny", "q4_k", "german", "tools acme"])
def test_every_word_is_looked_for_in_all_that_is_known(q: str) -> None:
    assert found(q)


@pytest.mark.parametrize("q", ["other", "tiny other"])
def test_a_word_that_is_nowhere_finds_nothing(q: str) -> None:
    assert not found(q)


def test_filters_keep_what_has_one_of_their_values() -> None:
    assert found(format=("mlx", "gguf")) and not found(format=("mlx",))
    assert found(state=("ok",)) and not found(state=("missing", "damaged"))
    assert found(capability=("tools", "vision")) and not found(capability=("vision",))


def test_a_model_that_left_the_catalog_is_found_by_its_id_and_has_no_capability() -> None:
    assert found("tiny", entry=None)
    assert not found(capability=("chat",), entry=None)


ALL = [
    artifact("acme/b", 1),
    artifact("acme/a", 2, "y"),
    artifact("acme/a", 10, "x"),
    artifact("acme/a", 2, "x"),
]
ORDER = [("acme/a", 10, "x"), ("acme/a", 2, "x"), ("acme/a", 2, "y"), ("acme/b", 1, "gguf-q4_k_m")]


def test_pages_follow_each_other_without_gap_or_repeat() -> None:
    seen, after = [], None
    for _ in range(4):
        page = page_of(ALL, position, Position, 1, after)
        assert page.total == 4
        seen += [(item.model, item.version, item.option) for item in page.items]
        after = page.next
    assert seen == ORDER
    assert after is None


def test_what_is_installed_between_two_pages_shifts_nothing() -> None:
    first = page_of(ALL, position, Position, 2, None)
    second = page_of([*ALL, artifact("aaaa/first")], position, Position, 2, first.next)
    assert [(item.model, item.version, item.option) for item in second.items] == ORDER[2:]


@pytest.mark.parametrize("cursor", ["x", "e30", "W10", "WyJhIiwxXQ", "\u00fc", "%%%"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        page_of(ALL, position, Position, 2, cursor)
    assert refused.value.errors[0].pointer == "?after"
