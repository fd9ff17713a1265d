import numpy as np
import pyarrow as pa
import pytest
from scipy.sparse import csr_array

from treefold.engine.reading.arrow_to_numpy import Columns, finite, read_rows
from treefold.errors import InputError


def where(row: int) -> str:
    return f"in row {row}"


def features(column: pa.Array, dtype="float64") -> np.ndarray:
    batch = pa.record_batch({"f": column})
    columns = Columns(("f",), dtype=dtype)
    return finite(read_rows(batch, columns, where), columns, where).matrix(slice(0, len(column)), dtype, False)


def vectors(*rows) -> pa.Array:
    """Spark's VectorUDT: (size, indices, values) is sparse, a list is dense."""
    kind = pa.struct(
        [
            ("type", pa.int8()),
            ("size", pa.int32()),
            ("indices", pa.list_(pa.int32())),
            ("values", pa.list_(pa.float64())),
        ]
    )
    return pa.array(
        [
            {"type": 1, "size": None, "indices": None, "values": row}
            if isinstance(row, list)
            else {"type": 0, "size": row[0], "indices": row[1], "values": row[2]}
            for row in rows
        ],
        kind,
    )


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.uint8(), pa.int64(), pa.float32(), pa.float64(), pa.decimal128(5, 1)], ids=str
)
def test_every_numeric_type_is_read(kind):
    np.testing.assert_array_equal(
        features(pa.array([1, 2, 3], pa.int32()).cast(pa.float64()).cast(kind)), [[1], [2], [3]]
    )


def test_booleans_are_zero_and_one():
    np.testing.assert_array_equal(features(pa.array([True, False])), [[1], [0]])


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pa.large_list(pa.int16()), pa.list_(pa.float64(), 2)], ids=str
)
def test_arrays_are_rows_of_a_matrix_also_when_sliced(kind):
    column = pa.array([[0, 0], [1, 2], [3, 4]], kind)
    np.testing.assert_array_equal(features(column.slice(1)), [[1, 2], [3, 4]])


def test_vectors_dense_sparse_and_mixed():
    mixed = vectors([1.0, 0.0, 2.0], (3, [1], [5.0]), (3, [], []), [0.0, 0.0, 7.0])
    np.testing.assert_array_equal(features(mixed), [[1, 0, 2], [0, 5, 0], [0, 0, 0], [0, 0, 7]])
    np.testing.assert_array_equal(features(mixed.slice(1, 2)), [[0, 5, 0], [0, 0, 0]])
    np.testing.assert_array_equal(features(vectors((2, [0], [1.0]))), [[1, 0]])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([1.0, None]), "column 'f' holds null in row 1: drop"),
        (pa.array([[1.0, 2.0], [3.0, None]]), "column 'f' holds null in row 1: drop"),
        (pa.array([1.0, 2.0, np.nan]), "column 'f' holds NaN in row 2: drop"),
        (pa.array([[1.0, 2.0], [np.inf, 1.0]]), r"column 'f\[0\]' holds an infinite value in row 1: drop"),
        (pa.array([[1.0, 2.0], [3.0]]), "column 'f' holds 1 values in row 1 and 2 before: all rows"),
        (vectors([1.0, 2.0], (3, [], [])), "column 'f' holds 3 values in row 1 and 2 before: all rows"),
        (pa.array(["a"]), "column 'f' has type string: a feature"),
        (pa.array([[[1.0]]]), "column 'f' holds arrays of arrays"),
    ],
)
def test_bad_values_name_column_row_and_cure(column, message):
    with pytest.raises(InputError, match=message):
        features(column)


def test_a_value_beyond_float32_is_refused_with_the_reason():
    with pytest.raises(InputError, match="beyond float32: use dtype float64"):
        features(pa.array([1e300]), "float32")
    assert features(pa.array([1e300]))[0, 0] == 1e300


def test_label_and_weight_are_checked():
    batch = pa.record_batch({"x": [1.0, 2.0], "y": [0.0, np.nan], "w": [1.0, -2.0]})
    with pytest.raises(InputError, match="column 'y' holds NaN in row 1"):
        read_rows(batch, Columns(("x",), "y"), where)
    with pytest.raises(InputError, match="column 'w' holds weight -2 in row 1: weights are >= 0"):
        read_rows(batch, Columns(("x",), "x", "w"), where)


def csr_of(column: pa.Array, dtype="float64") -> csr_array:
    columns = Columns(("f",), dtype=dtype, sparse=True)
    return finite(read_rows(pa.record_batch({"f": column}), columns, where), columns, where).csr(
        slice(0, len(column)), dtype
    )


def test_vectors_become_csr_without_the_zeros_they_store():
    mixed = vectors([1.0, 0.0, 2.0], (3, [1], [5.0]), (3, [], []), (3, [0, 2], [0.0, 7.0]))
    for column in (mixed, vectors([1.0, 0.0]), mixed.slice(1), mixed.slice(0, 1)):
        made = csr_of(column)
        np.testing.assert_array_equal(made.toarray(), features(column))
        assert made.indices.dtype == made.indptr.dtype == np.int32
        assert made.has_canonical_format
        assert made.nnz == np.count_nonzero(made.toarray())


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (vectors((20, [], []), (20, [3, 12], [1.0, np.nan])), r"column 'f\[12\]' holds NaN in row 1: drop"),
        (vectors([1.0, 2.0], (2, [], []), (2, [0], [-np.inf])), r"column 'f\[0\]' holds an infinite value in row 2"),
        (vectors((2, [], []), (3, [], [])), "column 'f' holds 3 values in row 1 and 2 before: all rows"),
        (vectors((2, [0], [1.0]), [1.0]), "column 'f' holds 1 values in row 1 and 2 before: all rows"),
        (vectors((9, [2], [1.0]), (9, [9], [1.0])), "column 'f' holds a vector in row 1 whose indices"),
        (vectors((9, [2], [1.0]), (9, [-1], [1.0])), "column 'f' holds a vector in row 1 whose indices"),
        (vectors((9, [5, 2], [1.0, 2.0])), "column 'f' holds a vector in row 0 whose indices"),
        (vectors((9, [], []), (9, [2, 2], [1.0, 2.0])), "column 'f' holds a vector in row 1 whose indices"),
        (vectors((9, [1, 2], [1.0, 2.0]), (9, [2, 3], [1.0])), "column 'f' holds a vector in row 1 whose indices"),
    ],
)
def test_bad_sparse_vectors_name_entry_row_and_cure(column, message):
    for read in (features, csr_of):
        with pytest.raises(InputError, match=message):
            read(column)


def test_indices_may_begin_again_in_every_row():
    column = vectors((4, [3], [1.0]), (4, [0, 3], [2.0, 3.0]), (4, [], []), (4, [0], [4.0]))
    np.testing.assert_array_equal(csr_of(column).toarray(), [[0, 0, 0, 1], [2, 0, 0, 3], [0] * 4, [4, 0, 0, 0]])
