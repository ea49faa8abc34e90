"""The formula holds what it promises, on a real server: 10 % of each buffer for dense models."""

from dataclasses import replace
from pathlib import Path

import pytest

from modelhubd.fit.estimate import is_dense
from tests.benchmarks.bench_estimate import FEW, rows
from tests.benchmarks.loads import facts_of_model
from tests.fakes.hollow_gguf import DENSE, OTHERS, UNSEEN, write_hollow

PROMISED = 0.1


@pytest.mark.parametrize("name", DENSE)
def test_each_buffer_of_a_dense_model_is_within_ten_per_cent(tmp_path: Path, name: str) -> None:
    for row in rows(name, DENSE[name], FEW, tmp_path):
        cache, compute, together = row.errors
        assert abs(cache) <= PROMISED, row
        assert abs(compute) <= PROMISED, row
        assert abs(together) <= PROMISED, row


@pytest.mark.parametrize("name", UNSEEN)
def test_shapes_that_the_formula_was_not_fitted_to_are_within_ten_per_cent_too(
    tmp_path: Path, name: str
) -> None:
    shape = replace(UNSEEN[name], n_vocab=3000, n_layer=2)
    for row in rows(name, shape, (FEW[1], FEW[2]), tmp_path):
        assert max(map(abs, row.errors)) <= PROMISED, row


@pytest.mark.parametrize("name", OTHERS)
def test_for_others_the_sum_is_no_worse_than_a_quarter_off(tmp_path: Path, name: str) -> None:
    for row in rows(name, OTHERS[name], FEW[:2], tmp_path):
        assert abs(row.errors[2]) <= 0.25, row


def test_the_files_themselves_say_which_are_dense(tmp_path: Path) -> None:
    for shapes, expected in ((DENSE, True), (OTHERS, False)):
        for name, shape in shapes.items():
            model = write_hollow(tmp_path / "x.gguf", replace(shape, n_vocab=300))
            assert is_dense(facts_of_model(model).architecture) is expected, name
