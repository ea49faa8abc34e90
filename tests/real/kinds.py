"""The two real llama-servers: the wheel's, and the program built from source where that has been done."""

import pytest

from tests.real.program import program

KINDS = ("builtin", pytest.param("real", marks=pytest.mark.real))


def the_real_one() -> str:
    """Its path; the test is skipped where there is none."""
    found = program()
    if found is None:
        pytest.skip("the real llama-server is not built: run `make llama-server`")
    return str(found)
