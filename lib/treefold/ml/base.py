"""The base of all estimators and their models: columns, blocks, progress."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

from pyspark.ml.param import TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable, DefaultParamsWriter
from pyspark.sql import DataFrame

from treefold.dataset.blocks import Blocks, Pass
from treefold.engine.execution.spark_blocks import SparkBlocks
from treefold.engine.open import open_blocks
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.columns import checked, in_random_order, with_fields
from treefold.errors import InputError
from treefold.ml.converters import Choice, at_least, columns
from treefold.ml.feature_patterns import features_named
from treefold.ml.params import Option, Options, plain
from treefold.ml.progress import Progress
from treefold.optim.iterate import Rungs
from treefold.optim.status import DIVERGED, RUNNING
from treefold.persistence.checkpoint import Checkpoint
from treefold.runtime.blas_threads import one


class ColumnOptions(Options):
    """The columns that a model reads and writes."""

    featuresCol = Option(
        "featuresCol",
        "a column of vectors or arrays, or a list of numeric columns; '*' in a name matches any letters, but no column "
        "that another param names",
        columns, "features",
    )  # fmt: skip
    predictionCol = Option("predictionCol", "the column predictions go to", TypeConverters.toString, "prediction")
    weightCol = Option("weightCol", "the column of row weights; all 1 if unset", TypeConverters.toString)
    dtype = Option("dtype", "the type rows are kept in, float32 or float64", Choice("float32", "float64"), "float32")
    numTasks = Option(
        "numTasks", "the tasks of a pass; if unset one per slot, on a cluster more for many rows or executors to come",
        at_least(1, TypeConverters.toInt),
    )  # fmt: skip
    partial_rows = 1  # most rows, each as wide as the features, that a statistic returns
    shuffled = False  # whether rows are shuffled, because the algorithm needs blocks that are alike
    lanes = 0  # of mini-batches, where a task has whole lanes only: see treefold.dataset.lanes
    reads_sparse = False  # whether the algorithm takes CSR blocks, and its model CSR rows

    def columns_of(self, data: DataFrame, *, labelled: bool = True) -> Columns:
        """The columns of ``data`` that take part, with patterns resolved."""
        names = self.getOrDefault("featuresCol")
        features = [names] if isinstance(names, str) else features_named(names, data.columns, self._other_columns())
        label = self.getOrDefault("labelCol") if labelled and self.hasParam("labelCol") else None
        weight = self.value("weightCol") if labelled else None
        return Columns(
            tuple(features), label, weight, self.getOrDefault("dtype"), self.reads_sparse, self.partial_rows,
            self.extra_columns(labelled=labelled), lanes=self.lanes,
        )  # fmt: skip

    def _other_columns(self) -> set[str]:
        """The columns named by all params except featuresCol: label, weight, offset, outputs and so on."""
        names = [param.name for param in self.params if param.name.endswith("Col") and param.name != "featuresCol"]
        return set(filter(None, map(self.value, names)))

    def name_features(self, data: DataFrame, reserved: Collection[str]) -> None:
        """Replace the patterns of featuresCol by column names; patterns do not match ``reserved`` columns."""
        names = self.getOrDefault("featuresCol")
        if not isinstance(names, str):
            self._set(featuresCol=features_named(names, data.columns, self._other_columns().union(reserved)))

    def extra_columns(self, *, labelled: bool) -> tuple[str, ...]:
        """Further numeric columns that the fit reads, or the prediction if not ``labelled``."""
        return ()

    @contextmanager
    def open(self, data: DataFrame, *extra: str) -> Iterator[SparkBlocks]:
        """Blocks of the data for the duration of a ``with`` statement.

        The blocks have the label, the weight and the extra columns, followed by the columns ``extra``. Meanwhile BLAS
        has one thread on the driver.
        """
        columns = self.columns_of(data)
        columns = columns._replace(extra=(*columns.extra, *extra))
        if self.shuffled:
            data = with_fields(data, columns.names)
            data = in_random_order(data, checked(data, columns))
        with one(), open_blocks(data, columns, type(self).__name__, self.value("numTasks")) as blocks:
            yield blocks


class LabelOptions(ColumnOptions):
    """The columns of a supervised model."""

    labelCol = Option("labelCol", "the label column", TypeConverters.toString, "label")


class Batch(NamedTuple):
    """Results of the fits of a batch.

    Attributes
    ----------
    numpy_models : list of NumpyModel
    histories : list of list of float
        What each fit minimises, at the start and after every iteration.
    iterations, status : (models,)
        As in :mod:`treefold.optim.status`.
    details : Any
        Data for the summaries of the fits.
    """

    numpy_models: list[Any]
    histories: list[list[float]]
    iterations: Any
    status: Any
    details: Any = None

    def one(self, i: int) -> "Batch":
        """The batch of model ``i`` alone."""
        taken: list[Any] = [part[i : i + 1] if part is not None else None for part in self]
        return Batch(*taken)


class Trainable(ColumnOptions, DefaultParamsReadable, DefaultParamsWritable):
    """An estimator that can check its data, be watched, be resumed, and be fitted in a batch with others.

    Attributes
    ----------
    batched : tuple of str
        Estimators that differ only in these params are fitted as one batch.
    simpler : {name of param: 1 or -1}
        Whether a larger (1) or smaller (-1) value of the param makes a model simpler.
    """

    batched: frozenset[str] = frozenset()
    simpler: dict[str, int] = {}
    _watcher: Callable[[Progress], None] | None = None
    _checkpoint: Checkpoint | None = None

    def check(self, data: DataFrame) -> None:
        """Raise InputError for data with which a fit or an evaluation would fail: one pass."""
        raise NotImplementedError

    def fit_batch(self, blocks: Blocks, trials: Sequence[Any], rungs: Rungs | None = None) -> Batch:
        """Fit estimators that differ only in ``batched`` params, in the same passes.

        Parameters
        ----------
        blocks : Blocks
            The data set.
        trials : sequence of Trainable
            Estimators of this class.
        rungs : Rungs, optional
            Its ``select`` is called with the current Batch.

        Returns
        -------
        Batch
        """
        raise NotImplementedError

    def prepared(self, data: DataFrame) -> Self:
        """The estimator for ``data``: itself, or a copy that has read metadata of the columns."""
        return self

    def build_model(self, batch: Batch, passes: list[Pass]) -> Any:
        """The Model of a batch of one."""
        raise NotImplementedError

    @property
    def private(self) -> bool:
        """Whether the fit is differentially private."""
        return False

    def with_noise(self, blocks: Blocks) -> Blocks:
        """The blocks, whose sums have noise if the fit is to be differentially private; a checkpoint is around them."""
        return blocks

    def _fit(self, dataset: DataFrame) -> Any:
        prepared = self.prepared(dataset)
        with prepared.open(dataset) as opened:
            read = prepared.with_noise(opened)
            blocks = self._checkpoint.over(read, opened.private) if self._checkpoint else read
            batch = prepared.fit_batch(blocks, [prepared])
            if batch.status[0] == DIVERGED:
                raise InputError(self.why_diverged())
            made = self.build_model(batch, list(blocks.passes)).with_params_of(self, dataset)
            return made.trained_on(dataset)

    def write(self) -> DefaultParamsWriter:
        """Writer of the params; a matrix is written as rows of numbers."""
        plain_copy = self.copy()
        plain_copy._paramMap = {param: plain(value) for param, value in self._paramMap.items()}
        return DefaultParamsWriter(plain_copy)

    def why_diverged(self) -> str:
        """The error message of a fit that diverged."""
        return f"the fit of {type(self).__name__} diverged"

    def resume_from(self, checkpoint: Checkpoint | None) -> Self:
        """Record the passes of a fit in a checkpoint, if there is one, and resume from it; returns the estimator."""
        self._checkpoint = checkpoint
        return self

    def watch(self, watcher: Callable[[Progress], None]) -> Self:
        """Call ``watcher`` after every pass of a fit; returns the estimator."""
        self._watcher = watcher
        return self

    def report(self, iteration: int, figures: dict[str, float], last: Pass) -> None:
        """Call the watcher, if there is one.

        Parameters
        ----------
        iteration : int
            Iterations so far.
        figures : dict
            Figures to show, by name.
        last : Pass
            The last pass.
        """
        if self._watcher:
            limits = [self.value(name) for name in ("maxIter", "maxDepth") if self.hasParam(name)]
            self._watcher(Progress(iteration, figures, last, most=limits[0] if limits else None))

    def report_state(self, state: Any, last: Pass) -> None:
        """Call the watcher with the state of a solver after the pass ``last``."""
        figures = {"objective": float(state.value.min()), "gradient": float(abs(state.gradient).max())}
        if len(state.value) > 1:
            figures["models running"] = int((state.status == RUNNING).sum())
        self.report(int(state.iteration.max()), figures, last)
