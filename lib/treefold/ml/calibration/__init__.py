"""Calibrated classifiers as pyspark.ml Estimators and Models."""

from treefold.ml.calibration.estimator import CalibratedClassifier
from treefold.ml.calibration.model import CalibratedClassifierModel

__all__ = ["CalibratedClassifier", "CalibratedClassifierModel"]
