"""A classifier with calibrated probabilities as a pyspark.ml Estimator."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Self

import numpy as np
from pyspark.ml import Estimator
from pyspark.ml.classification import ProbabilisticClassifier
from pyspark.sql import DataFrame

from treefold.algorithms import calibration
from treefold.dataset.blocks import Blocks, Pass
from treefold.dataset.folds import training
from treefold.dataset.shared_passes import SharedBlocks, share_passes
from treefold.dataset.splits import Stratified, stratified
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.calibration.model import CalibratedClassifierModel
from treefold.ml.calibration.params import CalibratedOptions
from treefold.ml.class_params import ClassTrainable
from treefold.ml.linear.svc import LinearSVC
from treefold.ml.tuning.persistence import ValidatorReader, ValidatorWriter
from treefold.optim.iterate import Rungs
from treefold.optim.status import DIVERGED
from treefold.statistics.label_summary import data_summary

SHARED = (
    "featuresCol", "labelCol", "weightCol", "predictionCol", "rawPredictionCol", "probabilityCol", "classWeight",
    "dtype", "numTasks",
)  # fmt: skip


@ProbabilisticClassifier.register
class CalibratedClassifier(ClassTrainable, CalibratedOptions, Estimator):
    """A classifier whose scores become probabilities by functions that are fitted to rows it has not seen.

    The classifier is fitted without each fold and to all rows, in the same passes. Every row is scored by the model
    that has not seen it, and the calibration is fitted to these scores. The classifier of all rows makes the scores of
    new rows, so a prediction costs what the classifier's costs.

    Parameters
    ----------
    **values
        Values of params by name; see ``explainParams()``.

    Notes
    -----
    It is scikit-learn's ``CalibratedClassifierCV(ensemble=False)``: of two classes the margin is calibrated, of more
    the score of each class against the others, and the probabilities are divided by their sum.

    References
    ----------
    Platt, "Probabilistic outputs for support vector machines", Advances in Large Margin Classifiers, 1999.
    Zadrozny & Elkan, "Transforming classifier scores into accurate multiclass probability estimates", KDD 2002.

    Examples
    --------
    >>> from treefold.ml import CalibratedClassifier, SVC
    >>> rows = [(x / 10, float(x > 10 or x % 5 == 0)) for x in range(21)]
    >>> frame = spark.createDataFrame(rows, ["x", "label"])
    >>> model = CalibratedClassifier(estimator=SVC(featuresCol=["x"], gamma=1.0), folds=3).fit(frame)
    >>> first, last = model.transform(frame).sort("x").select("probability").collect()[::20]
    >>> bool(first.probability[1] < last.probability[1])
    True
    """

    def _set(self, **values: Any) -> Self:
        """Set params; those that this estimator shares with its classifier are the classifier's unless set here."""
        super()._set(**values)
        given = values.get("estimator")
        for name in SHARED:
            if given is not None and given.hasParam(name) and given.isSet(name) and not self.isSet(name):
                super()._set(**{name: given.getOrDefault(name)})
        return self

    def classifier(self) -> Any:
        """A copy of the classifier, with the columns of this estimator.

        Raises
        ------
        InputError
            If it cannot be calibrated.
        """
        inner = self.getOrDefault("estimator").copy() if self.isSet("estimator") else LinearSVC()
        for name in SHARED:
            if self.isSet(name) and inner.hasParam(name):
                inner._set(**{name: self.getOrDefault(name)})
        if inner.hasParam("offsetCol") and inner.value("offsetCol"):
            raise InputError("a classifier with an offsetCol cannot be calibrated: leave offsetCol out")
        if inner.private:
            raise InputError(
                f"a differentially private {type(inner).__name__} cannot be calibrated, because the calibration reads "
                "the rows without noise"
            )
        return inner

    def copy(self, extra: Any = None) -> Self:
        """A copy with a copy of the classifier; both take ``extra``."""
        that = super().copy(extra)
        if self.isSet("estimator"):
            that._paramMap[that.getParam("estimator")] = self.getOrDefault("estimator").copy(extra)
        return that

    @property
    def partial_rows(self) -> int:  # type: ignore[override]
        """See :class:`~treefold.ml.base.ColumnOptions`."""
        return int(self.classifier().partial_rows)

    @property
    def shuffled(self) -> bool:  # type: ignore[override]
        """See :class:`~treefold.ml.base.ColumnOptions`."""
        return bool(self.classifier().shuffled)

    @property
    def lanes(self) -> int:  # type: ignore[override]
        """See :class:`~treefold.ml.base.ColumnOptions`."""
        return int(self.classifier().lanes)

    @property
    def reads_sparse(self) -> bool:  # type: ignore[override]
        """See :class:`~treefold.ml.base.ColumnOptions`."""
        return bool(self.classifier().reads_sparse)

    def columns_of(self, data: DataFrame, *, labelled: bool = True) -> Columns:
        """The columns that the classifier reads."""
        found: Columns = self.classifier().columns_of(data, labelled=labelled)
        return found

    def name_features(self, data: DataFrame, reserved: Collection[str]) -> None:
        """See :class:`~treefold.ml.base.ColumnOptions`."""
        inner = self.classifier()
        inner.name_features(data, reserved)
        self._set(featuresCol=inner.getOrDefault("featuresCol"))

    def prepared(self, data: DataFrame) -> Self:
        """A copy whose classifier has read the metadata of the columns."""
        ready = super().prepared(data)
        ready._paramMap[ready.getParam("estimator")] = self.classifier().prepared(data)
        return ready

    def fit_batch(self, blocks: Blocks, trials: Sequence[Any], rungs: Rungs | None = None) -> Batch:
        """See :class:`~treefold.ml.base.Trainable`; a batch is one fit, which has no rungs."""
        (trial,) = trials
        inner = trial.classifier()
        split = _split(blocks, trial.value("folds"), trial.value("seed"))
        jobs = [_job(inner, split, fold) for fold in range(split.folds)] + [_job(inner, split, None)]

        def tell() -> None:
            self.report(len(blocks.passes), {"fits": len(jobs)}, blocks.passes[-1])

        *folds, whole = share_passes(blocks, jobs, tell)
        models = [batch.numpy_models[0] for batch in folds]
        made, passes = calibration.fit(blocks, split, models, trial.value("method"))
        model = calibration.CalibratedModel(whole.numpy_models[0], made, bool(inner.reads_sparse))
        return whole._replace(numpy_models=[model], details=[(whole.details, passes)])

    def build_model(self, batch: Batch, passes: list[Pass]) -> CalibratedClassifierModel:
        """See :class:`~treefold.ml.base.Trainable`."""
        (model,), ((details, further),) = batch.numpy_models, batch.details
        whole = batch._replace(numpy_models=[model.base], details=details)
        base = self.classifier().build_model(whole, [*passes, *further])
        return CalibratedClassifierModel(model, base.training_summary)

    def write(self) -> Any:
        """Writer of the estimator and its classifier, not fitted."""
        return ValidatorWriter(self)

    @classmethod
    def read(cls) -> Any:
        """Reader of what :meth:`write` wrote."""
        return ValidatorReader(cls)


def _split(blocks: Blocks, folds: int, seed: int) -> Stratified:
    """Folds with rows of every class; two passes."""
    found = data_summary(blocks, classification=True)
    split = stratified(blocks, folds, seed)
    rows = split.counts.sum(axis=0, dtype=np.int64)
    few = np.flatnonzero((found.classes > 0) & (rows < folds))
    if len(few):
        raise InputError(
            f"class {few[0]} has {rows[few[0]]} rows, and folds is {folds}: every fold needs rows of each class, so "
            "use fewer folds"
        )
    return split


def _job(inner: Any, split: Stratified, fold: int | None) -> Callable[[SharedBlocks], Batch]:
    """The fit without a fold, or to all rows."""
    own = inner.copy()

    def job(shared: SharedBlocks) -> Batch:
        batch: Batch = own.fit_batch(shared if fold is None else training(shared, split, fold), [own])
        if batch.status[0] == DIVERGED:
            raise InputError(own.why_diverged())
        return batch

    return job
