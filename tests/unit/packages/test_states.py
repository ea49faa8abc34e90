"""What becomes of first-run downloads."""

import pytest

from modelhubd.packages.declared import FirstRunWanted
from modelhubd.packages.states import Known, is_over, item_of, to_try, wanted_of
from modelhubd.packages.store import Decided
from modelhubd.wire.bundles import FirstRunState
from modelhubd.wire.downloads import DownloadState

WANTED = FirstRunWanted(model="acme/tiny", declared_by="config")


def known(state: str | None = None, download: DownloadState | None = None, held: str | None = None) -> Known:
    decided = {} if state is None else {"acme/tiny": Decided(model="acme/tiny", state=state, download_id="d")}
    return Known(
        decided=decided,
        held={} if held is None else {"acme/tiny": held},
        downloads={} if download is None else {"d": download},
    )


def test_the_first_to_want_a_model_is_the_one_that_is_named() -> None:
    found = wanted_of([WANTED], ["acme/tiny", "acme/other"])
    assert [(item.model, item.declared_by) for item in found] == [
        ("acme/tiny", "config"),
        ("acme/other", "registry"),
    ]


def test_nothing_is_tried_before_there_is_a_catalog() -> None:
    assert to_try([WANTED], known(), usable=False) == ()
    assert to_try([WANTED], known(), usable=True) == ("acme/tiny",)
    assert to_try([WANTED], known(held="no space"), usable=True) == ("acme/tiny",)


@pytest.mark.parametrize("state", ["enqueued", "done", "skipped"])
def test_what_was_decided_once_is_never_tried_again(state: str) -> None:
    assert to_try([WANTED], known(state), usable=True) == ()


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (known(), FirstRunState.PENDING),
        (known(held="no space"), FirstRunState.HELD),
        (known("skipped"), FirstRunState.SKIPPED),
        (known("skipped", DownloadState.COMPLETED), FirstRunState.SKIPPED),
        (known("done"), FirstRunState.DONE),
        (known("enqueued"), FirstRunState.DONE),
        (known("enqueued", DownloadState.COMPLETED), FirstRunState.DONE),
        (known("enqueued", DownloadState.CANCELLED), FirstRunState.SKIPPED),
        (known("enqueued", DownloadState.FAILED), FirstRunState.ENQUEUED),
        (known("enqueued", DownloadState.ACTIVE), FirstRunState.ENQUEUED),
    ],
)
def test_how_it_stands_follows_from_its_download(found: Known, state: FirstRunState) -> None:
    item = item_of(WANTED, found)
    assert item.state is state
    assert is_over(item) is (state in (FirstRunState.DONE, FirstRunState.SKIPPED))


def test_what_is_held_or_failed_says_why() -> None:
    assert item_of(WANTED, known(held="no space")).detail == "no space"
    assert "has failed" in str(item_of(WANTED, known("enqueued", DownloadState.FAILED)).detail)
    assert item_of(WANTED, known("enqueued", DownloadState.ACTIVE)).download_id == "d"
