"""Estimators whose data are checked by the summary of features and labels."""

from pyspark.sql import DataFrame

from treefold.ml.base import Trainable
from treefold.statistics.label_summary import data_summary


class LabelledTrainable(Trainable):
    """An estimator that reads features and a label.

    Attributes
    ----------
    labels_are_classes : bool
        Whether labels are class indices 0, 1, ...
    """

    labels_are_classes = False

    def check(self, data: DataFrame) -> None:
        """Raise InputError for data with which a fit or an evaluation would fail: one pass."""
        with self.open(data) as blocks:
            data_summary(blocks, classification=self.labels_are_classes)
