"""Linear fits under differential privacy."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.ml.param import TypeConverters

from treefold.algorithms.linear.losses import Loss
from treefold.algorithms.linear.private import Clipping, FeatureClipping, fit_with_noise
from treefold.dataset.blocks import Blocks
from treefold.ml.base import Batch
from treefold.ml.converters import at_least
from treefold.ml.params import Option
from treefold.ml.private_params import PrivateOptions, noise_around, noise_of, spent, teller
from treefold.optim.status import DIVERGED, MAX_ITER
from treefold.privacy.noisy_blocks import Noise, refusal

if TYPE_CHECKING:
    from treefold.ml.linear.fitting import FitOptions

DPGD = "dpgd"
READ = {  # params that a fit by this solver reads, or that have no effect on it
    "featureClip", "stepSize", "regParam", "fitIntercept", "standardization", "family", "threshold", "thresholds",
    "loss", "classes", "aggregationDepth", "labelCol", "rawPredictionCol", "probabilityCol",
}  # fmt: skip


class PrivateLinearOptions(PrivateOptions):
    """Params of solver ``dpgd`` of a linear model."""

    featureClip = Option(
        "featureClip", "the largest norm of the features of a row, with which solver dpgd finds their means and "
        "deviations by a share of the budget, to standardise them; unless it is set, it takes them as they are",
        at_least(1e-300),
    )  # fmt: skip


class PrivateClassOptions(PrivateLinearOptions):
    """Params of solver ``dpgd`` of a classifier."""

    classes = Option(
        "classes", "the number of classes for solver dpgd, which does not count them, >= 2",
        at_least(2, TypeConverters.toInt),
    )  # fmt: skip


def linear_noise(params: "FitOptions") -> Noise:
    """The noise that the params ask for; InputError for a model that has no private fit, or without a budget."""
    if not params.hasParam("privacyEpsilon"):
        raise refusal()
    return noise_of(params, READ, params.value("maxIter") + params.isSet("featureClip"))


def fit_privately(
    params: "FitOptions", trials: Sequence[Any], blocks: Blocks, loss: Loss, link: str, classes: int = 0
) -> Batch:
    """Fit one linear model over blocks with noise.

    Parameters
    ----------
    params : FitOptions
        The estimator.
    trials : sequence of FitOptions
        The estimators to fit: one.
    blocks : Blocks
        The data set.
    loss : Loss
        Loss of the model.
    link : str
        Link of the model.
    classes : int, default 0
        Number of classes; 0 for a regression.

    Returns
    -------
    Batch

    Raises
    ------
    InputError
        If the blocks have no noise, as those of a search.
    """
    noise, steps = noise_around(blocks, trials), params.value("maxIter")
    features = FeatureClipping(params.value("featureClip"), noise.multiplier) if params.isSet("featureClip") else None
    coef = fit_with_noise(
        blocks,
        loss,
        classes if classes > 2 or link == "softmax" else 1,
        Clipping(params.value("clip"), classes, params.value("fitIntercept")),
        ridge=params.value("regParam"),
        step_size=params.value("stepSize"),
        iterations=steps,
        on_step=teller(params, noise, blocks),
        features=features,
    )
    privacy = spent(params, noise)
    model = replace(params.numpy_model(coef, link), privacy=privacy)
    status = np.array([MAX_ITER if np.isfinite(coef).all() else DIVERGED])
    return Batch([model], [[]], np.array([steps]), status, [([], None, privacy)])
