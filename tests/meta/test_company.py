"""The tests of one file stay together when several workers run them (docs/decisions/0015)."""

import os

import pytest
from coverage import Coverage


def test_a_worker_is_given_whole_files(request: pytest.FixtureRequest) -> None:
    """`--dist loadgroup` says so in each test's id; where it does not, it deals tests out one by one."""
    in_company = "PYTEST_XDIST_WORKER" in os.environ
    assert request.node.nodeid.endswith("@tests/meta/test_company.py") == in_company


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_is_repeated_on_another_database_is_not_measured(
    database: str, pytestconfig: pytest.Config
) -> None:
    wanted = database == "sqlite" and bool(pytestconfig.getoption("cov_source"))
    assert (Coverage.current() is not None) == wanted
