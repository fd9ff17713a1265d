"""What all estimators and their models share: columns, blocks, who watches."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Self

from pyspark.ml.param import TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame

from treefold.blocks import Pass
from treefold.engine.columns import Columns
from treefold.engine.sources import open_blocks
from treefold.engine.spark import SparkBlocks
from treefold.ml.options import Option, Options, at_least, choice, columns


class ColumnOptions(Options):
    """The columns a model reads and writes."""

    featuresCol = Option(
        "featuresCol", "a column of vectors or arrays, or a list of numeric columns ('*' matches any letters)",
        columns, "features",
    )  # fmt: skip
    predictionCol = Option("predictionCol", "the column predictions go to", TypeConverters.toString, "prediction")
    weightCol = Option("weightCol", "the column of row weights; all 1 if unset", TypeConverters.toString)
    dtype = Option("dtype", "the type rows are kept in, float32 or float64", choice("float32", "float64"), "float32")
    numTasks = Option("numTasks", "the tasks of a pass; one per slot if unset", at_least(1, TypeConverters.toInt))
    partial_rows = 1  # as wide as the features, that a statistic returns at most
    reads_sparse = False  # whether the algorithm takes blocks, and its model rows, of CSR

    def columns_of(self, data: DataFrame, *, labelled: bool = True) -> Columns:
        """Columns of ``data`` that take part, patterns resolved."""
        names = self.getOrDefault("featuresCol")
        features = [names] if isinstance(names, str) else [real for name in names for real in _matching(name, data)]
        label = self.getOrDefault("labelCol") if labelled and self.hasParam("labelCol") else None
        weight = self.value("weightCol") if labelled else None
        return Columns(tuple(features), label, weight, self.getOrDefault("dtype"), self.reads_sparse, self.partial_rows)

    def open(self, data: DataFrame) -> SparkBlocks:
        """Blocks of the data, with label and weight; to be closed."""
        return open_blocks(data, self.columns_of(data), type(self).__name__, self.value("numTasks"))


class LabelOptions(ColumnOptions):
    """The columns of a supervised model."""

    labelCol = Option("labelCol", "the label column", TypeConverters.toString, "label")


@dataclass(frozen=True)
class Progress:
    """Where a fit stands: the iteration, what it has come to (name and figure), and the pass that led there."""

    iteration: int
    figures: dict[str, float]
    last: Pass


class Trainable(ColumnOptions, DefaultParamsReadable, DefaultParamsWritable):
    """An estimator whose data can be checked, and whose fit can be watched."""

    _watcher: Callable[[Progress], None] | None = None

    def check(self, data: DataFrame) -> None:
        """Raise InputError for whatever in ``data`` would end a fit or an evaluation: one pass."""
        raise NotImplementedError

    def watch(self, watcher: Callable[[Progress], None]) -> Self:
        """Call ``watcher`` after every pass of a fit; returns the estimator."""
        self._watcher = watcher
        return self

    def report(self, iteration: int, figures: dict[str, float], last: Pass) -> None:
        """Tell the watcher, if there is one."""
        if self._watcher:
            self._watcher(Progress(iteration, figures, last))


def chart(title: str, x: str, y: str, lines: dict[str, Any], *, kind: str = "line") -> dict[str, Any]:
    """What a report draws: see :func:`treefold.report.pictures.drawn`."""
    return {"title": title, "x": x, "y": y, "kind": kind, "lines": lines}


def _matching(pattern: str, data: DataFrame) -> list[str]:
    """Columns that a pattern names; itself where it is a column or no pattern, so that a missing one is reported."""
    if "*" not in pattern or pattern in data.columns:
        return [pattern]
    return [name for name in data.columns if fnmatchcase(name, pattern)] or [pattern]
