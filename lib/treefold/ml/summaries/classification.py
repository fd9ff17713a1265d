"""Summaries of classifiers."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from treefold.errors import InputError
from treefold.metrics import classification, ranking
from treefold.metrics.classification import LabelCounts
from treefold.metrics.predictions import Statistic
from treefold.metrics.ranking import Area, Curve
from treefold.ml.summaries.base import Summary, known, thinned
from treefold.report.charts import Chart, LineChart

MOST_CONFUSED = 256  # classes up to which there is a confusion matrix


class ClassificationSummary(Summary):
    """A classifier on a labelled data set.

    Figures by label belong to ``labels``, the labels that occur, as in pyspark.ml. ``precision``, ``recall`` and
    ``confusion`` belong to all classes of the model.
    """

    reported: tuple[str, ...] = ("rows", "log_loss", "accuracy", "precision", "recall", "confusion")

    @property
    def rows(self) -> int:
        """Rows of positive weight."""
        return int(self._counts.rows[0])

    @property
    def log_loss(self) -> float | None:
        """Mean of ``-log p(label)``; None for a model without probabilities."""
        return known(classification.log_loss(self._counts)[0])

    @property
    def accuracy(self) -> float:
        """Share of the rows that are predicted correctly."""
        return float(classification.accuracy(self._counts)[0])

    @property
    def precision(self) -> list[float]:
        """Precision of each class; 0 for a class that is never predicted."""
        return self._of_all(classification.precision(self._counts))

    @property
    def recall(self) -> list[float]:
        """Recall of each class; 0 for a class that does not occur."""
        return self._of_all(classification.recall(self._counts))

    @property
    def confusion(self) -> list[list[float]] | None:
        """Weight of the rows by label and prediction; None for more than 256 classes."""
        return None if self._classes > MOST_CONFUSED else self._measured[0][1].table[0].tolist()

    @property
    def labels(self) -> list[float]:
        """The labels that occur, ascending."""
        return [float(label) for label in np.flatnonzero(self._counts.actual[0])]

    @property
    def truePositiveRateByLabel(self) -> list[float]:
        """The same as recall."""
        return self.recallByLabel

    @property
    def falsePositiveRateByLabel(self) -> list[float]:
        """For each label the share of the other labels that is predicted to be it."""
        return self._by_label(classification.false_positive_rate(self._counts))

    @property
    def precisionByLabel(self) -> list[float]:
        """Precision of each label."""
        return self._by_label(classification.precision(self._counts))

    @property
    def recallByLabel(self) -> list[float]:
        """Recall of each label."""
        return self._by_label(classification.recall(self._counts))

    def fMeasureByLabel(self, beta: float = 1.0) -> list[float]:
        """F-measure of each label."""
        return self._by_label(classification.f_measure(self._counts, beta))

    @property
    def weightedTruePositiveRate(self) -> float:
        """The same as weighted recall."""
        return self.weightedRecall

    @property
    def weightedFalsePositiveRate(self) -> float:
        """Mean false positive rate, weighted by the weight of each label."""
        return self._weighted(classification.false_positive_rate(self._counts))

    @property
    def weightedRecall(self) -> float:
        """Mean recall, weighted by the weight of each label; it equals the accuracy."""
        return self._weighted(classification.recall(self._counts))

    @property
    def weightedPrecision(self) -> float:
        """Mean precision, weighted by the weight of each label."""
        return self._weighted(classification.precision(self._counts))

    def weightedFMeasure(self, beta: float = 1.0) -> float:
        """Mean F-measure, weighted by the weight of each label."""
        return self._weighted(classification.f_measure(self._counts, beta))

    @property
    def probabilityCol(self) -> str:
        """The column of probabilities."""
        return str(self.model.value("probabilityCol"))

    @property
    def _classes(self) -> int:
        return int(self.model.scoring().classes)

    @property
    def _counts(self) -> LabelCounts:
        counts: LabelCounts = self._measured[0][0]
        return counts

    def _statistics(self) -> tuple[Statistic, ...]:
        table = () if self._classes > MOST_CONFUSED else (classification.confusion,)
        return (classification.label_counts, *table)

    def _check(self, sums: Any) -> None:
        counts: LabelCounts = sums[0]
        if counts.unknown[0]:
            raise InputError(
                f"{counts.unknown[0]} rows have a label in '{self.labelCol}' that is no class of the model: "
                f"it knows 0 to {self._classes - 1}"
            )
        if not counts.weight[0] > 0:
            raise InputError("every row has weight 0: give at least one row a positive weight")

    def _of_all(self, scores: NDArray) -> list[float]:
        return [float(score) for score in scores[0]]

    def _by_label(self, scores: NDArray) -> list[float]:
        return [float(score) for score in scores[0][self._counts.actual[0] > 0]]

    def _weighted(self, scores: NDArray) -> float:
        return float(classification.weighted(self._counts, scores)[0])


class BinaryClassificationSummary(ClassificationSummary):
    """A binary classifier on a labelled data set.

    Curves have a point for each distinct score, up to 16,384 of them. Beyond that there are fewer points; each point is
    exact, and the error of an area is at most its ``Error``.
    """

    reported = (*ClassificationSummary.reported, "area_under_roc", "area_under_pr")

    @property
    def areaUnderROC(self) -> float:
        """Area under the ROC curve; NaN if only one class occurs."""
        return self._roc.value

    @property
    def areaUnderROCError(self) -> float:
        """Bound of the error of the area; 0 if it is exact."""
        return self._roc.error

    @property
    def areaUnderPR(self) -> float:
        """Area under the precision-recall curve by the trapezoidal rule; NaN if only one class occurs."""
        return self._pr.value

    @property
    def areaUnderPRError(self) -> float:
        """Bound of the error of the area; 0 if it is exact."""
        return self._pr.error

    @property
    def area_under_roc(self) -> float | None:
        """The area under the ROC curve; None if only one class occurs."""
        return known(self.areaUnderROC)

    @property
    def area_under_pr(self) -> float | None:
        """The area under the precision-recall curve; None if only one class occurs."""
        return known(self.areaUnderPR)

    @property
    def scoreCol(self) -> str:
        """The column by which rows are ranked."""
        return str(self.model.value("probabilityCol" if self.model.hasParam("probabilityCol") else "rawPredictionCol"))

    @property
    def roc(self) -> DataFrame:
        """The ROC curve from (0, 0) to (1, 1): ``FPR``, ``TPR``."""
        x, y = self._curve.roc
        return self._frame(FPR=x, TPR=y)

    @property
    def pr(self) -> DataFrame:
        """The precision-recall curve: ``recall``, ``precision``."""
        x, y = self._curve.pr
        return self._frame(recall=x, precision=y)

    @property
    def fMeasureByThreshold(self) -> DataFrame:
        """``threshold``, ``F-Measure`` with beta 1, in descending order of the threshold."""
        return self._by_threshold("F-Measure", self._curve.f_measure())

    @property
    def precisionByThreshold(self) -> DataFrame:
        """``threshold``, ``precision``, in descending order of the threshold."""
        return self._by_threshold("precision", self._curve.precision)

    @property
    def recallByThreshold(self) -> DataFrame:
        """``threshold``, ``recall``, in descending order of the threshold."""
        return self._by_threshold("recall", self._curve.recall)

    def charts(self) -> list[Chart]:
        """ROC and precision-recall curve."""
        if np.isnan(self.areaUnderROC):
            return []
        share = float(self._curve.precision[-1])
        roc = {"model": thinned(*self._curve.roc), "chance": ([0.0, 1.0], [0.0, 1.0])}
        pr = {"model": thinned(*self._curve.pr), "chance": ([0.0, 1.0], [share, share])}
        return [
            LineChart(f"ROC, area {self.areaUnderROC:.4f}", "false positive rate", "true positive rate", roc),
            LineChart(f"Precision and recall, area {self.areaUnderPR:.4f}", "recall", "precision", pr),
        ]

    @cached_property
    def _curve(self) -> Curve:
        return ranking.curve(self._measured[0][-1].sketch[0])

    @cached_property
    def _roc(self) -> Area:
        return ranking.area_under_roc(self._curve)

    @cached_property
    def _pr(self) -> Area:
        return ranking.area_under_pr(self._curve)

    def _statistics(self) -> tuple[Statistic, ...]:
        return (*super()._statistics(), ranking.ranking)

    def _by_threshold(self, name: str, values: NDArray) -> DataFrame:
        return self._frame(threshold=self.model.scoring().threshold_of(self._curve.threshold), **{name: values})
