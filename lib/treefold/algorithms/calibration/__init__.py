"""Calibration: from the scores of a classifier to probabilities, fitted on rows that the classifier has not seen.

=============== =================================================================================
module          holds
=============== =================================================================================
``scores``      the scores of a model by class, and out-of-fold scores of several models
``sigmoid``     Platt's sigmoid: the statistic, and Newton's method over passes
``isotonic``    the isotonic regression of a sketch of the scores
``fit``         the choice between them
``model``       a classifier with its calibration
=============== =================================================================================
"""

from treefold.algorithms.calibration.fit import METHODS, fit
from treefold.algorithms.calibration.isotonic import Isotonic
from treefold.algorithms.calibration.model import CalibratedModel
from treefold.algorithms.calibration.sigmoid import Sigmoid

__all__ = ["METHODS", "CalibratedModel", "Isotonic", "Sigmoid", "fit"]
