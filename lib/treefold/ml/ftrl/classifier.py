"""The FTRL classifier as a pyspark.ml Estimator and Model."""

from collections.abc import Sequence
from dataclasses import replace

from pyspark.ml import Estimator
from pyspark.ml.classification import ProbabilisticClassificationModel, ProbabilisticClassifier
from pyspark.ml.linalg import DenseVector, Vector

from treefold.algorithms.ftrl.gradient import Objective
from treefold.algorithms.linear import LinearModel
from treefold.algorithms.linear.losses import logistic
from treefold.dataset.blocks import Blocks, Pass
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.class_params import ClassTrainable
from treefold.ml.ftrl.fitting import FtrlTrainable
from treefold.ml.ftrl.params import FtrlClassOptions
from treefold.ml.ftrl.summary import summary_of
from treefold.ml.linear.classifiers import LinearClassifierFace
from treefold.ml.summaries.kinds import LOGISTIC
from treefold.optim.iterate import Rungs
from treefold.statistics.label_summary import class_factors, label_summary, warn_of_labels, with_declared


@ProbabilisticClassifier.register
class FTRLClassifier(FtrlTrainable, ClassTrainable, FtrlClassOptions, Estimator):
    """Logistic regression of two classes by FTRL-Proximal or AdaGrad, with the coefficients on a parameter server.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    Minimises ``1 / sum_i w_i * sum_i w_i log-loss_i + regParam * ((1 - a) / 2 * |coef|_2^2 + a * |coef|_1)`` with
    ``a = elasticNetParam``, online: it approaches the minimum with ``maxIter``, the number of passes over the rows. It
    is the objective of :class:`LogisticRegression` without ``standardization``.

    References
    ----------
    McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013.
    Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic optimization", Journal of
    Machine Learning Research 12, 2011, section 5.1.

    Examples
    --------
    >>> from treefold.ml import FTRLClassifier
    >>> rows = [(-2.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (1.0, 0.0), (2.0, 1.0), (3.0, 1.0)]
    >>> frame = spark.createDataFrame(rows, ["x", "label"])
    >>> model = FTRLClassifier(featuresCol=["x"], regParam=0.1, maxIter=30).fit(frame)
    >>> model.coefficients.size, model.numClasses
    (1, 2)
    >>> [row.prediction for row in model.transform(frame).sort("x").collect()]
    [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    """

    def fit_batch(self, blocks: Blocks, trials: Sequence["FTRLClassifier"], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`; a batch is one fit, which has no rungs."""
        (trial,) = trials
        found = label_summary(blocks, classification=True)
        warn_of_labels(blocks, found.classes)
        found, given = with_declared(found, trial.declared_classes), trial.value("classWeight")
        if len(found.classes) > 2:
            raise InputError(
                f"FTRLClassifier takes two classes, but '{trial.value('labelCol')}' has {len(found.classes)}: use "
                "LogisticRegression, or OneVsRest"
            )
        factors = None if given is None else class_factors(given, found.classes)
        batch = trial.fitted(blocks, Objective(logistic, trial.value("fitIntercept"), factors), "logistic")
        models = [replace(model, threshold=trial.value("threshold")) for model in batch.numpy_models]
        return batch._replace(numpy_models=models)

    def build_model(self, batch: Batch, passes: list[Pass]) -> "FTRLClassificationModel":
        """See :class:`~treefold.ml.base.Trainable`."""
        return FTRLClassificationModel(batch.numpy_models[0], summary_of(batch, passes))


@ProbabilisticClassificationModel.register
class FTRLClassificationModel(LinearClassifierFace, FtrlClassOptions):
    """Fitted :class:`FTRLClassifier`."""

    outputs = ("rawPrediction", "probability", "prediction")
    summary_kinds = LOGISTIC

    def predictProbability(self, value: Vector) -> DenseVector:
        """Probabilities by class for one vector of features."""
        return DenseVector(self.numpy_model.probability(value.toArray()[None])[0])

    def scoring(self) -> LinearModel:
        """The NumPy model with this model's threshold."""
        return replace(self.numpy_model, threshold=self.value("threshold"))
