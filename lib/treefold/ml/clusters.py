"""How a clustering went: costs, sizes, silhouettes."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from treefold.algorithms.kmeans import Trial, best_of
from treefold.algorithms.kmeans.centres import Centres
from treefold.algorithms.kmeans.clusters import Clusters
from treefold.algorithms.kmeans.silhouette import Silhouettes, groups, silhouettes
from treefold.blocks import Blocks, Pass
from treefold.ml.base import chart
from treefold.solvers.status import MEANING


@dataclass(frozen=True)
class Candidate:
    """The best of the restarts for one number of clusters.

    ``silhouette`` and ``simplified_silhouette`` are None where only one number of clusters was asked for, or there are
    not two clusters with rows.
    """

    k: int
    cost: float
    silhouette: float | None = None
    simplified_silhouette: float | None = None


@dataclass
class ClusteringSummary:
    """How a fit went.

    Attributes
    ----------
    k : int
    trainingCost : float
        Weighted sum of squared distances from the nearest centres (of 1 - cos, for the cosine), at the final centres.
    clusterSizes : list of int
        Rows of positive weight nearest to each centre.
    numIter : int
    outcome : str
        Why it ended.
    costHistory : list of float
        Cost at the start and after each iteration.
    restarts : list of list of float
        The same for every restart with this k.
    candidates : list of Candidate
        One for each number of clusters that was fitted.
    passes : list of Pass
    """

    k: int
    trainingCost: float
    clusterSizes: list[int]
    numIter: int
    outcome: str
    costHistory: list[float]
    restarts: list[list[float]]
    candidates: list[Candidate]
    passes: list[Pass] = field(repr=False)
    predictionCol: str = "prediction"
    transformed: Callable[[], DataFrame] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, trials: list[Trial], candidates: list[Candidate], passes: list[Pass]) -> "ClusteringSummary":
        """Summary of the restarts for the chosen k."""
        best = best_of(trials)
        return cls(
            len(best.centres),
            best.cost,
            [int(rows) for rows in best.rows],
            best.iterations,
            MEANING[best.status],
            best.costs,
            [trial.costs for trial in trials],
            candidates,
            passes,
        )

    @property
    def predictions(self) -> DataFrame:
        """The training data with the model's columns."""
        if self.transformed is None:
            raise RuntimeError("this summary does not know its data")
        return self.transformed()

    @property
    def cluster(self) -> DataFrame:
        """The clusters of the training data alone."""
        return self.predictions.select(self.predictionCol)

    def facts(self) -> dict[str, Any]:
        """What a job writes down."""
        facts = {
            "k": self.k,
            "training_cost": self.trainingCost,
            "iterations": self.numIter,
            "outcome": self.outcome,
            "cluster_sizes": self.clusterSizes,
            "restart_costs": [costs[-1] for costs in self.restarts],
        }
        return facts | ({"candidates": [asdict(c) for c in self.candidates]} if len(self.candidates) > 1 else {})

    def charts(self) -> list[dict[str, Any]]:
        """What a report draws."""
        drawn = []
        if len(self.candidates) > 1:
            ks, costs = [c.k for c in self.candidates], [c.cost for c in self.candidates]
            drawn += [
                chart("Inertia by number of clusters", "k", "inertia (cost)", {"inertia": (ks, costs)}),
                chart(
                    "Silhouette by number of clusters", "k", "mean silhouette",
                    {
                        "exact": (ks, [c.silhouette for c in self.candidates]),
                        "simplified": (ks, [c.simplified_silhouette for c in self.candidates]),
                    },
                ),
            ]  # fmt: skip
        names = {f"restart {i}": costs for i, costs in enumerate(self.restarts, 1)}
        drawn.append(chart(f"Cost by iteration, k = {self.k}", "iteration", "cost", names))
        sizes = (list(range(self.k)), self.clusterSizes)
        drawn.append(chart(f"Cluster sizes, k = {self.k}", "cluster", "rows", {"rows": sizes}, kind="bar"))
        return drawn


def candidates_of(blocks: Blocks, trials: list[list[Trial]], cosine: bool) -> list[Candidate]:
    """The best of each number of clusters; where there are several numbers, their silhouettes, in one pass for all."""
    best = [best_of(some) for some in trials]
    if len(best) == 1:
        return [Candidate(len(best[0].centres), best[0].cost)]
    batch = Centres.of([trial.centres for trial in best], cosine)
    sums = Clusters(*(np.concatenate(parts) for parts in zip(*(_sums(trial) for trial in best), strict=True)))
    measured = mean_silhouettes(blocks, batch, sums)
    return [Candidate(len(trial.centres), trial.cost, *both) for trial, both in zip(best, measured, strict=True)]


def mean_silhouettes(blocks: Blocks, batch: Centres, sums: Clusters) -> list[tuple[float | None, float | None]]:
    """Exact and simplified silhouette of each model, None where there are not two clusters with rows: one pass.

    ``sums`` are the clusters of the same blocks.
    """
    found: Silhouettes = blocks.sum(silhouettes, batch, groups(batch, sums))

    def known(total: NDArray) -> list[float | None]:
        return [None if np.isnan(value) else float(value) for value in total / found.weight]

    return list(zip(known(found.exact), known(found.simplified), strict=True))


def _sums(trial: Trial) -> Clusters:
    return Clusters(trial.residual, trial.spread, trial.weight, trial.rows)
