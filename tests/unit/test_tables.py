"""A loaded model reads a table by name and an array by position."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from treefold.algorithms.forest import Settings, fit
from treefold.algorithms.kmeans.model import KMeansModel
from treefold.algorithms.linear import LinearModel
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.persistence import model_io

NAMES = ("a", "b", "c")
RNG = np.random.default_rng(5)
X = RNG.standard_normal((60, 3)) * [1, 10, 100]
Y = X @ [3.0, 1.0, -0.2]
MODELS = {
    "linear": LinearModel(np.array([[1.0, -2.0, 0.5, 3.0]]), "identity"),
    "kmeans": KMeansModel(X[:5].copy()),
    "forest": fit(LocalBlocks.from_arrays(X, Y), Settings("variance", trees=3, max_depth=4, seed=1)).model,
}
TABLES = {
    "pandas": lambda columns: pd.DataFrame(columns),
    "pandas with nullable numbers": lambda columns: pd.DataFrame(columns).convert_dtypes(),
    "arrow table": lambda columns: pa.table(columns),
    "arrow batch": lambda columns: pa.record_batch(columns),
}


@pytest.fixture(params=MODELS)
def loaded(request, tmp_path):
    model_io.save(replace(MODELS[request.param], feature_names=NAMES), tmp_path / "m")
    return model_io.load(str(tmp_path / "m"))


@pytest.mark.parametrize("kind", TABLES)
def test_columns_are_found_by_name_in_any_order_among_others(loaded, kind):
    table = TABLES[kind]({"c": X[:, 2], "other": ["text"] * 60, "a": X[:, 0], "b": X[:, 1]})
    np.testing.assert_array_equal(loaded.predict(table), loaded.predict(X))
    for name, values in loaded.outputs(X).items():
        np.testing.assert_array_equal(loaded.outputs(table)[name], values)


@pytest.mark.parametrize("kind", TABLES)
def test_a_missing_column_is_named_in_one_line(loaded, kind):
    with pytest.raises(InputError, match=r"^the table has no column 'b', which is a feature .* columns are c, a, d$"):
        loaded.predict(TABLES[kind]({"c": X[:, 2], "a": X[:, 0], "d": X[:, 1]}))


def test_a_column_there_twice_or_of_text_is_named_in_one_line(loaded):
    frame = pd.DataFrame(X, columns=NAMES)
    with pytest.raises(InputError, match="the table has two columns 'b'"):
        loaded.predict(pd.concat([frame, frame["b"]], axis=1))
    with pytest.raises(InputError, match="column 'c' of the table holds no numbers"):
        loaded.predict(frame.assign(c="text"))


@pytest.mark.parametrize("kind", TABLES)
def test_nulls_are_nan(loaded, kind):
    holes = X.copy()
    holes[3, 1] = np.nan
    columns = {"b": [None if np.isnan(x) else x for x in holes[:, 1]], "a": X[:, 0], "c": X[:, 2]}
    np.testing.assert_array_equal(loaded.predict(TABLES[kind](columns)), loaded.predict(holes))


def test_arrays_and_frames_without_names_go_by_position(loaded):
    np.testing.assert_array_equal(loaded.predict(pd.DataFrame(X)), loaded.predict(X))
    for wrong in (X[:, :2], pd.DataFrame(X[:, :2])):
        with pytest.raises(InputError, match=r"the model takes rows of 3 features, got an array of shape \(60, 2\)"):
            loaded.predict(wrong)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_model_saved_without_names_goes_by_position(model, tmp_path):
    model_io.save(model, tmp_path / "m")
    file = tmp_path / "m" / model_io.MODEL
    file.write_text(file.read_text().replace('"feature_names"', '"unknown to older versions"'))
    frame = pd.DataFrame(X, columns=["c", "b", "a"])
    np.testing.assert_array_equal(model_io.load(str(tmp_path / "m")).predict(frame), model.predict(X))
