"""Linear estimators: from params to a fit over blocks."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from treefold.algorithms.linear import LinearFit, LinearModel, fit
from treefold.algorithms.linear.gram import Gram
from treefold.algorithms.linear.losses import Loss
from treefold.dataset.blocks import Blocks
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.early_stopping_params import ValidatedTrainable
from treefold.ml.linear.params import LinearOptions
from treefold.ml.linear.private_fit import DPGD, linear_noise
from treefold.ml.linear.solver_params import GRAM_ROWS
from treefold.optim.iterate import Rungs
from treefold.persistence import model_io
from treefold.privacy.noisy_blocks import NoisyBlocks
from treefold.statistics.label_summary import DataSummary


class FitOptions(ValidatedTrainable, LinearOptions):
    """An estimator of a linear model."""

    batched = frozenset({"regParam", "elasticNetParam", "tol", "maxIter", "stepSize", "threshold"})
    simpler = {"regParam": 1}

    def why_diverged(self) -> str:
        """The error message of a fit that diverged."""
        return (
            f"the fit diverged: stepSize {self.value('stepSize'):g} is too large for stepRule "
            f"{self.value('stepRule')}; lower it, or use solver gd with stepRule backtracking"
        )

    @property
    def partial_rows(self) -> int:  # type: ignore[override]
        """More rows for solvers that sum a square matrix; the number of features is not known yet."""
        return GRAM_ROWS if self.value("solver") in ("newton", "normal") else 1

    @property
    def shuffled(self) -> bool:  # type: ignore[override]
        """For local descent: descents over blocks of one class each would end far from each other."""
        return bool(self.value("solver") == "localsgd")

    def first(self, outputs: int, features: int) -> np.ndarray | None:
        """Coefficients of the initial model, or None.

        Parameters
        ----------
        outputs, features : int
            Shape of the coefficients to fit.

        Returns
        -------
        (outputs, features + 1) or None

        Raises
        ------
        InputError
            If it is not a linear model of this shape.
        """
        if not self.isSet("initialModel"):
            return None
        path = self.value("initialModel")
        saved = model_io.load(path)
        if not isinstance(saved, LinearModel):
            raise InputError(f"{path} holds a {type(saved).__name__}: initialModel is a saved linear model")
        if saved.coef.shape != (outputs, features + 1):
            raise InputError(
                f"{path} has {len(saved.coef)} outputs of {saved.features} features, but {outputs} of {features} are "
                "to be fitted: take another initialModel"
            )
        return saved.coef

    def numpy_model(self, coef: np.ndarray, link: str) -> LinearModel:
        """The NumPy model of fitted coefficients, ``(outputs, features + 1)``."""
        return LinearModel(coef, link)

    @property
    def private(self) -> bool:
        """Whether the fit is differentially private."""
        return bool(self.value("solver") == DPGD)

    def with_noise(self, blocks: Blocks) -> Blocks:
        """See :class:`~treefold.ml.base.Trainable`."""
        return NoisyBlocks(blocks, linear_noise(self)) if self.private else blocks


def fit_all(
    params: FitOptions,
    trials: Sequence[FitOptions],
    blocks: Blocks,
    loss: Loss,
    found: DataSummary | Gram,
    link: str,
    rungs: Rungs | None,
    **options: Any,
) -> Batch:
    """Fit linear models that differ only in ``batched`` params; every pass is reported to the watcher of ``params``.

    Parameters
    ----------
    params : FitOptions
        The estimator whose watcher is called.
    trials : sequence of FitOptions
        The estimators to fit.
    blocks : Blocks
        The data set.
    loss : Loss
        Loss of the models.
    found : DataSummary or Gram
        Summary of the training rows.
    link : str
        Link of the models; see :class:`treefold.algorithms.linear.batch.LinearBatch`.
    rungs : Rungs or None
        Its ``select`` is called with the current Batch.
    **options
        Further arguments of :func:`treefold.algorithms.linear.fit`.

    Returns
    -------
    Batch

    Raises
    ------
    InputError
        If a param has been changed that nothing reads, or as ``fit``.
    """
    for trial in trials:
        trial.check_read()
    seen = found.data_summary if isinstance(found, Gram) else found
    outputs, features = loss.start(seen).n_linear, blocks.features
    result = partial(_batch, params.with_offset, trials, found, link)
    ridge, lasso = _strengths(trials, seen, loss)
    step_size, max_iter = each(trials, "stepSize"), each(trials, "maxIter")
    fitted = fit(
        blocks,
        loss,
        found,
        ridge=ridge,
        lasso=lasso,
        start=params.first(outputs, features),
        bounds=params.bounds_of(outputs, features),
        with_offset=params.with_offset,
        validation=params.split(),
        patience=params.value("earlyStoppingRounds"),
        intercept=params.value("fitIntercept"),
        standardize=params.value("standardization"),
        solver=params.solver_of(loss, features, step_size, int(max_iter.max()), params.validated),
        seed=params.value("seed"),
        max_iter=max_iter,
        tol=each(trials, "tol"),
        on_step=lambda state: params.report_state(state, blocks.passes[-1]),
        rungs=rungs and rungs.through(result),
        **options,
    )
    return result(fitted)


def each(trials: Sequence[FitOptions], name: str) -> np.ndarray:
    """The value of a param in each trial."""
    return np.array([trial.value(name) for trial in trials])


def _strengths(trials: Sequence[FitOptions], seen: DataSummary, loss: Loss) -> tuple[np.ndarray, np.ndarray]:
    """Strengths of the L2 and L1 penalties of each trial.

    In pyspark.ml and glmnet, regParam is the strength for a label of unit variance.
    """
    strength, l1 = each(trials, "regParam"), each(trials, "elasticNetParam")
    unit = seen.moments.label_deviation if loss.homogeneity == 2 else 1.0
    return (1 - l1) * strength / unit, l1 * strength


def _batch(
    with_offset: bool, trials: Sequence[FitOptions], found: DataSummary | Gram, link: str, fitted: LinearFit
) -> Batch:
    """The models of the trials, with what their summaries need."""
    numpy_models = [
        replace(trial.numpy_model(coef, link), with_offset=with_offset)
        for trial, coef in zip(trials, fitted.coef, strict=True)
    ]
    held = fitted.held or [[]] * len(trials)
    strengths = each(trials, "regParam")
    products = [found if isinstance(found, Gram) and strength == 0 else None for strength in strengths]
    return Batch(
        numpy_models, fitted.objective, fitted.iterations, fitted.status, list(zip(held, products, strict=True))
    )
