"""Who may know of a version."""

from itertools import product

import pytest

from modelhubd.registry.versions.rows import is_visible, shown
from modelhubd.registry.versions.states import PUBLIC
from modelhubd.wire.registry import VersionStatus
from tests.unit.registry.samples import entry, row

SEEING = ("publish:acme", "review", "admin")
BLIND = ("read", "verify", "publish:other", "publish:acm", "publish:acme2")


@pytest.mark.parametrize(("status", "scope"), list(product(VersionStatus, SEEING)))
def test_publisher_reviewer_and_administrator_see_every_version(status: VersionStatus, scope: str) -> None:
    assert is_visible(status, model="acme/tiny", scopes=frozenset({scope}))


@pytest.mark.parametrize(("status", "scope"), list(product(VersionStatus, BLIND)))
def test_others_see_what_was_approved_once(status: VersionStatus, scope: str) -> None:
    assert is_visible(status, model="acme/tiny", scopes=frozenset({scope})) == (status in PUBLIC)


def test_the_wire_shows_every_field_of_the_row() -> None:
    full = row(
        decided_by="reviewer", decided_at="d", reason="why", withdrawn_by="admin", withdrawn_at="w",
        withdraw_reason="gone", issues=2, served=True,
    )  # fmt: skip
    wire = shown(full, notes="new", entry=entry())
    for name in full.__slots__:
        if name != "four_eyes":
            assert getattr(wire, name) == getattr(full, name), name
    assert wire.notes == "new"
    assert wire.entry == entry()
    assert full.subject == "acme/tiny@3"
