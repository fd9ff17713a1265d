"""Platt's calibration: a sigmoid of the score, by maximum likelihood with smoothed targets.

For each score f it minimises ``-sum_i w_i (t_i log p_i + (1 - t_i) log(1 - p_i))`` with ``p = 1 / (1 + exp(-(a f +
b)))``. The target t is ``(N1 + 1) / (N1 + 2)`` for rows of the class and ``1 / (N0 + 2)`` for the others, where N1 and
N0 are the weights of both, so that separable scores have an optimum.

References
----------
Platt, "Probabilistic outputs for support vector machines", Advances in Large Margin Classifiers, 1999, p. 69.
Lin, Lin & Weng, "A note on Platt's probabilistic outputs for support vector machines", Machine Learning 68, 2007, sec.
2: Newton's method with backtracking.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from treefold.algorithms.calibration.scores import events
from treefold.dataset.block import Block
from treefold.dataset.blocks import Scan

MOST_STEPS, MOST_HALVINGS = 100, 30
DECREMENT = 1e-14  # of Newton's method, divided by the loss: a step that gains less ends the fit
DECREASE = 1e-4  # least share of the gain that Newton's model predicts
ROUNDING = 1e-12  # of the loss, which passes may add differently


@dataclass(frozen=True)
class Sigmoid:
    """``p = 1 / (1 + exp(-(a f + b)))`` of each score f.

    Attributes
    ----------
    coef : (scores, 2)
        a and b of each score.
    """

    coef: NDArray

    def chances(self, scores: NDArray) -> NDArray:
        """The probability of each score, ``(rows, scores)``."""
        made: NDArray = expit(scores * self.coef[:, 0] + self.coef[:, 1])
        return made

    def save_state(self) -> dict[str, NDArray]:
        """Arrays from which :meth:`from_state` restores it."""
        return {"sigmoid": self.coef}

    @classmethod
    def from_state(cls, arrays: dict[str, NDArray]) -> "Sigmoid":
        """The sigmoids of saved arrays."""
        return cls(arrays["sigmoid"])


class ClassWeights(NamedTuple):
    """Weight of the rows of the class of each score, and of all others, ``(scores,)``."""

    inside: NDArray
    outside: NDArray


class SigmoidSums(NamedTuple):
    """The loss of each score, its gradient and its second derivatives.

    Attributes
    ----------
    loss : (scores,)
    gradient : (scores, 2)
        By a and b.
    curvature : (scores, 3)
        By a twice, a and b, b twice.
    """

    loss: NDArray
    gradient: NDArray
    curvature: NDArray


def class_weights(block: Block) -> ClassWeights:
    """Weights of the classes in a block of scores."""
    inside = events(block)
    return ClassWeights(block.weight @ inside, block.weight @ ~inside)


def sigmoid_sums(block: Block, coef: NDArray, targets: NDArray) -> SigmoidSums:
    """Loss and derivatives of sigmoids over a block of scores.

    Parameters
    ----------
    block : Block
        Rows whose features are scores.
    coef : (scores, 2)
        a and b of each score.
    targets : (2, scores)
        Targets of the rows of the other classes, and of the class.

    Returns
    -------
    SigmoidSums
    """
    f, w = block.X, block.weight[:, None]
    z = f * coef[:, 0] + coef[:, 1]
    target = np.where(events(block), targets[1], targets[0])
    p = expit(z)
    slope, bend = w * (p - target), w * p * (1 - p)
    return SigmoidSums(
        (w * (np.logaddexp(0.0, z) - target * z)).sum(axis=0),
        np.stack([(slope * f).sum(axis=0), slope.sum(axis=0)], axis=1),
        np.stack([(bend * f**2).sum(axis=0), (bend * f).sum(axis=0), bend.sum(axis=0)], axis=1),
    )


def fit_sigmoid(blocks: Scan) -> Sigmoid:
    """The sigmoid of each score by Newton's method: a pass for each step, for all scores at once.

    Parameters
    ----------
    blocks : Scan
        Rows whose features are scores.

    Returns
    -------
    Sigmoid
    """
    found: ClassWeights = blocks.sum(class_weights)
    targets = np.stack([1 / (found.outside + 2), (found.inside + 1) / (found.inside + 2)])
    coef = np.stack([np.zeros_like(found.inside), np.log((found.inside + 1) / (found.outside + 1))], axis=1)
    now: SigmoidSums = blocks.sum(sigmoid_sums, coef, targets)
    for _ in range(MOST_STEPS):
        step = _newton_step(now)
        gain = -(now.gradient * step).sum(axis=1)
        going = gain > DECREMENT * now.loss
        if not going.any():
            break
        coef, now = _moved(blocks, coef, targets, now, np.where(going[:, None], step, 0.0), gain)
    return Sigmoid(coef)


def _newton_step(sums: SigmoidSums) -> NDArray:
    """Newton's step of each score, whatever its unit; along an axis without curvature it is 0."""
    unit = np.sqrt(sums.curvature[:, [0, 2]])
    unit[unit == 0] = 1.0
    curvature = sums.curvature[:, [[0, 1], [1, 2]]] / (unit[:, :, None] * unit[:, None])
    gradient = (sums.gradient / unit)[:, :, None]
    step: NDArray = -(np.linalg.pinv(curvature, hermitian=True) @ gradient)[:, :, 0] / unit
    return step


def _moved(
    blocks: Scan, coef: NDArray, targets: NDArray, now: SigmoidSums, step: NDArray, gain: NDArray
) -> tuple[NDArray, Any]:
    """The coefficients after a step that is halved until the loss falls enough, or as they were if it never does."""
    length = np.ones(len(coef))
    for _ in range(MOST_HALVINGS):
        trial = coef + length[:, None] * step
        then: SigmoidSums = blocks.sum(sigmoid_sums, trial, targets)
        short = then.loss > now.loss - DECREASE * length * gain + ROUNDING * now.loss
        if not short.any():
            return trial, then
        length[short] /= 2
    length[short] = 0.0
    trial = coef + length[:, None] * step
    return trial, blocks.sum(sigmoid_sums, trial, targets)
