"""The FTRL regressor as a pyspark.ml Estimator and Model."""

from collections.abc import Sequence

from pyspark.ml import Estimator
from pyspark.ml.regression import Regressor

from treefold.algorithms.ftrl.gradient import Objective
from treefold.algorithms.linear.losses import poisson, squared
from treefold.dataset.blocks import Blocks, Pass
from treefold.ml.base import Batch
from treefold.ml.ftrl.fitting import FtrlTrainable
from treefold.ml.ftrl.params import FtrlValueOptions
from treefold.ml.ftrl.summary import summary_of
from treefold.ml.linear.regressors import LinearRegressorFace
from treefold.optim.iterate import Rungs
from treefold.statistics.label_summary import label_summary


@Regressor.register
class FTRLRegressor(FtrlTrainable, FtrlValueOptions, Estimator):
    """Least squares, or regression of counts, by FTRL-Proximal or AdaGrad, with the coefficients on a parameter server.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises ``1 / (2 sum_i w_i) * sum_i w_i (x_i . coef + b - y_i)^2 + regParam * ((1 - a) / (2 sd(y)) * |coef|_2^2 +
    a * |coef|_1)`` with ``a = elasticNetParam``, online: it approaches the minimum with ``maxIter``, the number of
    passes over the rows. It is the objective of :class:`LinearRegression` without ``standardization``. Inside, the
    label has mean 0, if there is an intercept, and deviation 1, so ``stepSize`` does not depend on its unit.

    With ``loss="poisson"`` the objective is that of :class:`PoissonRegression` without ``standardization``.

    References
    ----------
    McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013.
    Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic optimization", Journal of
    Machine Learning Research 12, 2011, section 5.1.

    Examples
    --------
    >>> from treefold.ml import FTRLRegressor
    >>> frame = spark.createDataFrame([(-1.0, 1.0), (0.0, 3.0), (1.0, 5.0), (2.0, 7.0)], ["x", "label"])
    >>> model = FTRLRegressor(featuresCol=["x"], maxIter=100, stepSize=0.5).fit(frame)
    >>> model.coefficients.toArray().round(1).tolist(), round(model.intercept, 1)
    ([2.0], 3.0)
    """

    def fit_batch(self, blocks: Blocks, trials: Sequence["FTRLRegressor"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`; a batch is one fit, which has no rungs."""
        (trial,) = trials
        found, intercept = label_summary(blocks, classification=False), bool(trial.value("fitIntercept"))
        if trial.value("loss") == "poisson":
            poisson.start(found)  # refuses negative labels
            return trial.fitted(blocks, Objective(poisson, intercept), "log")
        shift = float(found.moments.mean[-1]) if intercept else 0.0
        objective = Objective(squared, intercept, shift=shift, scale=found.moments.label_deviation)
        return trial.fitted(blocks, objective, "identity")

    def build_model(self, batch: Batch, passes: list[Pass]) -> "FTRLRegressionModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return FTRLRegressionModel(batch.numpy_models[0], summary_of(batch, passes))


class FTRLRegressionModel(LinearRegressorFace, FtrlValueOptions):
    """Fitted :class:`FTRLRegressor`."""
