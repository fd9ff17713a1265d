"""Params of forests and their models, and how a fit is set up from them."""

from collections.abc import Callable, Sequence
from typing import Any, Self

from pyspark.ml.param import TypeConverters
from pyspark.sql import DataFrame

from treefold.algorithms import forest
from treefold.algorithms.forest.sampling import candidate_count
from treefold.dataset.blocks import Blocks, Pass
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.ml.attributes import FeatureNames, categorical_features
from treefold.ml.base import Batch, LabelOptions, Trainable
from treefold.ml.class_params import ProbabilityOptions
from treefold.ml.converters import Choice, at_least, at_most, positive_share, share_below, weights
from treefold.ml.forest.summary import ForestSummary
from treefold.ml.params import NO_EFFECT, Option
from treefold.optim.iterate import Rungs
from treefold.optim.status import CONVERGED
from treefold.statistics.label_summary import label_summary


class SubsetStrategy:
    """A word that :func:`candidate_count` knows, in any case; the param returns it as it was written."""

    def __call__(self, value: Any) -> str:
        word = TypeConverters.toString(value)
        candidate_count(self.meaning(word), features=1, trees=1, classification=True)
        return word

    def meaning(self, word: str) -> str:
        """The word in lower case."""
        return word.lower()


class ForestOptions(LabelOptions):
    """Params that a forest and its model share."""

    supportedFeatureSubsetStrategies = ["auto", "all", "onethird", "sqrt", "log2"]
    leafCol = Option(
        "leafCol", "the column of the leaves' numbers, one for each tree; none if empty", TypeConverters.toString, ""
    )
    numTrees = Option("numTrees", "the number of trees, >= 1", at_least(1, TypeConverters.toInt), 20)
    maxDepth = Option("maxDepth", "the depth of the deepest leaf, 0 to 30", at_most(0, 30), 5)
    maxBins = Option("maxBins", "the most bins of a feature, and categories, 2 to 65,534", at_most(2, 65534), 32)
    minInstancesPerNode = Option(
        "minInstancesPerNode", "the rows a child must have, >= 1", at_least(1, TypeConverters.toInt), 1
    )
    minWeightFractionPerNode = Option(
        "minWeightFractionPerNode", "the share of all weight a child must have, in [0, 0.5)", share_below(0.5), 0.0
    )
    minInfoGain = Option("minInfoGain", "the least decrease of the impurity by a split, >= 0", at_least(0), 0.0)
    featureSubsetStrategy = Option(
        "featureSubsetStrategy", "the candidate features of a node: auto, all, onethird, sqrt, log2, a number or "
        "a share", SubsetStrategy(), "auto",
    )  # fmt: skip
    subsamplingRate = Option(
        "subsamplingRate", "the size of a tree's sample, as a share of the rows in (0, 1]", positive_share, 1.0
    )
    bootstrap = Option("bootstrap", "whether samples are drawn with replacement", TypeConverters.toBoolean, True)
    seed = Option("seed", "the seed of all random numbers", TypeConverters.toInt, 0)
    maxMemoryInMB = Option(
        "maxMemoryInMB", "the most megabytes of a task's histograms, >= 1; nodes grow in groups that fit",
        at_least(1, TypeConverters.toInt), 256,
    )  # fmt: skip
    categoricalCols = Option(
        "categoricalCols", "the feature columns of categories 0, 1, 2, ..., beside those of nominal attributes",
        TypeConverters.toListString, [],
    )  # fmt: skip
    cacheNodeIds = Option(
        "cacheNodeIds",
        NO_EFFECT + "rows descend the trees in every pass, so no node ids are cached",
        TypeConverters.toBoolean,
        False,
    )
    checkpointInterval = Option(
        "checkpointInterval", NO_EFFECT + "there is no lineage that grows", TypeConverters.toInt, 10
    )
    oobScore = Option("oobScore", "whether to compute the out-of-bag score", TypeConverters.toBoolean, False)

    def columns_of(self, data: DataFrame, *, labelled: bool = True) -> Columns:
        """The columns of ``data`` that take part; features may be missing."""
        return super().columns_of(data, labelled=labelled)._replace(missing=True)


class VoteOptions(ForestOptions, ProbabilityOptions):
    """Params that a classification forest and its model share."""

    supportedImpurities = ["entropy", "gini"]
    impurity = Option(
        "impurity",
        "the impurity that splits decrease: gini or entropy",
        Choice("gini", "entropy", any_case=True),
        "gini",
    )
    pruneTree = Option(
        "pruneTree", NO_EFFECT + "leaves are never merged, because merging would lose their probabilities",
        TypeConverters.toBoolean, True,
    )  # fmt: skip
    thresholds = Option(
        "thresholds",
        "a number >= 0 for each class: the class of greatest probability divided by threshold is predicted",
        weights,
    )


class ValueOptions(ForestOptions):
    """Params that a regression forest and its model share."""

    supportedImpurities = ["variance"]
    impurity = Option(
        "impurity", "the impurity that splits decrease: variance", Choice("variance", any_case=True), "variance"
    )


class ForestFitOptions(Trainable, ForestOptions):
    """The fit of a forest, whose model is a ``model_class``."""

    model_class: Callable[[Any, ForestSummary], Any]
    simpler = {"maxDepth": -1, "minInstancesPerNode": 1, "numTrees": -1}
    _categorical: tuple[int, ...] = ()
    _names = FeatureNames()

    def check(self, data: DataFrame) -> None:
        """Raise InputError for data with which a fit or an evaluation would fail: one pass."""
        with self.open(data) as blocks:
            label_summary(blocks, classification=self.value("impurity") != "variance")

    def prepared(self, data: DataFrame) -> Self:
        """A copy that has read from the metadata which features are categorical, and their names."""
        columns, copied = self.columns_of(data), super().prepared(data).copy()
        copied._categorical = categorical_features(data, columns, self.value("categoricalCols"))
        copied._names = FeatureNames.of(data, columns)
        return copied

    def fit_batch(self, blocks: Blocks, trials: Sequence[Any], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`; a batch is one forest and has no rungs."""
        (trial,) = trials
        fitted = forest.fit(
            blocks,
            trial.settings(),
            lambda step, last: self.report(step.depth, {"nodes": step.nodes, "open nodes": step.open}, last),
        )
        model = fitted.model
        return Batch([model], [[]], [model.depth], [CONVERGED], [(fitted, trial._names.of_all(model.features))])

    def build_model(self, batch: Batch, passes: list[Pass]) -> Any:
        """See :class:`~treefold.ml.base.Trainable`."""
        fitted, names = batch.details[0]
        summary = ForestSummary.of(fitted, names, [*passes, *fitted.passes])
        return self.model_class(batch.numpy_models[0], summary)

    def settings(self, **others: Any) -> forest.Settings:
        """The params as settings of the algorithm."""
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
            categorical=self._categorical,
            category_names=tuple(f"column '{self._names.of_one(feature)}'" for feature in self._categorical),
            memory=self.value("maxMemoryInMB") << 20,
            oob=self.value("oobScore"),
            **others,
        )
