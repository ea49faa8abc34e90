"""When verifying changes anything."""

from itertools import product

import pytest

from modelhubd.errors import Conflict
from modelhubd.registry.verification.states import changes


@pytest.mark.parametrize(("served", "verified", "wanted"), list(product((True, False), repeat=3)))
def test_only_what_is_served_is_verified_and_the_same_again_changes_nothing(
    served: bool, verified: bool, wanted: bool
) -> None:
    if wanted and not served:
        with pytest.raises(Conflict) as refusal:
            changes("acme/tiny", is_served=served, is_verified=verified, wanted=wanted)
        assert refusal.value.code == "not_served"
        return
    changed = changes("acme/tiny", is_served=served, is_verified=verified, wanted=wanted)
    assert changed == (verified != wanted)
