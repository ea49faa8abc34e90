"""What `make test-again` does not run again."""

import json
from pathlib import Path

import pytest

from tests.meta import again

FAILED_IN_COMPANY = (
    "tests/test_two.py::test_a[x]@tests/test_two.py",
    "tests/test_one.py::test_one",
    "tests/test_two.py::test_b@tests/test_two.py",
)


@pytest.mark.parametrize(
    "failed",
    [
        {},
        {"gw1": True},
        {"tests/unit/test_tasks.py": True},
        {f"tests/unit/test_tasks.py::test_{number}": True for number in range(again.AT_MOST + 1)},
    ],
    ids=["nothing", "a worker", "a file that cannot be read", "too many"],
)
def test_a_run_that_broke_off_is_not_run_again(
    failed: dict[str, bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    again.FAILED.parent.mkdir(parents=True)
    again.FAILED.write_text(json.dumps(failed))
    assert again.main() == 1


def test_the_file_of_a_test_that_failed_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    again.FAILED.parent.mkdir(parents=True)
    again.FAILED.write_text(json.dumps(dict.fromkeys(FAILED_IN_COMPANY, True)))
    asked: list[str] = []

    def run(arguments: list[str]) -> int:
        asked.extend(arguments)
        return 0

    monkeypatch.setattr(pytest, "main", run)
    assert again.main() == 0
    assert asked[:3] == ["tests/test_one.py", "tests/test_two.py", "--maxfail"]
