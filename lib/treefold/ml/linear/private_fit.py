"""Linear fits under differential privacy: from params to noise."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.ml.param import TypeConverters

from treefold.algorithms.linear.losses import Loss
from treefold.algorithms.linear.private import Clipping, fit_with_noise
from treefold.dataset.blocks import Blocks
from treefold.errors import InputError
from treefold.ml.base import Batch
from treefold.ml.converters import at_least, between
from treefold.ml.params import Option, Options
from treefold.optim.status import DIVERGED, MAX_ITER
from treefold.persistence.checkpointed_blocks import CheckpointedBlocks
from treefold.privacy.accountant import epsilon_spent, noise_multiplier
from treefold.privacy.noisy_blocks import Noise, NoisyBlocks, refusal

if TYPE_CHECKING:
    from treefold.ml.linear.fitting import FitOptions

DPGD = "dpgd"
READ = {  # params that a fit by this solver reads, or that have no effect on it
    "solver", "stepSize", "maxIter", "regParam", "fitIntercept", "standardization", "family", "threshold", "thresholds",
    "loss", "dtype", "numTasks", "privacyEpsilon", "privacyDelta", "clip", "classes", "aggregationDepth",
    "maxBlockSizeInMB", "featuresCol", "labelCol", "weightCol", "predictionCol", "rawPredictionCol", "probabilityCol",
}  # fmt: skip


class PrivateOptions(Options):
    """Params of solver ``dpgd``."""

    privacyEpsilon = Option(
        "privacyEpsilon", "the epsilon of differential privacy that a fit by solver dpgd may spend, > 0",
        between(0, 1000),
    )  # fmt: skip
    privacyDelta = Option(
        "privacyDelta", "the delta of differential privacy for solver dpgd, in (0, 1)", between(0, 1), 1e-6
    )
    clip = Option("clip", "the largest norm of the gradient of a row for solver dpgd, > 0", at_least(1e-300), 1.0)


class PrivateClassOptions(PrivateOptions):
    """Params of solver ``dpgd`` of a classifier."""

    classes = Option(
        "classes", "the number of classes for solver dpgd, which does not count them, >= 2",
        at_least(2, TypeConverters.toInt),
    )  # fmt: skip


def noise_of(params: "FitOptions") -> Noise:
    """The noise that the params ask for; InputError without a budget, or for params that the solver does not read."""
    if not params.hasParam("privacyEpsilon"):
        raise refusal()
    if not params.isSet("privacyEpsilon"):
        raise InputError("solver dpgd spends a privacy budget: set privacyEpsilon")
    for param in params.params:
        if param.name not in READ and params.changed(param.name):
            raise InputError(f"solver dpgd reads no {param.name}: leave it out")
    passes = params.value("maxIter")
    if passes < 1:
        raise InputError("solver dpgd takes at least one step: raise maxIter")
    return Noise(noise_multiplier(params.value("privacyEpsilon"), params.value("privacyDelta"), passes), passes)


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
    noisy = blocks.blocks if isinstance(blocks, CheckpointedBlocks) else blocks
    if len(trials) != 1 or not isinstance(noisy, NoisyBlocks):
        raise InputError("solver dpgd is for fit alone: a search would look at the rows without noise")
    noise, delta = noisy.noise, params.value("privacyDelta")
    outputs = classes if classes > 2 or link == "softmax" else 1

    def told(step: int) -> None:
        spent = epsilon_spent(noise.multiplier, delta, step)
        params.report(step, {"epsilon spent": spent}, blocks.passes[-1])

    steps = params.value("maxIter")
    coef = fit_with_noise(
        blocks,
        loss,
        outputs,
        Clipping(params.value("clip"), classes, params.value("fitIntercept")),
        ridge=params.value("regParam"),
        step_size=params.value("stepSize"),
        iterations=steps,
        on_step=told,
    )
    privacy = {
        "epsilon": epsilon_spent(noise.multiplier, delta, steps),
        "delta": delta,
        "clip": params.value("clip"),
        "noise_multiplier": noise.multiplier,
    }
    model = replace(params.numpy_model(coef, link), privacy=privacy)
    status = np.array([MAX_ITER if np.isfinite(coef).all() else DIVERGED])
    return Batch([model], [[]], np.array([steps]), status, [([], None, privacy)])
