"""Fits under differential privacy: from the params of the budget to noise, and what a fit has spent."""

from collections.abc import Callable, Sequence
from typing import Any

from treefold.dataset.blocks import Blocks
from treefold.errors import InputError
from treefold.ml.base import Trainable
from treefold.ml.converters import at_least, between
from treefold.ml.params import Option, Options
from treefold.persistence.checkpointed_blocks import CheckpointedBlocks
from treefold.privacy.accountant import epsilon_spent, noise_multiplier
from treefold.privacy.noisy_blocks import Noise, NoisyBlocks, search_refusal

BUDGET = ("privacyEpsilon", "privacyDelta", "clip")
READ = {  # params that every private fit reads, or that have no effect on it
    *BUDGET, "solver", "maxIter", "dtype", "numTasks", "maxBlockSizeInMB", "featuresCol", "weightCol", "predictionCol",
}  # fmt: skip


class PrivateOptions(Options):
    """The budget of a differentially private fit."""

    privacyEpsilon = Option(
        "privacyEpsilon", "the epsilon of differential privacy that a private fit may spend, > 0", between(0, 1000)
    )
    privacyDelta = Option(
        "privacyDelta", "the delta of differential privacy of a private fit, in (0, 1)", between(0, 1), 1e-6
    )
    clip = Option(
        "clip", "the largest norm of what a row adds to a private fit: of its gradient, or in k-means of its features; "
        "> 0", at_least(1e-300), 1.0,
    )  # fmt: skip


def noise_of(params: Trainable, read: set[str], passes: int) -> Noise:
    """The noise of a private fit.

    Parameters
    ----------
    params : Trainable
        The estimator.
    read : set of str
        Names of the params that its private solver reads besides ``READ``.
    passes : int
        Passes with noise.

    Returns
    -------
    Noise

    Raises
    ------
    InputError
        Without a budget or a step, or for a changed param that the solver does not read.
    """
    solver = params.value("solver")
    if not params.isSet("privacyEpsilon"):
        raise InputError(f"solver {solver} spends a privacy budget: set privacyEpsilon")
    for param in params.params:
        if param.name not in READ | read and params.changed(param.name):
            raise InputError(f"solver {solver} reads no {param.name}: leave it out")
    if params.value("maxIter") < 1:
        raise InputError(f"solver {solver} takes at least one step: raise maxIter")
    return Noise(noise_multiplier(params.value("privacyEpsilon"), params.value("privacyDelta"), passes), passes)


def refuse_budget(params: Trainable, solver: str) -> None:
    """Raise InputError if a budget is set for a solver that spends none."""
    for name in BUDGET:
        if params.changed(name):
            raise InputError(f"solver {params.value('solver')} reads no {name}: leave it out, or use {solver}")


def noise_around(blocks: Blocks, trials: Sequence[Any]) -> Noise:
    """The noise of blocks for one fit; InputError if they have none, as those of a search, or for several fits."""
    noisy = blocks.blocks if isinstance(blocks, CheckpointedBlocks) else blocks
    if len(trials) != 1 or not isinstance(noisy, NoisyBlocks):
        raise search_refusal()
    return noisy.noise


def teller(params: Trainable, noise: Noise, blocks: Blocks) -> Callable[[int], None]:
    """A function that tells the watcher of an estimator what a number of passes has spent.

    Parameters
    ----------
    params : Trainable
        The estimator.
    noise : Noise
        Noise of the passes.
    blocks : Blocks
        The data set, whose last pass is told.

    Returns
    -------
    callable
    """

    def tell(passes: int) -> None:
        spent = epsilon_spent(noise.multiplier, params.value("privacyDelta"), passes)
        params.report(passes, {"epsilon spent": spent}, blocks.passes[-1])

    return tell


def spent(params: Trainable, noise: Noise) -> dict[str, float]:
    """What a private fit has spent, as models and metrics say it."""
    delta = params.value("privacyDelta")
    return {
        "epsilon": epsilon_spent(noise.multiplier, delta, noise.passes),
        "delta": delta,
        "clip": params.value("clip"),
        "noise_multiplier": noise.multiplier,
    }
