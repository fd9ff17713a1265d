"""Isotonic calibration: the probability is a function of the score that never decreases, the nearest to the labels.

It minimises ``sum_i w_i (y_i - p(f_i))^2``, with y = 1 for rows of the class, over nondecreasing p. The sums of rows
with equal scores are all that the optimum depends on, so one pass makes a sketch of the scores and the driver solves
the problem on it. Up to 16,384 different scores it is exact; beyond that, the rows of a bin of the sketch count as rows
of equal scores.

References
----------
Zadrozny & Elkan, "Transforming classifier scores into accurate multiclass probability estimates", KDD 2002.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from treefold.algorithms.calibration.scores import events
from treefold.dataset.block import Block
from treefold.dataset.blocks import Scan, add
from treefold.statistics.histogram_sketch import LIMIT, Sketch, sketches


@dataclass(frozen=True)
class Isotonic:
    """Nondecreasing functions of the scores, linear between points and constant outside of them.

    Attributes
    ----------
    score, chance : (points,)
        Points of all functions, one function after the other.
    ends : (scores,) int
        Where the points of each function end.
    """

    score: NDArray
    chance: NDArray
    ends: NDArray

    def chances(self, scores: NDArray) -> NDArray:
        """The probability of each score, ``(rows, scores)``; NaN for NaN."""
        parts = zip(np.split(self.score, self.ends[:-1]), np.split(self.chance, self.ends[:-1]), strict=True)
        return np.stack([np.interp(scores[:, k], *part) for k, part in enumerate(parts)], axis=1)

    def save_state(self) -> dict[str, NDArray]:
        """Arrays from which :meth:`from_state` restores it."""
        return {"score": self.score, "chance": self.chance, "ends": self.ends}

    @classmethod
    def from_state(cls, arrays: dict[str, NDArray]) -> "Isotonic":
        """The functions of saved arrays."""
        return cls(arrays["score"], arrays["chance"], arrays["ends"])


class ScoreSketches(NamedTuple):
    """Weight of the rows of the other classes and of the class, by score.

    Attributes
    ----------
    sketch : (scores,) of Sketch
    """

    sketch: NDArray


def score_sketches(block: Block, limit: int) -> ScoreSketches:
    """Sketches of a block of scores.

    Parameters
    ----------
    block : Block
        Rows whose features are scores.
    limit : int
        Greatest number of bins of a sketch.

    Returns
    -------
    ScoreSketches
    """
    inside, w = events(block).T, block.weight
    return ScoreSketches(sketches(block.X.T, np.stack([~inside * w, inside * w]), limit))


def fit_isotonic(blocks: Scan, limit: int = LIMIT) -> Isotonic:
    """The isotonic regression of each score: one pass.

    Parameters
    ----------
    blocks : Scan
        Rows whose features are scores.
    limit : int, default LIMIT
        Different scores up to which the result is exact.

    Returns
    -------
    Isotonic
    """
    found: ScoreSketches = blocks.reduce(score_sketches, limit, merge=add)
    points = [_points(sketch) for sketch in found.sketch]
    score, chance = (np.concatenate(part) for part in zip(*points, strict=True))
    return Isotonic(score, chance, np.cumsum([len(each) for each, _ in points]))


def _points(sketch: Sketch) -> tuple[NDArray, NDArray]:
    """Ends of the steps of the optimum."""
    weight = sketch.weight.sum(axis=0)
    chance = isotonic_regression(sketch.weight[1] / weight, weights=weight).x
    differs = np.diff(chance) != 0
    kept = np.append(True, differs) | np.append(differs, True)
    return sketch.value[kept], chance[kept]
