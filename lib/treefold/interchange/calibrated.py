"""Calibrated classifiers for scikit-learn."""

from dataclasses import replace
from typing import Any

import numpy as np

from treefold.algorithms.calibration import CalibratedModel, Sigmoid
from treefold.algorithms.forest import ForestModel
from treefold.algorithms.linear import LinearModel
from treefold.algorithms.svm import SvmModel
from treefold.errors import InputError
from treefold.interchange import forests, scikit, svm

ROWS = 4  # of each class, to which scikit-learn fits the calibration that is then replaced


def scikit_learn(model: CalibratedModel) -> Any:
    """A fitted ``CalibratedClassifierCV`` around the classifier, which is frozen.

    Raises
    ------
    InputError
        If scikit-learn is not installed, or has no such model: it calibrates the probabilities of a perceptron where
        scores are calibrated here.
    """
    try:
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.frozen import FrozenEstimator
    except ImportError as error:
        raise InputError(scikit.MISSING) from error
    base, scale, shift = _base(model.base)
    method = "sigmoid" if isinstance(model.calibration, Sigmoid) else "isotonic"
    made = CalibratedClassifierCV(FrozenEstimator(base), method=method, cv=2, ensemble=False)
    y = np.repeat(np.arange(model.classes, dtype=np.float64), ROWS)
    made.fit(np.zeros((len(y), model.features)), y)
    (fitted,) = made.calibrated_classifiers_
    for k, calibrator in enumerate(fitted.calibrators):
        _fill(calibrator, model.calibration, k, scale, shift)
    return made


def _base(base: Any) -> tuple[Any, float, float]:
    """The classifier of scikit-learn, and scale and shift that turn its response into the score that is calibrated."""
    if isinstance(base, LinearModel):
        plain = replace(base, threshold=0.0 if base.link == "margin" else 0.5, thresholds=None)
        return scikit.linear(plain), 0.5 if len(base.coef) == 2 else 1.0, 0.0
    if isinstance(base, SvmModel):
        return svm.scikit_learn(base), 1.0, 0.0
    if isinstance(base, ForestModel):
        plain = forests.scikit_learn(replace(base, thresholds=None))
        return plain, float(base.size), -base.size / 2 if base.classes == 2 else 0.0
    raise InputError(f"scikit-learn has no calibrated {type(base).__name__} whose scores are calibrated")


def _fill(calibrator: Any, fitted: Any, k: int, scale: float, shift: float) -> None:
    """Set the function of score k, as a function of scikit-learn's response."""
    if isinstance(fitted, Sigmoid):
        slope, intercept = fitted.coef[k]
        calibrator.a_, calibrator.b_ = -slope * scale, -(slope * shift + intercept)
        return
    part = slice(fitted.ends[k - 1] if k else 0, fitted.ends[k])
    calibrator.fit((fitted.score[part] - shift) / scale, fitted.chance[part])
