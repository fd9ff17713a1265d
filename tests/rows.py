"""Rows of arrays as files and as blocks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.sparse import csr_array

from treefold.dataset.block import Block
from treefold.engine.execution.local_blocks import LocalBlocks


def write_parquet(folder: Path, X, y, weight, cuts, dtype="float64") -> str:
    """Files of the rows between ``cuts``, one column a feature; two equal cuts give an empty file."""
    folder.mkdir(parents=True)
    for i, (a, b) in enumerate(zip([0, *cuts], [*cuts, len(y)], strict=True)):
        columns = {f"x{j}": X[a:b, j].astype(dtype) for j in range(X.shape[1])}
        table = pa.table({**columns, "label": np.asarray(y[a:b], float), "weight": np.asarray(weight[a:b], float)})
        pq.write_table(table, folder / f"part-{i:03d}.parquet", row_group_size=150)
    return str(folder)


def ragged(X, y, weight, cuts, dtype) -> LocalBlocks:
    parts = zip([0, *cuts], [*cuts, len(y)], strict=True)
    return LocalBlocks(
        [Block(X[a:b].astype(dtype), np.asarray(y[a:b], dtype), np.asarray(weight[a:b], dtype), a) for a, b in parts]
    )


def in_order(session, X, y, weight):
    """A DataFrame of several partitions, one of them empty, whose rows keep their order."""
    pandas = pd.DataFrame({**{f"x{j}": X[:, j] for j in range(X.shape[1])}, "label": y, "weight": weight}, dtype=float)
    cut = len(y) // 3
    frame = session.createDataFrame(pandas[:cut])
    return frame.union(frame.where("label is null")).union(session.createDataFrame(pandas[cut:]))


def vectors_in_order(session, X, y, weight, dense=()):
    """A DataFrame of vectors, sparse but for those of the rows ``dense``, of several partitions, one of them empty."""
    from pyspark.ml.linalg import Vectors

    X = csr_array(X)
    rows = []
    for i, (label, w) in enumerate(zip(y, weight, strict=True)):
        begin, end = X.indptr[i : i + 2]
        vector = Vectors.sparse(X.shape[1], X.indices[begin:end].tolist(), X.data[begin:end].tolist())
        if i in dense:
            vector = Vectors.dense(vector.toArray())
        rows.append((vector, float(label), float(w)))
    cut = len(rows) // 3
    frame, rest = (session.createDataFrame(part, vector_schema()) for part in (rows[:cut], rows[cut:]))
    return frame.union(frame.where("label is null")).union(rest)


def vector_schema():
    from pyspark.ml.linalg import VectorUDT
    from pyspark.sql.types import StructType

    return StructType().add("features", VectorUDT()).add("label", "double").add("weight", "double")


def stored(frame, folder: Path):
    """The rows of a DataFrame as Parquet files of several row groups, one file a partition."""
    frame.write.option("parquet.block.size", 20_000).option("parquet.page.size", 2000).parquet(str(folder))
    return frame.sparkSession.read.parquet(str(folder))
