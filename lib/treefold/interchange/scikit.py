"""Models as fitted models of scikit-learn, with the same predictions."""

from typing import Any

import numpy as np

from treefold.algorithms.kmeans import KMeansModel
from treefold.algorithms.linear import LinearModel
from treefold.errors import InputError

MISSING = "scikit-learn is not installed: install scikit-learn to export to it"


def kmeans(model: KMeansModel) -> Any:
    """A ``sklearn.cluster.KMeans``; for the cosine distance in a Pipeline after a Normalizer.

    Raises
    ------
    InputError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.cluster import KMeans
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import Normalizer
    except ImportError as error:
        raise InputError(MISSING) from error
    made = KMeans(len(model.centres), init=model.centres, n_init=1, max_iter=1)
    made.fit(model.centres)  # fits each centre to its own cluster, which sets all attributes that predict needs
    made.cluster_centers_ = np.array(model.centres)
    made.labels_, made.inertia_, made.n_iter_ = (
        np.empty(0, np.int32),
        float("nan"),
        0,
    )  # of the rows, which are not known
    return make_pipeline(Normalizer(), made) if model.cosine else made


def linear(model: LinearModel) -> Any:
    """A ``LinearRegression``, ``LogisticRegression`` or ``LinearSVC``.

    A classifier with a threshold of its own is inside a threshold classifier.

    Raises
    ------
    InputError
        If scikit-learn is not installed, or has no such model: one with a threshold for each of several classes.
    """
    try:
        from sklearn.linear_model import LinearRegression, LogisticRegression
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise InputError(MISSING) from error
    if model.thresholds is not None:
        raise InputError("scikit-learn has no thresholds for several classes: clear thresholds first")
    kinds = {"identity": LinearRegression, "logistic": LogisticRegression, "softmax": LogisticRegression,
             "margin": LinearSVC}  # fmt: skip
    if model.link not in kinds:
        raise InputError(f"scikit-learn has no linear model with the link {model.link}")
    made = kinds[model.link]()
    coef = model.coef[1:] - model.coef[:1] if model.link == "softmax" and model.classes == 2 else model.coef
    made.coef_, made.intercept_ = coef[:, :-1].copy(), coef[:, -1].copy()
    made.n_features_in_ = model.features
    if not model.classes:
        made.coef_, made.intercept_ = made.coef_[0], float(made.intercept_[0])
        return made
    made.classes_ = np.arange(model.classes, dtype=np.float64)
    usual = 0.0 if model.link == "margin" else 0.5
    return made if len(model.coef) > 1 or model.threshold == usual else _above(made, model)


def _above(made: Any, model: LinearModel) -> Any:
    """The classifier behind a threshold that must be exceeded; scikit-learn's own threshold need only be reached."""
    from sklearn.frozen import FrozenEstimator
    from sklearn.model_selection import FixedThresholdClassifier

    method = "decision_function" if model.link == "margin" else "predict_proba"
    threshold = float(np.nextafter(model.threshold, np.inf))
    behind = FixedThresholdClassifier(FrozenEstimator(made), threshold=threshold, pos_label=1.0, response_method=method)
    return behind.fit(np.zeros((2, model.features)), made.classes_)  # the estimator is frozen, so this fits nothing
