"""Support vector machines with kernels as pyspark.ml Estimators."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from pyspark.ml import Estimator
from pyspark.ml.classification import Classifier
from pyspark.ml.regression import Regressor

from treefold.algorithms import svm
from treefold.dataset.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.ml.base import Batch, LabelOptions
from treefold.ml.class_params import ClassTrainable
from treefold.ml.svm.fitting import SupportVectorTrainable
from treefold.ml.svm.models import OneClassSVMModel, SVCModel, SVRModel
from treefold.ml.svm.params import CostOptions, OneClassOptions, RegressionOptions
from treefold.optim.iterate import Rungs
from treefold.statistics.label_summary import DataSummary, class_factors, data_summary, warn_of_labels, with_declared


@Classifier.register
class SVC(SupportVectorTrainable, ClassTrainable, CostOptions, Estimator):
    """Support vector classifier with a kernel.

    Several classes are fitted by one machine for each pair, in the same passes.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises ``|f|^2 / 2 + C sum_i w_i max(0, 1 - s_i (f(x_i) + b))`` with ``s_i`` 1 or -1 over the functions of the
    kernel, until no pair of dual variables of any two rows violates optimality by more than ``tol``.

    References
    ----------
    Cortes & Vapnik, "Support-vector networks", Machine Learning 20, 1995.

    Examples
    --------
    >>> from treefold.ml import SVC
    >>> rows = [(0.0, 0.0, 0.0), (0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0)]
    >>> frame = spark.createDataFrame(rows, ["x", "y", "label"])
    >>> model = SVC(featuresCol=["x", "y"], C=10.0, gamma=1.0).fit(frame)
    >>> model.transform(frame).filter("prediction = label").count()
    4
    """

    labels_are_classes = True
    simpler = {"C": -1}

    def fit_batch(self, blocks: Blocks, trials: Sequence["SVC"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`; a batch is one fit, which has no rungs."""
        (trial,) = trials
        found = data_summary(blocks, classification=True)
        warn_of_labels(blocks, found.classes)
        found = with_declared(found, trial.declared_classes)
        given = trial.value("classWeight")
        factors = None if given is None else class_factors(given, found.classes)
        machines = trial._machines(found, factors)
        return trial.fitted(blocks, machines, found, len(found.classes))

    def _machines(self, found: DataSummary, factors: np.ndarray | None) -> list[svm.Machine]:
        weight = found.classes if factors is None else found.classes * factors
        there = np.flatnonzero(weight > 0).tolist()
        if len(there) < 2:
            raise InputError(
                f"all rows with a weight are of class {there[0] if there else 0}: a classifier needs two classes"
            )
        by_class = None if factors is None else tuple(float(each) for each in factors)
        return [
            self.machine(svm.Task(), self.value("C"), found.moments, negative=first, positive=second, factors=by_class)
            for first, second in combinations(there, 2)
        ]

    def build_model(self, batch: Batch, passes: list[Pass]) -> SVCModel:
        """See :class:`~treefold.ml.base.Trainable`."""
        return SVCModel(batch.numpy_models[0], self.fit_of(batch, passes))


@Regressor.register
class SVR(SupportVectorTrainable, LabelOptions, RegressionOptions, Estimator):
    """Support vector regression with a kernel.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises ``|f|^2 / 2 + C sum_i w_i max(0, |y_i - f(x_i) - b| - epsilon)`` over the functions of the kernel.

    References
    ----------
    Smola & Schölkopf, "A tutorial on support vector regression", Statistics and Computing 14, 2004.

    Examples
    --------
    >>> from treefold.ml import SVR
    >>> frame = spark.createDataFrame([(x / 10, (x / 10) ** 2) for x in range(-10, 11)], ["x", "label"])
    >>> model = SVR(featuresCol=["x"], C=10.0, gamma=1.0, epsilon=0.01).fit(frame)
    >>> errors = [abs(row.prediction - row.label) for row in model.transform(frame).collect()]
    >>> max(errors) < 0.05
    True
    """

    simpler = {"C": -1, "epsilon": 1}

    def fit_batch(self, blocks: Blocks, trials: Sequence["SVR"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`; a batch is one fit, which has no rungs."""
        (trial,) = trials
        found = data_summary(blocks, classification=False)
        task = svm.Task("regression", epsilon=trial.value("epsilon"))
        return trial.fitted(blocks, [trial.machine(task, trial.value("C"), found.moments)], found)

    def build_model(self, batch: Batch, passes: list[Pass]) -> SVRModel:
        """See :class:`~treefold.ml.base.Trainable`."""
        return SVRModel(batch.numpy_models[0], self.fit_of(batch, passes))


class OneClassSVM(SupportVectorTrainable, OneClassOptions, Estimator):
    """One-class support vector machine: a region that contains all but about a share ``nu`` of the rows.

    The model predicts 1 inside and -1 outside. Bounds are the rows' weights, and coefficients sum to ``nu`` times the
    weight of all rows, as in scikit-learn.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    References
    ----------
    Schoelkopf, Platt, Shawe-Taylor, Smola & Williamson, "Estimating the support of a high-dimensional distribution",
    Neural Computation 13, 2001, eq. 3.

    Examples
    --------
    >>> from treefold.ml import OneClassSVM
    >>> frame = spark.createDataFrame([(x / 10,) for x in range(21)], ["x"])
    >>> model = OneClassSVM(featuresCol=["x"], nu=0.2, gamma=0.1).fit(frame)
    >>> new = spark.createDataFrame([(1.0,), (9.0,)], ["x"])
    >>> [row.prediction for row in model.transform(new).sort("x").collect()]
    [1.0, -1.0]
    """

    def fit_batch(self, blocks: Blocks, trials: Sequence["OneClassSVM"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`; a batch is one fit, which has no rungs."""
        (trial,) = trials
        found = data_summary(blocks, classification=False)
        task = svm.Task("one class", nu=trial.value("nu"))
        return trial.fitted(blocks, [trial.machine(task, 1.0, found.moments)], found)

    def build_model(self, batch: Batch, passes: list[Pass]) -> OneClassSVMModel:
        """See :class:`~treefold.ml.base.Trainable`."""
        return OneClassSVMModel(batch.numpy_models[0], self.fit_of(batch, passes))
