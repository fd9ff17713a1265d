"""The base of linear regressors and their models."""

from collections.abc import Sequence
from typing import Any

from pyspark.ml.linalg import DenseVector
from pyspark.ml.regression import RegressionModel, Regressor

from treefold.algorithms.linear.gram import gram
from treefold.algorithms.linear.losses import Loss, Squared
from treefold.dataset.blocks import Blocks
from treefold.ml.base import Batch
from treefold.ml.linear.fitting import FitOptions, fit_all
from treefold.ml.linear.model import LinearFace, LinearSparkModel
from treefold.ml.linear.params import OffsetOptions
from treefold.ml.linear.private_fit import fit_privately
from treefold.ml.summaries.kinds import LINEAR
from treefold.optim.iterate import Rungs
from treefold.statistics.label_summary import data_summary


@Regressor.register
class Regression(FitOptions, OffsetOptions):
    """An estimator that fits one loss to a numeric label."""

    link = "identity"

    def loss_of(self) -> Loss:
        """The loss to minimise."""
        raise NotImplementedError

    def fit_batch(self, blocks: Blocks, trials: Sequence["Regression"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`."""
        if self.private and isinstance(self.loss_of(), Squared):
            return fit_privately(self, trials, blocks, self.loss_of(), self.link)
        options = {"smoothing": self.value("smoothing")} if self.hasParam("smoothing") else {}
        loss, rows = self.loss_of(), self.trained(blocks)
        most = -1 if self.with_offset or self.validated else self.most_products(loss, len(trials))
        found = gram(rows, most) if most >= 0 else data_summary(rows, classification=False)
        return fit_all(self, trials, blocks, loss, found, self.link, rungs, **options)


@RegressionModel.register
class LinearRegressorFace(LinearFace):
    """A fitted linear regression, whatever fitted it."""

    summary_kinds = LINEAR

    def attributes(self) -> dict[str, dict[str, Any]]:
        """No attributes: the prediction is a number."""
        return {"prediction": {"ml_attr": {}}}

    @property
    def coefficients(self) -> DenseVector:
        """Coefficients, ``(features,)``."""
        return DenseVector(self.numpy_model.coef[0, :-1])

    @property
    def intercept(self) -> float:
        """Intercept; 0 if the model has none."""
        return float(self.numpy_model.coef[0, -1])


class LinearRegressorModel(LinearRegressorFace, LinearSparkModel):
    """A linear regression that one of the estimators of :mod:`treefold.ml.linear` has fitted."""
