"""Support vector machines for scikit-learn."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from treefold.algorithms.svm import SvmModel
from treefold.errors import InputError
from treefold.interchange.scikit import MISSING

KINDS = {"classification": "SVC", "regression": "SVR", "one class": "OneClassSVM"}


def scikit_learn(model: SvmModel) -> Any:
    """A fitted ``SVC``, ``SVR`` or ``OneClassSVM``, of a standardised fit behind a ``StandardScaler``.

    Raises
    ------
    InputError
        If scikit-learn is not installed, or there are no support vectors.
    """
    try:
        from sklearn import svm
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise InputError(MISSING) from error
    if not len(model.coefficient):
        raise InputError("the model has no support vectors, and scikit-learn has no such model")
    kernel = model.kernel
    made = getattr(svm, KINDS[model.task])(
        kernel=kernel.name, gamma=kernel.gamma, degree=kernel.degree, coef0=kernel.coef0
    )
    _fill(made, model)
    if model.inverse is None:
        return made
    scaler = StandardScaler(with_mean=False)
    scaler.scale_, scaler.var_ = 1.0 / model.inverse, model.inverse**-2.0
    scaler.mean_, scaler.n_features_in_, scaler.n_samples_seen_ = np.zeros(model.features), model.features, 0
    return make_pipeline(scaler, made)


def _fill(made: Any, model: SvmModel) -> None:
    """Set what LIBSVM's functions read: support vectors in the order of their classes, coefficients of pairs."""
    label = _labels(model)
    order = np.argsort(label, kind="stable")
    support = model.support.toarray() if issparse(model.support) else model.support
    made.support_vectors_ = np.ascontiguousarray(support[order])
    made.support_ = np.arange(len(order), dtype=np.int32)
    made._sparse, made._gamma, made.fit_status_ = False, model.kernel.gamma, 0
    made.shape_fit_, made.n_features_in_ = support.shape, model.features
    made._probA = made._probB = np.empty(0)
    made.class_weight_ = np.empty(0)
    coefficient, bias = model.coefficient[order].T, model.bias.copy()
    if model.classes:
        there = np.unique(model.pairs)
        made.classes_ = there.astype(np.float64)
        made.class_weight_ = np.ones(len(there))
        made._n_support = np.array([(label == each).sum() for each in there], np.int32)
        coefficient, bias = _by_pair(model, coefficient, label[order], there), -bias
    else:
        made._n_support = np.array([len(order), len(order)], np.int32)
    made._dual_coef_, made._intercept_ = np.ascontiguousarray(coefficient), bias
    two = model.classes and len(made.classes_) == 2  # LIBSVM's first class is the positive one
    made.dual_coef_, made.intercept_ = (-made._dual_coef_, -bias) if two else (made._dual_coef_, bias)
    if model.task == "one class":
        made.offset_ = -made.intercept_


def _labels(model: SvmModel) -> NDArray:
    """The class of each support vector, given by the sign of its coefficient; 0 unless it is a classification."""
    label = np.zeros(len(model.coefficient), np.int64)
    for each, (negative, positive) in zip(model.coefficient.T, model.pairs, strict=True):
        if model.classes:
            label[each > 0], label[each < 0] = positive, negative
    return label


def _by_pair(model: SvmModel, coefficient: NDArray, label: NDArray, there: NDArray) -> NDArray:
    """LIBSVM's layout ``(classes - 1, support vectors)``: a row's coefficients against the other classes in order."""
    made = np.zeros((len(there) - 1, len(label)))
    for each, (negative, positive) in zip(coefficient, np.searchsorted(there, model.pairs), strict=True):
        mine = label == there[negative]
        made[positive - 1, mine] = -each[mine]
        mine = label == there[positive]
        made[negative, mine] = -each[mine]
    return made
