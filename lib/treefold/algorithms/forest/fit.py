"""The fit of a forest: first pass, bins, growth, model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from treefold.algorithms.forest.assemble import model_of, trees_of
from treefold.algorithms.forest.bins import Units, binned, bins_of, units_of
from treefold.algorithms.forest.first_pass import FirstPass, first_pass
from treefold.algorithms.forest.grow import grow
from treefold.algorithms.forest.growth import OPEN, Growth, Plan
from treefold.algorithms.forest.kernels_impurity import ENTROPY, GINI, VARIANCE, Rules
from treefold.algorithms.forest.model import ForestModel
from treefold.algorithms.forest.oob import oob_score
from treefold.algorithms.forest.sampling import candidate_count, sampling
from treefold.dataset.blocks import Blocks, Pass
from treefold.statistics.label_summary import class_factors, warn_of_labels, with_declared

IMPURITIES = {"gini": GINI, "entropy": ENTROPY, "variance": VARIANCE}


@dataclass(frozen=True)
class Settings:
    """Settings of a forest; names and defaults are those of pyspark.ml.

    Attributes
    ----------
    impurity : ``gini``, ``entropy`` or ``variance``
    declared_classes : int, optional
        See :func:`treefold.statistics.label_summary.with_declared`.
    class_weight : optional
        See :func:`treefold.statistics.label_summary.class_factors`.
    categorical : tuple of int
        Features whose values are categories 0, 1, 2, ...
    category_names : tuple of str
        What messages call them; by default by their numbers.
    memory : int
        Bytes of the histograms of a task.
    oob : bool
        Whether to score each row by the trees whose sample does not contain it, in one more pass.
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
    declared_classes: int | None = None
    class_weight: str | Sequence[float] | Mapping[int, float] | None = None
    categorical: tuple[int, ...] = ()
    category_names: tuple[str, ...] = ()
    memory: int = 256 << 20
    oob: bool = False

    @property
    def classification(self) -> bool:
        """Whether labels are classes."""
        return self.impurity != "variance"


class Step(NamedTuple):
    """Progress of a fit after a pass: deepest level, nodes so far, open nodes."""

    depth: int
    nodes: int
    open: int


class ForestFit(NamedTuple):
    """A fitted forest, its out-of-bag score and the number of rows behind it, and the passes over binned rows."""

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
    settings : Settings
        Settings of the forest.
    on_pass : callable, optional
        Called after every pass over binned rows, with a Step and the Pass.

    Returns
    -------
    ForestFit

    Raises
    ------
    InputError
        If labels, weights or categories are bad, or a setting does not fit the data.
    """
    categorical = np.array(settings.categorical, np.intp)
    found = first_pass(blocks, settings.classification, categorical, settings.max_bins, settings.category_names)
    if settings.classification:
        warn_of_labels(blocks, found.labels.classes)
        found = found._replace(labels=with_declared(found.labels, settings.declared_classes))
    wanted = candidate_count(settings.feature_subset, found.features, settings.trees, settings.classification)
    draws = sampling(settings.trees, settings.seed, settings.rate, settings.bootstrap, wanted)
    wanted_weight = settings.class_weight if settings.classification else None
    factors = None if wanted_weight is None else class_factors(wanted_weight, found.labels.classes)
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


def _rules(settings: Settings, units: Units, found: FirstPass) -> Rules:
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
