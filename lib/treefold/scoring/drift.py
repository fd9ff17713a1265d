"""Drift: rows are counted by bin while they are scored, and compared with the training data."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.accumulators import Accumulator, AccumulatorParam
from pyspark.sql import SparkSession

from treefold.dataset.block import Matrix
from treefold.scoring.monitored_columns import monitored
from treefold.scoring.reference import Reference
from treefold.statistics.drift import bin_counts, kolmogorov_smirnov, population_stability


class ArraySum(AccumulatorParam[NDArray]):
    """Sums of arrays."""

    def zero(self, value: NDArray) -> NDArray:
        """An array of zeros."""
        return np.zeros_like(value)

    def addInPlace(self, value1: NDArray, value2: NDArray) -> NDArray:
        """The sum, in the first array."""
        value1 += value2
        return value1


class CountingModel:
    """A NumPy model that counts the rows it scores, by bin of each watched column of the reference.

    Counts go to accumulators. Spark adds those of a task once, whatever is retried or run twice, because predictions
    are written by the tasks that make them.

    Parameters
    ----------
    model : Any
        The NumPy model.
    reference : Reference or None
        Distribution of the training data; None counts rows alone.
    spark : SparkSession
        Session whose accumulators count.
    """

    def __init__(self, model: Any, reference: Reference | None, spark: SparkSession) -> None:
        self.model, self.edges = model, None if reference is None else reference.edges
        self.features = model.features
        self.rows: Accumulator = spark.sparkContext.accumulator(np.zeros(1, np.int64), ArraySum())
        shape = (0, 0) if reference is None else reference.counts.shape
        self.counts: Accumulator = spark.sparkContext.accumulator(np.zeros(shape, np.int64), ArraySum())

    def outputs(self, X: Matrix, *offset: NDArray) -> dict[str, NDArray]:
        """Outputs of the model."""
        made: dict[str, NDArray] = self.model.outputs(X, *offset)
        if X.shape[0]:
            self.rows.add(np.array([X.shape[0]]))
            if self.edges is not None:
                values = monitored(X, made)
                skipped = len(self.edges) - values.shape[1]  # features come first, and a batch of CSR has none
                counted = np.zeros_like(self.counts._value)
                counted[skipped:] = bin_counts(values[:, max(0, -skipped) :], self.edges[max(0, skipped) :]).rows
                self.counts.add(counted)
        return made


def drift_of(reference: Reference, counts: NDArray) -> list[dict[str, Any]]:
    """How far scored rows are from the training data: a record for each watched column, the largest index first.

    Parameters
    ----------
    reference : Reference
        Distribution of the training data.
    counts : (columns, EDGES + 2)
        Rows that were scored, by bin. A column without any was not counted.
    """
    index = population_stability(reference.counts, counts)
    distance = kolmogorov_smirnov(reference.counts, counts)
    missing = counts[:, -1] / np.maximum(1, counts.sum(axis=1))
    records = [
        {"column": name, "psi": float(psi), "ks": None if np.isnan(ks) else float(ks), "missing": float(share)}
        for name, psi, ks, share in zip(reference.names, index, distance, missing, strict=True)
        if not np.isnan(psi)
    ]
    return sorted(records, key=lambda record: -record["psi"])
