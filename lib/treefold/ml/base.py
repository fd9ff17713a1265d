"""What all supervised estimators and their models share: columns, blocks, prediction on Arrow, files."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pyspark.ml.param import TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame

from treefold.algorithms.survey import survey
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
    labelCol = Option("labelCol", "the label column", TypeConverters.toString, "label")
    predictionCol = Option("predictionCol", "the column predictions go to", TypeConverters.toString, "prediction")
    weightCol = Option("weightCol", "the column of row weights; all 1 if unset", TypeConverters.toString)
    dtype = Option("dtype", "the type rows are kept in, float32 or float64", choice("float32", "float64"), "float32")
    numTasks = Option("numTasks", "the tasks of a pass; one per slot if unset", at_least(1, TypeConverters.toInt))
    reads_sparse = False  # whether the algorithm takes blocks, and its model rows, of CSR

    def columns_of(self, data: DataFrame, *, labelled: bool = True) -> Columns:
        """Columns of ``data`` that take part, patterns resolved."""
        names = self.getOrDefault("featuresCol")
        features = [names] if isinstance(names, str) else [real for name in names for real in _matching(name, data)]
        label = self.getOrDefault("labelCol") if labelled else None
        weight = self.value("weightCol") if labelled else None
        return Columns(tuple(features), label, weight, self.getOrDefault("dtype"), self.reads_sparse)

    def open(self, data: DataFrame) -> SparkBlocks:
        """Blocks of the labelled data; to be closed."""
        return open_blocks(data, self.columns_of(data), type(self).__name__, self.value("numTasks"))


class FitOptions(ColumnOptions, DefaultParamsReadable, DefaultParamsWritable):
    """How an iterative fit runs."""

    maxIter = Option("maxIter", "the most iterations, >= 0", at_least(0, TypeConverters.toInt), 100)
    tol = Option("tol", "the largest gradient element at which a fit has converged, >= 0", at_least(0), 1e-6)
    regParam = Option("regParam", "the strength of the L2 penalty, >= 0", at_least(0), 0.0)
    fitIntercept = Option("fitIntercept", "whether there is an intercept", TypeConverters.toBoolean, True)
    standardization = Option(
        "standardization", "whether the penalty is on coefficients of standardised features", TypeConverters.toBoolean,
        True,
    )  # fmt: skip
    solver = Option("solver", "auto, lbfgs or gd; auto is lbfgs", choice("auto", "lbfgs", "gd"), "auto")
    stepSize = Option("stepSize", "the step of solver gd, or the first one it tries, > 0", at_least(1e-300), 1.0)
    stepRule = Option(
        "stepRule", "the steps of solver gd: backtracking or constant", choice("backtracking", "constant"),
        "backtracking",
    )  # fmt: skip
    labels_are_classes = False
    _watcher: "Callable[[Progress], None] | None" = None

    def check(self, data: DataFrame) -> None:
        """Raise InputError for whatever in ``data`` would end a fit or an evaluation: one pass."""
        with self.open(data) as blocks:
            survey(blocks, classification=self.labels_are_classes)

    def watch(self, watcher: "Callable[[Progress], None]") -> "FitOptions":
        """Call ``watcher`` after every pass of a fit; returns the estimator."""
        self._watcher = watcher
        return self


@dataclass(frozen=True)
class Progress:
    """Where a fit stands: iteration, objective, largest gradient element, and the pass that led there."""

    iteration: int
    objective: float
    gradient: float
    last: Pass


@dataclass(frozen=True)
class TrainingSummary:
    """How a fit went.

    Attributes
    ----------
    objectiveHistory : list of float
        Objective at the start and after each iteration, penalty included.
    totalIterations : int
    outcome : str
        Why it ended.
    passes : list of Pass
    """

    objectiveHistory: list[float]
    totalIterations: int
    outcome: str
    passes: list[Pass] = field(repr=False)


def _matching(pattern: str, data: DataFrame) -> list[str]:
    """Columns that a pattern names; itself where it is a column or no pattern, so that a missing one is reported."""
    if "*" not in pattern or pattern in data.columns:
        return [pattern]
    return [name for name in data.columns if fnmatchcase(name, pattern)] or [pattern]
