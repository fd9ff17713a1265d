"""A forest from blocks: survey, bins, growth, model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.forest.assemble import model_of, trees_of
from treefold.algorithms.forest.bins import Units, binned, bins_of, units_of
from treefold.algorithms.forest.census import Census, census
from treefold.algorithms.forest.grow import grow
from treefold.algorithms.forest.growth import OPEN, Growth, Plan
from treefold.algorithms.forest.kernels_impurity import ENTROPY, GINI, VARIANCE, Rules
from treefold.algorithms.forest.model import ForestModel
from treefold.algorithms.forest.oob import oob_score
from treefold.algorithms.forest.sampling import candidate_count, sampling
from treefold.blocks import Blocks, Pass
from treefold.errors import InputError

IMPURITIES = {"gini": GINI, "entropy": ENTROPY, "variance": VARIANCE}


@dataclass(frozen=True)
class Settings:
    """What a forest shall be; names and defaults are those of pyspark.ml.

    Attributes
    ----------
    impurity : ``gini``, ``entropy`` or ``variance``
    class_weight : ``balanced``, a weight for each class, or None
        Balanced classes weigh the same in all: ``sum(w) / (classes * sum(w of the class))``.
    categorical : features whose values are categories 0, 1, 2, ...
    memory : int
        Bytes of the histograms of a task.
    oob : bool
        Whether to score each row by the trees that have not seen it, in one more pass.
    """

    impurity: str
    trees: int = 20
    max_depth: int = 5
    max_bins: int = 32
    min_rows: int = 1
    min_weight_share: float = 0.0
    min_gain: float = 0.0
    feature_subset: str = "auto"
    rate: float = 1.0
    bootstrap: bool = True
    seed: int = 0
    class_weight: str | Sequence[float] | None = None
    categorical: tuple[int, ...] = ()
    memory: int = 256 << 20
    oob: bool = False

    @property
    def classification(self) -> bool:
        """Whether labels are classes."""
        return self.impurity != "variance"


class Step(NamedTuple):
    """Where a fit stands after a pass: deepest level, nodes so far, nodes still open."""

    depth: int
    nodes: int
    open: int


class ForestFit(NamedTuple):
    """A fitted forest, its out-of-bag score and the rows behind it, and the passes over binned rows."""

    model: ForestModel
    oob_score: float | None
    oob_rows: int
    steps: list[Step]
    passes: list[Pass]


def fit(blocks: Blocks, settings: Settings, on_pass: Callable[[Step, Pass], None] | None = None) -> ForestFit:
    """Grow a forest: one pass for quantiles, then one for each level (or group of nodes) of all trees.

    Parameters
    ----------
    blocks : Blocks
        Features may be NaN.

    Raises
    ------
    InputError
        If labels, weights or categories are bad, or a setting does not fit the data.
    """
    categorical = np.array(settings.categorical, np.intp)
    found = census(blocks, settings.classification, categorical, settings.max_bins)
    wanted = candidate_count(settings.feature_subset, found.features, settings.trees, settings.classification)
    draws = sampling(settings.trees, settings.seed, settings.rate, settings.bootstrap, wanted)
    factors = _class_weight(settings.class_weight, found) if settings.classification else None
    units = units_of(found, len(draws.table), factors)
    bins = bins_of(found, categorical, settings.max_bins)
    rules = _rules(settings, units, found)
    plan = Plan(bins, units, rules, draws, settings.max_depth, settings.memory)
    at_rest, steps = blocks.map(binned, bins, units), []

    def tell(growth: Growth) -> None:
        steps.append(Step(int(growth.depth.max()), len(growth.nodes.tree), int((growth.state >= OPEN).sum())))
        if on_pass:
            on_pass(steps[-1], at_rest.passes[-1])

    try:
        nodes, tables = grow(at_rest, plan, tell)
        model = model_of(nodes, tables, plan, found)
        score, rows = None, 0
        if settings.oob:
            score, rows = oob_score(at_rest, trees_of(nodes, tables), model.value, draws, units)
        return ForestFit(model, score, rows, steps, list(at_rest.passes))
    finally:
        at_rest.close()


def _class_weight(wanted: str | Sequence[float] | None, found: Census) -> NDArray:
    weight = found.labels.classes
    if wanted is None:
        return np.ones(len(weight))
    if isinstance(wanted, str):
        return np.divide(weight.sum(), len(weight) * weight, out=np.ones(len(weight)), where=weight > 0)
    if len(wanted) < len(weight):
        raise InputError(f"there are {len(wanted)} class weights but {len(weight)} classes: give one for each class")
    factors = np.asarray(wanted, np.float64)[: len(weight)]
    if not weight @ factors > 0:
        raise InputError("every class that occurs has class weight 0: give one a positive weight")
    return factors


def _rules(settings: Settings, units: Units, found: Census) -> Rules:
    classes = len(units.class_weight)
    total = float(found.labels.classes @ units.class_weight) if classes else found.labels.moments.weight
    return Rules(
        IMPURITIES[settings.impurity],
        classes or 1,
        units.counted,
        1.0 if classes else 1 / units.square_scale,
        float(settings.min_rows),
        settings.min_weight_share * total / units.weight,
        settings.min_gain if classes else settings.min_gain / units.mean_scale**2,
    )
