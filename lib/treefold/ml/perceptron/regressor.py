"""Multilayer perceptrons for values."""

from collections.abc import Sequence
from typing import Self

from pyspark.ml import Estimator
from pyspark.ml.regression import RegressionModel, Regressor
from pyspark.sql import DataFrame

from treefold.algorithms.perceptron import Network
from treefold.algorithms.perceptron.losses import Huber, Loss, Poisson, Squared
from treefold.dataset.blocks import Blocks, Pass
from treefold.engine.reading.sizes import width_of
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.perceptron.fitting import PerceptronTrainable, fit_all
from treefold.ml.perceptron.model import PerceptronFace
from treefold.ml.perceptron.params import PerceptronValueOptions
from treefold.ml.perceptron.private_fit import fit_privately
from treefold.ml.perceptron.summary import summary_of
from treefold.ml.summaries.kinds import PERCEPTRON_REGRESSION
from treefold.optim.iterate import Rungs
from treefold.statistics.label_summary import data_summary


@Regressor.register
class MultilayerPerceptronRegressor(PerceptronTrainable, PerceptronValueOptions, Estimator):
    """Multilayer perceptron for a number, or for several at once; pyspark.ml has no such estimator.

    If the label is an array or a vector, there is one output for each of its numbers, and predictions are arrays.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises ``1 / sum_i w_i * sum_i w_i loss_i + regParam / 2 * |weights|^2``. Biases are not penalised. The loss of a
    residual r is ``r^2 / 2``, Huber's, or that of a count whose mean is the exponential of the output. The losses of
    several outputs add.

    Attributes
    ----------
    label_width : int
        Numbers of a label that is an array; 0 for a label that is a number.

    Examples
    --------
    >>> from treefold.ml import MultilayerPerceptronRegressor
    >>> frame = spark.createDataFrame([(x / 10, (x / 10) ** 2) for x in range(-10, 11)], ["x", "label"])
    >>> model = MultilayerPerceptronRegressor(featuresCol=["x"], layers=[1, 8, 1], seed=1, maxIter=200).fit(frame)
    >>> model.evaluate(frame).r2 > 0.99
    True
    """

    label_width = 0

    def prepared(self, data: DataFrame) -> Self:
        """A copy that has read from the first row how many numbers a label has, if labels are arrays."""
        ready = super().prepared(data).copy()
        ready.label_width = width_of(data, self.value("labelCol"))
        return ready

    def loss_of(self) -> Loss:
        """What is minimised."""
        name = self.value("loss")
        if name != "huber" and self.changed("epsilon"):
            raise InputError(f"loss {name} reads no epsilon: leave it out, or use loss huber")
        losses: dict[str, Loss] = {
            "squaredError": Squared(), "huber": Huber(self.value("epsilon")), "poisson": Poisson()
        }  # fmt: skip
        return losses[name]

    def fit_batch(
        self, blocks: Blocks, trials: Sequence["MultilayerPerceptronRegressor"], rungs: Rungs | None = None
    ) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`."""
        loss = self.loss_of()
        last = (self.value("layers") or [1])[-1]
        if last != (self.label_width or 1):
            label = f"is an array of {self.label_width}" if self.label_width else "is one number"
            wanted = self.label_width or 1
            raise InputError(f"layers end with {last}, but the label {label}: let layers end with {wanted}")
        if self.label_width == 1:
            raise InputError("the label is an array of one number: make it a number")
        if self.private:
            if self.label_width:
                raise InputError(
                    "solver dpgd takes a label of one number: leave solver out, or fit one label at a time"
                )
            return fit_privately(self, trials, blocks, loss)
        found = data_summary(blocks, classification=False)  # the first pass, which finds the number of features
        layers = self.layers_for(blocks.features - self.label_width)
        loss.check(float(found.moments.low[layers.inputs :].min()))
        network = Network(layers, self.value("activation"), loss)
        return fit_all(self, trials, blocks, network, None, rungs)

    def build_model(self, batch: Batch, passes: list[Pass]) -> "MultilayerPerceptronRegressionModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return MultilayerPerceptronRegressionModel(batch.numpy_models[0], summary_of(batch, passes))


@RegressionModel.register
class MultilayerPerceptronRegressionModel(PerceptronFace, PerceptronValueOptions):
    """Fitted :class:`MultilayerPerceptronRegressor`."""

    summary_kinds = PERCEPTRON_REGRESSION
