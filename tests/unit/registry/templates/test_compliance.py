"""A badge follows from the verified set."""

from hypothesis import given
from hypothesis import strategies as st

from modelhubd.registry.templates.compliance import is_compliant, unverified

SETS = st.sets(st.sampled_from(["a/a", "b/b", "c/c", "d/d"]))


def test_a_template_without_models_is_not_compliant() -> None:
    assert not is_compliant((), ("a/a",))


@given(models=SETS, verified=SETS)
def test_a_template_is_compliant_while_every_model_of_it_is_verified(
    models: set[str], verified: set[str]
) -> None:
    assert is_compliant(models, verified) == (bool(models) and models <= verified)
    assert unverified(models, verified) == tuple(sorted(models - verified))
