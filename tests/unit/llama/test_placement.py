"""Who may be loaded, and who makes room."""

from modelhubd.llama.placement import RESERVE_BYTES, Running, place

GB = 10**9


def running(
    name: str,
    *,
    size: int = 4 * GB,
    since: float = 0,
    mapped: int = 0,
    held: int | None = None,
    ready: bool = True,
    busy: bool = False,
    pinned: bool = False,
    leaving: bool = False,
) -> Running:
    return Running(
        id=name,
        name=name,
        estimated_bytes=size,
        mapped_bytes=mapped,
        held_bytes=held,
        ready=ready,
        busy=busy,
        pinned=pinned,
        leaving=leaving,
        idle_since=since,
    )


def test_a_model_that_fits_evicts_nobody() -> None:
    found = place(GB, [running("a")], available_bytes=8 * GB)
    assert found.fits
    assert found.evict == ()
    assert found.available_bytes == 8 * GB - RESERVE_BYTES


def test_idle_servers_make_room_least_recently_used_first() -> None:
    servers = [running("new", since=30), running("old", since=10), running("middle", since=20)]
    found = place(7 * GB, servers, available_bytes=1 * GB)
    assert found.fits
    assert found.evict == ("old", "middle")
    assert "old, middle" in found.reason or "new" not in found.reason


def test_a_busy_pinned_or_loading_server_is_never_evicted() -> None:
    servers = [
        running("busy", busy=True),
        running("loading", ready=False, size=0),
        running("pinned", pinned=True),
    ]
    found = place(4 * GB, servers, available_bytes=2 * GB)
    assert not found.fits
    assert found.evict == ()
    assert found.reason.endswith("loaded: busy (busy), loading (loading), pinned (pinned)")


def test_a_refusal_says_the_numbers_and_what_is_loaded() -> None:
    found = place(40 * GB, [running("publisher/name", busy=True)], available_bytes=8_536_870_912)
    assert found.reason == "needs 40.0 GB, 8.00 GB free for models; loaded: publisher/name (busy)"


def test_a_refusal_with_nothing_loaded_names_nobody() -> None:
    assert place(40 * GB, [], available_bytes=0).reason == "needs 40.0 GB, 0 B free for models"


def test_what_a_loading_server_will_take_is_not_given_away_twice() -> None:
    found = place(5 * GB, [running("loading", ready=False, size=6 * GB)], available_bytes=10 * GB)
    assert not found.fits


def test_what_a_loading_server_has_taken_already_is_not_counted_twice() -> None:
    half = running("loading", ready=False, size=6 * GB, held=3 * GB)
    assert place(4 * GB, [half], available_bytes=8 * GB).fits
    assert not place(5 * GB, [half], available_bytes=8 * GB).fits
    mapped = running("loading", ready=False, size=6 * GB, held=5 * GB, mapped=5 * GB)
    assert not place(3 * GB, [mapped], available_bytes=8 * GB).fits
    more_than_expected = running("loading", ready=False, size=6 * GB, held=9 * GB, mapped=GB)
    assert place(6 * GB, [more_than_expected], available_bytes=8 * GB).fits


def test_mapped_weights_are_in_use_though_the_system_calls_them_available() -> None:
    assert not place(5 * GB, [running("a", busy=True, mapped=6 * GB)], available_bytes=10 * GB).fits
    assert place(5 * GB, [running("a", busy=True)], available_bytes=10 * GB).fits


def test_the_budget_caps_all_servers_together() -> None:
    servers = [running("a", size=3 * GB, busy=True)]
    assert place(2 * GB, servers, available_bytes=100 * GB, budget_bytes=5 * GB).fits
    assert not place(2 * GB + 1, servers, available_bytes=100 * GB, budget_bytes=5 * GB).fits


def test_memory_that_is_short_already_counts_as_none() -> None:
    assert place(1, [running("a", ready=False, size=9 * GB)], available_bytes=GB).available_bytes == 0


def test_a_server_that_leaves_makes_room_before_any_idle_one() -> None:
    servers = [running("idle", since=0), running("leaving", leaving=True, since=9)]
    found = place(4 * GB, servers, available_bytes=2 * GB)
    assert (found.fits, found.evict) == (True, ("leaving",))
    assert "idle" not in found.reason


def test_what_leaves_while_it_loads_takes_nothing_more_and_promises_nothing() -> None:
    servers = [running("leaving", leaving=True, ready=False)]
    assert place(GB, servers, available_bytes=2 * GB).fits
    assert place(GB, servers, available_bytes=100 * GB, budget_bytes=GB).fits
    found = place(4 * GB, servers, available_bytes=2 * GB)
    assert not found.fits
    assert found.reason.endswith("loaded: leaving (stopping)")


def test_what_is_replaced_counts_as_free_though_it_is_busy_or_pinned() -> None:
    servers = [running("old", busy=True, pinned=True, mapped=3 * GB), running("other", busy=True, size=GB)]
    assert not place(5 * GB, servers, available_bytes=5 * GB).fits
    found = place(5 * GB, servers, available_bytes=5 * GB, replaced=("old",))
    assert (found.fits, found.evict) == (True, ())
    assert found.available_bytes == 6 * GB - RESERVE_BYTES
    assert not place(4 * GB, servers, available_bytes=9 * GB, budget_bytes=4 * GB, replaced=("old",)).fits
    assert place(3 * GB, servers, available_bytes=9 * GB, budget_bytes=4 * GB, replaced=("old",)).fits


def test_a_debt_is_paid_before_there_is_room() -> None:
    servers = [running("loading", ready=False, size=5 * GB), running("idle", size=3 * GB)]
    assert not place(GB, servers, available_bytes=2 * GB).fits


def test_what_a_forced_load_would_unload_is_told_though_it_does_not_fit() -> None:
    found = place(40 * GB, [running("idle")], available_bytes=GB)
    assert (found.fits, found.evict) == (False, ("idle",))


def test_a_server_gives_back_what_it_holds_and_not_what_was_expected_of_it() -> None:
    assert place(4 * GB, [running("a", held=5 * GB)], available_bytes=GB).fits
    assert not place(4 * GB, [running("a", held=2 * GB)], available_bytes=GB).fits
    assert place(4 * GB, [running("a", held=0, mapped=4 * GB)], available_bytes=5 * GB).fits
    loading = running("a", held=0, ready=False)
    assert place(2 * GB, [loading], available_bytes=3 * GB, replaced=("a",)).fits


def test_against_the_budget_counts_what_was_expected() -> None:
    servers = [running("a", held=GB), running("b", held=GB, since=1)]
    found = place(3 * GB, servers, available_bytes=100 * GB, budget_bytes=9 * GB)
    assert (found.fits, found.evict) == (True, ("a",))
