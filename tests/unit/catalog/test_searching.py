"""Searching a catalog: words, filters, facets, order, pages, fit."""

import asyncio
import time
from typing import Any

import pytest

from modelhubd.catalog.index import Index
from modelhubd.catalog.merge import Sourced
from modelhubd.catalog.search import SearchQuery
from modelhubd.catalog.verdicts import Judged
from modelhubd.errors import InvalidInput
from modelhubd.wire.catalog import CatalogPage, Format
from modelhubd.wire.fit import Fit, Verdict
from tests.unit.catalog.conftest import Shelf, option
from tests.unit.catalog.samples import device, entry, entry_json


async def search(shelf: Shelf, **query: Any) -> CatalogPage:
    return await shelf.catalog.search(SearchQuery(**query))


async def ids(shelf: Shelf, **query: Any) -> list[str]:
    return [item.id.partition("/")[2] for item in (await search(shelf, **query)).items]


@pytest.fixture(autouse=True)
async def synced(shelf: Shelf) -> None:
    await shelf.catalog.sync()


async def test_without_words_what_runs_here_comes_first_and_of_that_the_largest(shelf: Shelf) -> None:
    page = await search(shelf)
    assert [item.display_name for item in page.items] == ["Qwen3 8B", "Llama 3B", "Qwen3 70B", "MLX Only"]
    verdicts = [item.fit.verdict.value for item in page.items]
    assert verdicts == ["compatible", "compatible", "too_large", "unsupported"]
    assert (page.total, page.next) == (4, None)


async def test_a_match_in_the_name_comes_before_one_in_the_description(shelf: Shelf) -> None:
    assert (await ids(shelf, q="qwen3"))[-1] == "llama-3b"
    assert len(await ids(shelf, q="qwen3")) == 3


async def test_a_whole_name_or_id_comes_first(shelf: Shelf) -> None:
    shelf.write("a.json", *(entry_json(f"me/qwen3-8b-{n}", display_name=f"Qwen3 8B {n}") for n in range(5)))
    await shelf.catalog.sync()
    assert (await ids(shelf, q="qwen/qwen3-8b"))[0] == "qwen3-8b"
    assert (await ids(shelf, q="QWEN3 8b"))[0] == "qwen3-8b"
    assert len(await ids(shelf, q="Qwen3 8B")) == 6


async def test_words_without_a_letter_find_nothing_and_blanks_ask_for_all(shelf: Shelf) -> None:
    assert await ids(shelf, q="???") == []
    assert len(await ids(shelf, q="  ")) == 4


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"format": (Format.MLX,)}, {"mlx-only"}),
        ({"format": (Format.MLX, Format.GGUF)}, {"mlx-only", "qwen3-8b", "qwen3-70b", "llama-3b"}),
        ({"capability": ("tools",)}, {"qwen3-8b"}),
        ({"capability": ("tools", "vision")}, {"qwen3-8b", "mlx-only"}),
        ({"license": ("apache-2.0",)}, {"qwen3-8b", "qwen3-70b"}),
        ({"license": ("Llama Community",)}, {"llama-3b"}),
        ({"publisher": ("qwen",)}, {"qwen3-8b", "qwen3-70b"}),
        ({"publisher": ("Meta", "apple")}, {"llama-3b", "mlx-only"}),
        ({"tag": ("edge",)}, {"llama-3b"}),
        ({"tag": ("nobody-has-this",)}, set()),
        ({"publisher": ("qwen",), "tag": ("large",)}, {"qwen3-70b"}),
        ({"publisher": ("qwen",), "tag": ("edge",)}, set()),
        ({"compatible": True}, {"qwen3-8b", "llama-3b"}),
        ({"verified": True}, set()),
        ({"installed": True}, set()),
        ({"q": "qwen3", "publisher": ("qwen",)}, {"qwen3-8b", "qwen3-70b"}),
    ],
)  # fmt: skip
async def test_values_of_a_facet_widen_and_facets_narrow(
    shelf: Shelf, query: dict[str, Any], found: set[str]
) -> None:
    page = await search(shelf, **query)
    assert {item.id.partition("/")[2] for item in page.items} == found
    assert page.total == len(found)


async def counts(shelf: Shelf, facet: str, **query: Any) -> dict[str, int]:
    return {item.value: item.count for item in (await search(shelf, **query)).facets[facet]}


async def test_a_facet_counts_under_the_other_filters_and_not_its_own(shelf: Shelf) -> None:
    assert await counts(shelf, "publisher") == {"qwen": 2, "apple": 1, "meta": 1}
    assert await counts(shelf, "publisher", publisher=("qwen",)) == {"qwen": 2, "apple": 1, "meta": 1}
    assert await counts(shelf, "capability", publisher=("qwen",)) == {"chat": 2, "tools": 1}
    assert await counts(shelf, "publisher", q="qwen3", compatible=True) == {"meta": 1, "qwen": 1}
    assert await counts(shelf, "compatible", compatible=True, publisher=("qwen",)) == {"true": 1}


async def test_a_count_is_what_selecting_the_value_gives(shelf: Shelf) -> None:
    others: dict[str, Any] = {"q": "qwen3", "compatible": True}
    for facet in ("format", "capability", "license", "publisher", "tag"):
        for value, count in (await counts(shelf, facet, **others)).items():
            wanted = (Format(value),) if facet == "format" else (value,)
            assert (await search(shelf, **others, **{facet: wanted})).total == count, (facet, value)


async def test_a_selected_value_stays_shown_even_where_it_has_no_entries_left(shelf: Shelf) -> None:
    assert (await counts(shelf, "tag", tag=("edge",), publisher=("qwen",)))["Edge"] == 0


async def test_facets_stand_most_frequent_first(shelf: Shelf) -> None:
    page = await search(shelf)
    assert [item.value for item in page.facets["capability"]] == ["chat", "tools", "vision"]


async def test_the_orders(shelf: Shelf) -> None:
    assert await ids(shelf, sort="name") == ["llama-3b", "mlx-only", "qwen3-70b", "qwen3-8b"]
    assert await ids(shelf, sort="params") == ["llama-3b", "qwen3-8b", "qwen3-70b", "mlx-only"]
    assert await ids(shelf, sort="size") == ["mlx-only", "llama-3b", "qwen3-8b", "qwen3-70b"]
    assert await ids(shelf, sort="updated") == ["qwen3-8b", "llama-3b", "mlx-only", "qwen3-70b"]
    assert await ids(shelf, sort="downloads") == ["llama-3b", "mlx-only", "qwen3-70b", "qwen3-8b"]
    assert await ids(shelf, sort="name", q="qwen3") == ["llama-3b", "qwen3-70b", "qwen3-8b"]


@pytest.mark.parametrize("sort", ["relevance", "name", "params", "size", "downloads", "updated"])
@pytest.mark.parametrize("q", ["", "qwen3", "qwen3 m"])
async def test_pages_show_everything_once(shelf: Shelf, sort: str, q: str) -> None:
    shelf.write("a.json", *(entry_json(f"me/qwen3-mini-{n}", display_name="Qwen3 Mini") for n in range(23)))
    await shelf.catalog.sync()
    whole = await ids(shelf, q=q, sort=sort, limit=200)
    after, paged = None, []
    for _ in range(10):
        page = await search(shelf, q=q, sort=sort, limit=5, after=after)
        paged += [item.id.partition("/")[2] for item in page.items]
        assert page.total == len(whole)
        after = page.next
        if after is None:
            break
    assert paged == whole
    assert len(set(whole)) == len(whole) >= 23


async def test_a_page_goes_on_after_its_last_model_even_if_others_have_come_before_it(shelf: Shelf) -> None:
    first = await search(shelf, sort="name", limit=2)
    shelf.write("a.json", entry_json("me/aardvark"))
    await shelf.catalog.sync()
    assert await ids(shelf, sort="name", after=first.next) == ["qwen3-70b", "qwen3-8b"]


async def test_a_page_goes_on_where_it_was_if_its_last_model_is_gone(shelf: Shelf) -> None:
    shelf.write("a.json", entry_json("me/aardvark"))
    await shelf.catalog.sync()
    first = await search(shelf, sort="name", limit=1)
    (shelf.local / "a.json").unlink()
    await shelf.catalog.sync()
    assert await ids(shelf, sort="name", after=first.next) == ["mlx-only", "qwen3-70b", "qwen3-8b"]


async def test_a_cursor_of_another_order_is_refused(shelf: Shelf) -> None:
    first = await search(shelf, sort="name", limit=1)
    with pytest.raises(InvalidInput):
        await search(shelf, sort="size", after=first.next)


async def test_each_result_has_its_fit_and_best_option(shelf: Shelf) -> None:
    found = {item.id: item for item in (await search(shelf)).items}
    good = found["qwen/qwen3-8b"]
    assert (good.best_option, good.size_bytes, good.fit.verdict) == (
        "gguf-q4_k_m",
        5_000_000_000,
        "compatible",
    )
    assert "GB" in good.fit.reason
    large = found["qwen/qwen3-70b"]
    assert (large.best_option, large.size_bytes, large.fit.verdict) == (None, 42_000_000_000, "too_large")
    mlx = found["apple/mlx-only"]
    assert mlx.fit.verdict == "unsupported"
    assert "Apple silicon" in mlx.fit.reason
    assert (good.n_options, good.formats, good.source) == (2, (Format.GGUF,), "floor")


async def test_verdicts_follow_the_device(shelf: Shelf) -> None:
    shelf.device = device(8)
    assert "qwen3-8b" in await ids(shelf, compatible=True)
    await shelf.catalog.device_changed()
    assert await ids(shelf, compatible=True) == ["llama-3b"]
    shelf.device = device(128)
    await shelf.catalog.device_changed()
    assert await ids(shelf, compatible=True) == ["qwen3-8b", "llama-3b", "qwen3-70b"], "quick ones first"
    best = {item.id: item.best_option for item in (await search(shelf)).items}
    assert best["qwen/qwen3-8b"] == "gguf-q8_0"


async def test_what_is_installed_is_known_as_soon_as_it_is_told(shelf: Shelf) -> None:
    shelf.installed = frozenset({("meta/llama-3b", 1, "gguf-q8_0"), ("gone/from-catalog", 1, "x")})
    shelf.catalog.installed_changed()
    assert await ids(shelf, installed=True) == ["llama-3b"]
    assert [item.installed for item in (await search(shelf, q="llama")).items] == [True]
    assert await counts(shelf, "installed") == {"true": 1}
    shelf.installed = frozenset()
    shelf.catalog.installed_changed()
    assert await ids(shelf, installed=True) == []


async def test_what_is_installed_needs_no_disk_any_more(shelf: Shelf) -> None:
    shelf.device = device(16, disk_free_bytes=0)
    await shelf.catalog.device_changed()
    assert await ids(shelf, compatible=True) == []
    shelf.installed = frozenset({("meta/llama-3b", 2, "gguf-q4_k_m")})
    shelf.catalog.installed_changed()
    assert await ids(shelf, compatible=True) == ["llama-3b"]


async def test_names_come_before_labels_and_labels_before_descriptions(shelf: Shelf) -> None:
    shelf.write(
        "a.json",
        entry_json("me/said", description="A zebra."),
        entry_json("me/tagged", tags=["zebra"]),
        entry_json("me/zebra-by-id", display_name="Horse"),
        entry_json("me/named", display_name="The Zebra"),
    )
    await shelf.catalog.sync()
    assert await ids(shelf, q="zebra") == ["named", "zebra-by-id", "tagged", "said"]
    assert await ids(shelf, q="zebra", sort="name") == ["zebra-by-id", "said", "tagged", "named"]


async def test_of_equal_matches_what_runs_here_comes_first_then_what_one_can_talk_to(shelf: Shelf) -> None:
    shelf.write(
        "a.json",
        entry_json("me/zebra-rerank", parameters=9 * 10**9, capabilities=["rerank"]),
        entry_json("me/zebra-huge", capabilities=["chat"], options=[option("Q4_K_M", 90 * 10**9)]),
        entry_json("me/zebra-slow", parameters=30 * 10**9, capabilities=["chat"]),
        entry_json("me/zebra-moe", parameters=30 * 10**9, active_parameters=3 * 10**9, capabilities=["chat"]),
        entry_json("me/zebra-small", parameters=10**9, capabilities=["chat"]),
    )
    await shelf.catalog.sync()
    assert await ids(shelf, q="zebra") == [
        "zebra-moe", "zebra-small", "zebra-slow", "zebra-rerank", "zebra-huge"
    ]  # fmt: skip


async def test_a_name_and_its_number_are_found_together_and_apart(shelf: Shelf) -> None:
    shelf.write(
        "a.json",
        entry_json("me/gemma-3-4b", display_name="Gemma 3 4B"),
        entry_json("me/gemma-2-3b", display_name="Gemma 2 3B"),
    )
    await shelf.catalog.sync()
    assert await ids(shelf, q="gemma3") == ["gemma-3-4b"]
    assert await ids(shelf, q="gemma 3") == ["gemma-3-4b", "gemma-2-3b"]
    assert (await ids(shelf, q="qwen 3"))[0] == "qwen3-8b"
    assert await ids(shelf, q="qwen 3 8b") == ["qwen3-8b"]


async def test_a_search_during_a_change_answers_from_one_side_of_it(shelf: Shelf) -> None:
    async def change() -> None:
        for number in range(10):
            shelf.write("a.json", *(entry_json(f"me/qwen3-{n}") for n in range(number * 3)))
            await shelf.catalog.sync()

    changing = asyncio.create_task(change())
    while not changing.done():
        await asyncio.sleep(0.001)  # the threads that make the change need the interpreter too
        page = await search(shelf, q="qwen3", limit=200)
        assert (page.total - 3) % 3 == 0
        assert all("qwen3" in item.id or item.id == "meta/llama-3b" for item in page.items)
    await changing
    assert (await search(shelf, q="qwen3")).total == 30


async def test_options_are_found_by_quantization(shelf: Shelf) -> None:
    shelf.write("a.json", entry_json("me/odd", options=[option("IQ2_XXS", 10**9)]))
    await shelf.catalog.sync()
    assert await ids(shelf, q="iq2_xxs") == ["odd"]
    assert await ids(shelf, q="IQ2") == ["odd"]
    assert await ids(shelf, q="odd gguf") == ["odd"]


@pytest.mark.timeout(30)
def test_a_name_that_many_share_costs_no_more_for_each_of_them() -> None:
    def cost(count: int) -> float:
        twins = [Sourced(entry(f"me/twin-{n}", display_name="Twin"), "local") for n in range(count)]
        index = Index.of(twins, 1)
        runs = Judged(None, None, Fit(verdict=Verdict.COMPATIBLE, reason="Yes."), runs=True, installed=False)
        verdicts = index.verdicts([runs] * count)
        took = []
        for _ in range(5):
            began = time.process_time()
            assert index.page(SearchQuery(q="twin"), b"\x01" * count, verdicts).total == count
            took.append(time.process_time() - began)
        return min(took)

    assert cost(16_000) < 40 * cost(1_000), "16 times as many take 16 times as long, and would take 256 times"
