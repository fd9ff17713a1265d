"""Params of multilayer perceptrons and their models: the layers, and how a fit runs, or ran."""

from itertools import pairwise
from typing import Any

from pyspark.ml.param import TypeConverters
from pyspark.sql import DataFrame

from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.columns import field_named, numeric_row
from treefold.engine.reading.sizes import more_rows
from treefold.errors import InputError
from treefold.ml.base import LabelOptions
from treefold.ml.class_params import ProbabilityOptions
from treefold.ml.converters import Choice, at_least, class_thresholds, share
from treefold.ml.early_stopping_params import ValidationOptions
from treefold.ml.params import NO_EFFECT, Option
from treefold.ml.private_params import BUDGET, PrivateOptions

BY_BATCHES = ("batchSize", "maxEpochs", "updater", "momentum", "nesterov", "stepRule", "dropout")
BATCHED = ("minibatch", "localsgd")  # the solvers by mini-batches
READERS = {  # of the params that not all solvers read
    "stepSize": ("gd", "minibatch", "localsgd", "dpgd"), "maxIter": ("lbfgs", "gd", "dpgd"), "tol": ("lbfgs", "gd"),
    **dict.fromkeys(BUDGET, ("dpgd",)), **dict.fromkeys(BY_BATCHES, BATCHED),
    "localLanes": ("localsgd",), "slowMomentum": ("localsgd",),
}  # fmt: skip
SMALL = 100_000  # most rows of which mini-batches are not the default
RATE, RATE_ROWS = 1e-3, 64  # the step of Adam for mini-batches of so many rows; it grows with the root of the rows


def layer_sizes(value: Any) -> list[int]:
    """Two or more whole numbers >= 1."""
    sizes = TypeConverters.toListInt(value)
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError("not two or more numbers from 1 up")
    return sizes


def below_one(value: Any) -> float:
    """A number in [0, 1)."""
    number = share(value)
    if number == 1:
        raise ValueError("not below 1")
    return number


class PerceptronOptions(PrivateOptions, ValidationOptions, LabelOptions):
    """What an estimator of perceptrons and its model share."""

    layers = Option(
        "layers", "the sizes of the layers, from the number of features to the number of outputs", layer_sizes
    )
    activation = Option(
        "activation", "of the hidden layers: relu, sigmoid (MLlib's), tanh or identity",
        Choice("relu", "sigmoid", "tanh", "identity"), "relu",
    )  # fmt: skip
    solver = Option(
        "solver",
        "l-bfgs, gd, minibatch, localsgd, or dpgd under differential privacy; if it is not set, minibatch for more "
        "than 100,000 rows",
        Choice("lbfgs", "gd", "minibatch", "localsgd", "dpgd"),
        "l-bfgs",
    )
    maxIter = Option("maxIter", "the most iterations, >= 0", at_least(0, TypeConverters.toInt), 100)
    tol = Option("tol", "the largest gradient element at which a fit has converged, >= 0", at_least(0), 1e-6)
    stepSize = Option(
        "stepSize", "the first step that solver gd tries, or the step of dpgd and the solvers by mini-batches, > 0; of "
        "adam and adamw, if it is not set, 0.001 times the root of batchSize / 64", at_least(1e-300), 0.03,
    )  # fmt: skip
    batchSize = Option(
        "batchSize",
        "the rows of a mini-batch, of solver localsgd in each of its lanes, >= 1",
        at_least(1, TypeConverters.toInt),
        1024,
    )
    maxEpochs = Option(
        "maxEpochs", "the times that mini-batches go over all rows, >= 0", at_least(0, TypeConverters.toInt), 20
    )
    updater = Option(
        "updater", "what mini-batches make of gradients: adam, adamw or sgd", Choice("adam", "adamw", "sgd"),
        "adam",
    )  # fmt: skip
    momentum = Option("momentum", "the share of the step before that updater sgd takes again, in [0, 1]", share, 0.9)
    nesterov = Option("nesterov", "whether momentum is Nesterov's", TypeConverters.toBoolean, True)
    stepRule = Option(
        "stepRule", "the steps of mini-batches: constant, invscaling, adaptive or onecycle",
        Choice("constant", "invscaling", "adaptive", "onecycle"), "constant",
    )  # fmt: skip
    localLanes = Option(
        "localLanes", "the runs of rows that solver localsgd goes through, each for itself, >= 1",
        at_least(1, TypeConverters.toInt), 4,
    )  # fmt: skip
    slowMomentum = Option(
        "slowMomentum", "the share of the move of an epoch of localsgd that the next one takes again, in [0, 1)",
        below_one, 0.0,
    )  # fmt: skip
    dropout = Option(
        "dropout", "the share of the hidden units that a row of a mini-batch leaves out, in [0, 1)", below_one, 0.0
    )
    regParam = Option("regParam", "the strength of the L2 penalty on weights, not biases, >= 0", at_least(0), 0.0)
    seed = Option(
        "seed", "the seed of the first weights, of rows held out, and of the order of rows", TypeConverters.toInt, 0
    )
    nInit = Option(
        "nInit", "the fits from different first weights, of which the one of least objective is kept, or of least loss "
        "of the rows held out, >= 1", at_least(1, TypeConverters.toInt), 1,
    )  # fmt: skip
    initialWeights = Option(
        "initialWeights", "the first weights and biases, in the order of MLlib's weights", TypeConverters.toVector
    )
    initialModel = Option(
        "initialModel", "the path of a saved perceptron, whose weights are the first", TypeConverters.toString
    )
    blockSize = Option(
        "blockSize", NO_EFFECT + "the size of blocks is a property of the data", at_least(1, TypeConverters.toInt), 128
    )
    reads_sparse = True

    @property
    def partial_rows(self) -> int:  # type: ignore[override]
        """Gradients of all restarts, in rows as wide as the features."""
        sizes = self.value("layers")
        if sizes is None:
            return 1
        count = sum((lower + 1) * upper for lower, upper in pairwise(sizes))
        return max(1, count * int(self.value("nInit")) // sizes[0])

    def solver_for(self, data: DataFrame) -> tuple[str, str]:
        """The solver by default, and why: by the params that are set, or else by the number of rows."""
        named = [name for name in READERS if self.isSet(name)]
        batched = [name for name in named if name in BY_BATCHES]
        whole = [name for name in named if "minibatch" not in READERS[name]]
        if batched or whole:
            return ("l-bfgs", f"{whole[0]} is set") if whole else ("minibatch", f"{batched[0]} is set")
        if more_rows(data, SMALL):
            return "minibatch", f"there are more than {SMALL:,} rows"
        return "l-bfgs", f"there are no more than {SMALL:,} rows"

    def check_read(self) -> None:
        """Raise InputError for a param that has been changed, but that the solver does not read."""
        solver = self.value("solver")
        for name, readers in READERS.items():
            if self.changed(name) and solver not in readers:
                raise InputError(f"solver {solver} reads no {name}: leave it out, or use {' or '.join(readers)}")
        for name in ("momentum", "nesterov"):
            if self.changed(name) and self.value("updater") != "sgd":
                raise InputError(f"updater {self.value('updater')} reads no {name}: leave it out, or use sgd")


class PerceptronClassOptions(ProbabilityOptions, PerceptronOptions):
    """How a perceptron decides between classes."""

    thresholds = Option(
        "thresholds", "a number >= 0 for each class: the greatest probability over its threshold is predicted",
        class_thresholds,
    )  # fmt: skip


class PerceptronValueOptions(PerceptronOptions):
    """How a perceptron regresses values."""

    loss = Option("loss", "squaredError, huber or poisson", Choice("squaredError", "huber", "poisson"), "squaredError")
    labelCol = Option(
        "labelCol", "the label column: numbers, or arrays or vectors of several", TypeConverters.toString, "label"
    )
    epsilon = Option(
        "epsilon", "the residual up to which loss huber is squared, in units of the label, > 0", at_least(1e-300), 1.35
    )

    def columns_of(self, data: DataFrame, *, labelled: bool = True) -> Columns:
        """See :class:`~treefold.ml.base.ColumnOptions`; labels that are arrays become columns after the features."""
        columns = super().columns_of(data, labelled=labelled)
        field = field_named(data, columns.label) if columns.label else None
        if columns.label is None or field is None or not numeric_row(field.dataType):
            return columns
        return columns._replace(features=(*columns.features, columns.label), label=None)
