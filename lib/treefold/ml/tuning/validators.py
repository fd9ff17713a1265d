"""Estimators that choose among settings of another estimator."""

from typing import Any

from treefold.errors import InputError
from treefold.ml.base import Trainable
from treefold.ml.tuning.candidates import candidates
from treefold.ml.tuning.models import CrossValidatorModel, SelectedModel, TrainValidationSplitModel
from treefold.ml.tuning.params import FoldOptions, SplitOptions
from treefold.ml.tuning.scoring import check_measures, criterion
from treefold.ml.tuning.split_plan import Plan
from treefold.ml.tuning.validator import Validator


class CrossValidator(Validator, FoldOptions):
    """K-fold cross-validation: every fold of every setting in the same passes over the data.

    Folds are row weights. By default a hash of (seed, position) names the fold of a row, so folds do not depend on the
    partitioning. ``foldCol`` names folds instead; with ``stratified``, folds have the same number of rows of every
    label.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Examples
    --------
    >>> from pyspark.ml.tuning import ParamGridBuilder
    >>> from treefold.ml import CrossValidator, LinearRegression
    >>> frame = spark.createDataFrame([(float(x), 2.0 * x + 1.0) for x in range(20)], ["x", "label"])
    >>> linear = LinearRegression(featuresCol=["x"])
    >>> grid = ParamGridBuilder().addGrid(linear.regParam, [0.0, 10.0]).build()
    >>> search = CrossValidator(estimator=linear, estimatorParamMaps=grid, evaluator="rmse", numFolds=2)
    >>> model = search.fit(frame)
    >>> model.bestModel.getRegParam()
    0.0
    >>> model.avgMetrics[0] < model.avgMetrics[1]
    True
    """

    def plan(self) -> Plan:
        """How rows are split."""
        if self.value("stratified") and self.value("foldCol"):
            raise InputError("stratified and foldCol are both set: set one")
        return Plan(self.value("numFolds"), self.value("seed"), self.value("foldCol"), self.value("stratified"))

    def model_class(self) -> type[SelectedModel]:
        """The class of the model."""
        return CrossValidatorModel


class TrainValidationSplit(Validator, SplitOptions):
    """One split into training and validation rows, drawn by (seed, position): every setting in the same passes.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Examples
    --------
    >>> from treefold.ml import LinearRegression, TrainValidationSplit
    >>> frame = spark.createDataFrame([(float(x), 2.0 * x + 1.0) for x in range(20)], ["x", "label"])
    >>> linear = LinearRegression(featuresCol=["x"])
    >>> space = {"regParam": [0.0, 10.0]}
    >>> search = TrainValidationSplit(estimator=linear, space=space, evaluator="rmse", trainRatio=0.5)
    >>> search.fit(frame).bestModel.getRegParam()
    0.0
    """

    def plan(self) -> Plan:
        """How rows are split."""
        return Plan(1, self.value("seed"), train_share=self.value("trainRatio"))

    def model_class(self) -> type[SelectedModel]:
        """The class of the model."""
        return TrainValidationSplitModel


def validator(estimator: Trainable, metric: str, space: dict[str, Any], **params: Any) -> Validator:
    """A search over ``space``: with a single split if ``trainRatio`` is among the params, else with folds.

    Parameters
    ----------
    estimator : Trainable
        The estimator.
    metric : str
        Name of the metric.
    space : dict
        By param a list of values, or ``{low, high, log}``.
    **params
        Params of the validator.

    Returns
    -------
    Validator

    Raises
    ------
    InputError
        If there is no such param, or a value is not valid.
    """
    kind = TrainValidationSplit if "trainRatio" in params else CrossValidator
    made = kind(estimator=estimator, evaluator=metric, space=space, **params)
    candidates(estimator, made.param_maps())
    criterion(metric, estimator)
    check_measures(metric, estimator)
    return made
