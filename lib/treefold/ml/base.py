"""What all estimators and their models share: columns, blocks, who watches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, Self

from pyspark.ml.param import TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame

from treefold.blocks import Blocks, Pass
from treefold.engine.columns import Columns
from treefold.engine.sources import open_blocks
from treefold.engine.spark import SparkBlocks
from treefold.errors import InputError
from treefold.iterate import Rungs
from treefold.journal import Journal
from treefold.ml.options import Option, Options, at_least, choice, columns
from treefold.solvers.status import DIVERGED


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
        return Columns(
            tuple(features), label, weight, self.getOrDefault("dtype"), self.reads_sparse, self.partial_rows,
            self.beside(labelled=labelled),
        )  # fmt: skip

    def beside(self, *, labelled: bool) -> tuple[str, ...]:
        """Further columns of one number a row that the algorithm reads, or a prediction if not ``labelled``."""
        return ()

    def open(self, data: DataFrame, *extra: str) -> SparkBlocks:
        """Blocks of the data, with label, weight and further columns after those of ``beside``; to be closed."""
        columns = self.columns_of(data)
        columns = columns._replace(extra=(*columns.extra, *extra))
        return open_blocks(data, columns, type(self).__name__, self.value("numTasks"))


class LabelOptions(ColumnOptions):
    """The columns of a supervised model."""

    labelCol = Option("labelCol", "the label column", TypeConverters.toString, "label")


@dataclass(frozen=True)
class Progress:
    """Where a fit stands: the iteration (or what else is counted), what it has come to (name and figure), the pass that
    led there, more lines where there is more to say, and how many iterations there will be at most, if that is known.
    """

    iteration: int
    figures: dict[str, float]
    last: Pass
    unit: str = "iteration"
    lines: tuple[str, ...] = ()
    most: int | None = None


class Batch(NamedTuple):
    """What the fits of a batch have come to.

    Attributes
    ----------
    pures : list of pure models
    histories : list of list of float
        What each fit minimises, at the start and after every iteration.
    iterations, status : (models,)
        As in :mod:`treefold.solvers.status`.
    details : Any
        What the summary of the fit is made of.
    """

    pures: list[Any]
    histories: list[list[float]]
    iterations: Any
    status: Any
    details: Any = None

    def one(self, i: int) -> "Batch":
        """The batch of one of them."""
        taken: list[Any] = [part[i : i + 1] if part is not None else None for part in self]
        return Batch(*taken)


class Trainable(ColumnOptions, DefaultParamsReadable, DefaultParamsWritable):
    """An estimator whose data can be checked, whose fit can be watched, resumed, and be one of a batch.

    Attributes
    ----------
    batched : names of params
        Estimators that differ in these alone are fitted as one batch.
    simpler : {name of param: 1 or -1}
        Whether a model is simpler with more of the param, or with less.
    """

    batched: frozenset[str] = frozenset()
    simpler: dict[str, int] = {}
    _watcher: Callable[[Progress], None] | None = None
    _journal: Journal | None = None

    def check(self, data: DataFrame) -> None:
        """Raise InputError for whatever in ``data`` would end a fit or an evaluation: one pass."""
        raise NotImplementedError

    def fit_batch(self, blocks: Blocks, trials: Sequence[Any], rungs: Rungs | None = None) -> Batch:
        """Fit estimators that differ in ``batched`` params alone, in the same passes.

        Parameters
        ----------
        trials : estimators of this class
        rungs : Rungs, optional
            Its judge is given the batch as it stands.
        """
        raise NotImplementedError

    def prepare(self, data: DataFrame) -> None:
        """Learn from the columns of ``data`` what the fit needs beside its rows."""

    def made(self, batch: Batch, passes: list[Pass]) -> Any:
        """The Model of a batch of one."""
        raise NotImplementedError

    def _fit(self, dataset: DataFrame) -> Any:
        self.prepare(dataset)
        with self.open(dataset) as opened:
            blocks = self._journal.over(opened, opened.private) if self._journal else opened
            batch = self.fit_batch(blocks, [self])
            if batch.status[0] == DIVERGED:
                raise InputError(self.why_diverged())
            made = self.made(batch, list(blocks.passes)).taking(self, self.columns_of(dataset))
            return made.trained_on(dataset)

    def why_diverged(self) -> str:
        """What to say of a fit that diverged."""
        return f"the fit of {type(self).__name__} diverged"

    def resume_from(self, journal: Journal | None) -> Self:
        """Keep the passes of a fit in a journal, if any, and go on where it ends; returns the estimator."""
        self._journal = journal
        return self

    def watch(self, watcher: Callable[[Progress], None]) -> Self:
        """Call ``watcher`` after every pass of a fit; returns the estimator."""
        self._watcher = watcher
        return self

    def report(self, iteration: int, figures: dict[str, float], last: Pass) -> None:
        """Tell the watcher, if there is one."""
        if self._watcher:
            limits = [self.value(name) for name in ("maxIter", "maxDepth") if self.hasParam(name)]
            self._watcher(Progress(iteration, figures, last, most=limits[0] if limits else None))


def chart(
    title: str,
    x: str,
    y: str,
    lines: dict[str, Any],
    *,
    kind: str = "line",
    log: bool = False,
    window: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """What a report draws: see :func:`treefold.report.pictures.drawn`."""
    return {"title": title, "x": x, "y": y, "kind": kind, "log": log, "window": window, "lines": lines}


def _matching(pattern: str, data: DataFrame) -> list[str]:
    """Columns that a pattern names; itself where it is a column or no pattern, so that a missing one is reported."""
    if "*" not in pattern or pattern in data.columns:
        return [pattern]
    return [name for name in data.columns if fnmatchcase(name, pattern)] or [pattern]
