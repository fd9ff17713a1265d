"""What a model is given to score: CSR where it reads it and the batch is sparse, else an array; always float64."""

import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import issparse

from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.ml.predict import Outputs

KIND = pa.struct(
    {"type": pa.int8(), "size": pa.int32(), "indices": pa.list_(pa.int32()), "values": pa.list_(pa.float64())}
)


class Seeing:
    """A model that adds up the features and keeps what it saw."""

    features = 50

    def __init__(self) -> None:
        self.seen = []

    def outputs(self, X):
        self.seen.append(X)
        return {"prediction": X @ np.ones(X.shape[1])}


def batch(rows: int, entries: int) -> pa.Array:
    vectors = [{"type": 0, "size": 50, "indices": [*range(entries)], "values": [2.0] * entries}] * rows
    return pa.StructArray.from_arrays([pa.array(vectors, KIND)], ["features"])


@pytest.mark.parametrize(("reads_sparse", "entries", "csr"), [(True, 2, True), (True, 3, False), (False, 2, False)])
def test_the_form_follows_what_the_model_reads_and_how_full_the_batch_is(reads_sparse, entries, csr):
    model = Seeing()
    made = Outputs(model, Columns(("features",), dtype="float64", sparse=reads_sparse), ("prediction",))(
        batch(4, entries)
    )
    assert made.field("prediction").to_pylist() == [2.0 * entries] * 4
    (X,) = model.seen
    assert issparse(X) == csr
    assert X.dtype == np.float64


@pytest.mark.parametrize("reads_sparse", [True, False])
def test_an_empty_batch_has_as_many_features_as_the_model(reads_sparse):
    model = Seeing()
    made = Outputs(model, Columns(("features",), dtype="float64", sparse=reads_sparse), ("prediction",))(batch(0, 0))
    assert len(made) == 0
    assert model.seen[0].shape == (0, 50)
