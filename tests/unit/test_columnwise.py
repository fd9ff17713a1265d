"""Columns seen many rows at a time are what they are one row at a time."""

import numpy as np
import pytest

from treefold.statistics.columnwise import LENGTH, column_min_max, subtract_row

RNG = np.random.default_rng(2)
SHAPES = [
    (3, 0),
    (1, 1),
    (1, 7),
    (5, LENGTH + 1),
    (LENGTH, 1),
    (LENGTH + 3, 1),
    (1000, 100),
    (1024, 8),
    (163, 51),
    (162, 50),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("form", ["whole", "every other row", "by columns"])
def test_extremes_and_differences(shape, dtype, form):
    X = RNG.standard_normal((2 * shape[0], shape[1])).astype(dtype)
    X = {"whole": X[: shape[0]], "every other row": X[::2], "by columns": np.asfortranarray(X[: shape[0]])}[form]
    low, high = column_min_max(X)
    np.testing.assert_array_equal(low, X.min(axis=0))
    np.testing.assert_array_equal(high, X.max(axis=0))
    centre, out = RNG.standard_normal(shape[1]), np.full(shape, np.nan)
    subtract_row(X, centre, out)
    np.testing.assert_array_equal(out, X - centre)
