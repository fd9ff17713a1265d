"""What forests and their models are set by, and how a forest grows from it."""

from collections.abc import Sequence
from typing import Any

from pyspark.ml.param import TypeConverters
from pyspark.sql import DataFrame

from treefold.algorithms import forest
from treefold.algorithms.forest.census import check_labels
from treefold.blocks import Blocks, Pass
from treefold.engine.columns import Columns
from treefold.errors import InputError
from treefold.iterate import Rungs
from treefold.ml.attributes import categorical_features, feature_names
from treefold.ml.base import Batch, LabelOptions, Trainable
from treefold.ml.forests import ForestSummary
from treefold.ml.options import Option, at_least, at_most, share, weights
from treefold.solvers.status import CONVERGED


class ForestOptions(LabelOptions):
    """What a forest and its model share."""

    leafCol = Option(
        "leafCol", "the column of the leaves' numbers, one for each tree; none if empty", TypeConverters.toString, ""
    )

    def columns_of(self, data: DataFrame, *, labelled: bool = True) -> Columns:
        """Columns of ``data`` that take part; features may be missing."""
        return super().columns_of(data, labelled=labelled)._replace(missing=True)


class VoteOptions(ForestOptions):
    """The columns a classifying forest writes, and how it decides."""

    probabilityCol = Option(
        "probabilityCol", "the column of class probabilities", TypeConverters.toString, "probability"
    )
    rawPredictionCol = Option(
        "rawPredictionCol", "the column of the trees' votes by class", TypeConverters.toString, "rawPrediction"
    )
    thresholds = Option(
        "thresholds", "a number >= 0 for each class; the greatest probability over threshold wins", weights
    )


class ForestFitOptions(Trainable, ForestOptions):
    """How a forest grows."""

    numTrees = Option("numTrees", "the number of trees, >= 1", at_least(1, TypeConverters.toInt), 20)
    maxDepth = Option("maxDepth", "the depth of the deepest leaf, 0 to 30", at_most(0, 30), 5)
    maxBins = Option("maxBins", "the most bins of a feature, and categories, 2 to 65,534", at_most(2, 65534), 32)
    minInstancesPerNode = Option(
        "minInstancesPerNode", "the rows a child must have, >= 1", at_least(1, TypeConverters.toInt), 1
    )
    minWeightFractionPerNode = Option(
        "minWeightFractionPerNode", "the share of all weight a child must have, in [0, 0.5)", share, 0.0
    )
    minInfoGain = Option("minInfoGain", "by how much a split must lower the impurity, >= 0", at_least(0), 0.0)
    featureSubsetStrategy = Option(
        "featureSubsetStrategy", "how many features a node may split by: auto, all, onethird, sqrt, log2, a number or "
        "a share", TypeConverters.toString, "auto",
    )  # fmt: skip
    subsamplingRate = Option("subsamplingRate", "the size of a tree's sample, as a share of the rows", share, 1.0)
    bootstrap = Option("bootstrap", "whether samples are drawn with replacement", TypeConverters.toBoolean, True)
    seed = Option("seed", "the seed of all that is drawn", TypeConverters.toInt, 0)
    maxMemoryInMB = Option(
        "maxMemoryInMB", "the megabytes of a task's histograms; beyond, nodes grow in groups, >= 1",
        at_least(1, TypeConverters.toInt), 256,
    )  # fmt: skip
    categoricalCols = Option(
        "categoricalCols", "the feature columns of categories 0, 1, 2, ..., beside those of nominal attributes",
        TypeConverters.toListString, [],
    )  # fmt: skip
    oobScore = Option(
        "oobScore", "whether to judge every row by the trees that have not seen it", TypeConverters.toBoolean, False
    )

    simpler = {"maxDepth": -1, "minInstancesPerNode": 1, "numTrees": -1}

    def check(self, data: DataFrame) -> None:
        """Raise InputError for whatever in ``data`` would end a fit or an evaluation: one pass."""
        with self.open(data) as blocks:
            check_labels(blocks, self.value("impurity") != "variance")

    def prepare(self, data: DataFrame) -> None:
        """Learn which features are categories, and what the features are called."""
        columns = self.columns_of(data)
        self._categorical = categorical_features(data, columns, self.value("categoricalCols"))
        self._names = lambda features: feature_names(data, columns, features)

    def fit_batch(self, blocks: Blocks, trials: Sequence[Any], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`; a batch is one forest, which has no rungs."""
        (trial,) = trials
        fitted = forest.fit(
            blocks,
            trial.settings(trial._categorical),
            lambda step, last: self.report(step.depth, {"nodes": step.nodes, "open nodes": step.open}, last),
        )
        model = fitted.model
        return Batch([model], [[]], [model.depth], [CONVERGED], [(fitted, trial._names(model.features))])

    def summary_of(self, batch: Batch, passes: list[Pass]) -> ForestSummary:
        """Summary of a batch of one."""
        fitted, names = batch.details[0]
        return ForestSummary.of(fitted, names, [*passes, *fitted.passes])

    def settings(self, categorical: tuple[int, ...], **others: Any) -> forest.Settings:
        """The params as the algorithm takes them."""
        if self.value("minWeightFractionPerNode") >= 0.5:
            raise InputError("minWeightFractionPerNode must be below 0.5: two children share the weight")
        if not self.value("subsamplingRate") > 0:
            raise InputError("subsamplingRate is 0: give each tree a share of the rows in (0, 1]")
        return forest.Settings(
            impurity=self.value("impurity"),
            trees=self.value("numTrees"),
            max_depth=self.value("maxDepth"),
            max_bins=self.value("maxBins"),
            min_rows=self.value("minInstancesPerNode"),
            min_weight_share=self.value("minWeightFractionPerNode"),
            min_gain=self.value("minInfoGain"),
            feature_subset=self.value("featureSubsetStrategy"),
            rate=self.value("subsamplingRate"),
            bootstrap=self.value("bootstrap"),
            seed=self.value("seed"),
            categorical=categorical,
            memory=self.value("maxMemoryInMB") << 20,
            oob=self.value("oobScore"),
            **others,
        )
