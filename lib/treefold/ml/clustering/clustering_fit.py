"""How a fit of k-means went: costs, sizes, and the candidates for the number of clusters."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treefold.algorithms.kmeans import Trial, best_of
from treefold.algorithms.kmeans.centres import Centres
from treefold.algorithms.kmeans.clusters import Clusters
from treefold.algorithms.kmeans.silhouette import Silhouettes, groups, silhouettes
from treefold.dataset.blocks import Blocks, Pass
from treefold.optim.status import MEANING
from treefold.report.charts import BarChart, Chart, LineChart


@dataclass(frozen=True)
class Candidate:
    """The best restart for one number of clusters.

    ``silhouette`` and ``simplified_silhouette`` are None if only one number of clusters was fitted, or fewer than two
    clusters have rows.
    """

    k: int
    cost: float
    silhouette: float | None = None
    simplified_silhouette: float | None = None


@dataclass
class ClusteringFit:
    """Summary of a fit.

    Attributes
    ----------
    k : int
    trainingCost : float
        Weighted sum of squared distances from the nearest centres (of 1 - cos for the cosine distance), at the final
        centres.
    clusterSizes : list of int
        Number of rows of positive weight that are nearest to each centre.
    numIter : int
    outcome : str
        Why the fit ended.
    costHistory : list of float
        Cost at the start and after each iteration.
    restarts : list of list of float
        The same for every restart with this k.
    candidates : list of Candidate
        One for each number of clusters that was fitted.
    passes : list of Pass
    privacy : dict, optional
        Of a differentially private fit: what it has spent, and how. Its sizes have noise, and it computes no cost.
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
    privacy: dict[str, float] | None = None

    @classmethod
    def of(cls, trials: list[Trial], candidates: list[Candidate], passes: list[Pass]) -> "ClusteringFit":
        """The summary of a fit.

        Parameters
        ----------
        trials : list of Trial
            The restarts for the chosen number of clusters.
        candidates : list of Candidate
            One entry for each number of clusters.
        passes : list of Pass
            Passes of the fit.

        Returns
        -------
        ClusteringFit
        """
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

    def to_dict(self) -> dict[str, Any]:
        """What a job writes down."""
        if self.privacy:
            found = {"k": self.k, "iterations": self.numIter, "outcome": self.outcome}
            return {**found, "cluster_sizes": self.clusterSizes, **self.privacy}
        facts = {
            "k": self.k,
            "training_cost": self.trainingCost,
            "iterations": self.numIter,
            "outcome": self.outcome,
            "cluster_sizes": self.clusterSizes,
            "restart_costs": [costs[-1] for costs in self.restarts],
        }
        return facts | ({"candidates": [asdict(c) for c in self.candidates]} if len(self.candidates) > 1 else {})

    def charts(self) -> list[Chart]:
        """What a report draws."""
        drawn: list[Chart] = []
        if len(self.candidates) > 1:
            ks, costs = [c.k for c in self.candidates], [c.cost for c in self.candidates]
            drawn += [
                LineChart("Inertia by number of clusters", "k", "inertia (cost)", {"inertia": (ks, costs)}),
                LineChart(
                    "Silhouette by number of clusters", "k", "mean silhouette",
                    {
                        "exact": (ks, [c.silhouette for c in self.candidates]),
                        "simplified": (ks, [c.simplified_silhouette for c in self.candidates]),
                    },
                ),
            ]  # fmt: skip
        if self.restarts:
            names = {f"restart {i}": costs for i, costs in enumerate(self.restarts, 1)}
            drawn.append(LineChart(f"Cost by iteration, k = {self.k}", "iteration", "cost", names))
        sizes = (list(range(self.k)), self.clusterSizes)
        drawn.append(BarChart(f"Cluster sizes, k = {self.k}", "cluster", "rows", {"rows": sizes}))
        return drawn


def candidates_of(blocks: Blocks, trials: list[list[Trial]], cosine: bool) -> list[Candidate]:
    """The best restart of each number of clusters; with several numbers their silhouettes, in one pass for all.

    Parameters
    ----------
    blocks : Blocks
        Rows of the fit.
    trials : list of list[Trial]
        Restarts by number of clusters.
    cosine : bool
        Whether distances are by angle.

    Returns
    -------
    list of Candidate
    """
    best = [best_of(some) for some in trials]
    if len(best) == 1:
        return [Candidate(len(best[0].centres), best[0].cost)]
    batch = Centres.of([trial.centres for trial in best], cosine)
    sums = Clusters(*(np.concatenate(parts) for parts in zip(*(_sums(trial) for trial in best), strict=True)))
    measured = mean_silhouettes(blocks, batch, sums)
    return [Candidate(len(trial.centres), trial.cost, *both) for trial, both in zip(best, measured, strict=True)]


def mean_silhouettes(blocks: Blocks, batch: Centres, sums: Clusters) -> list[tuple[float | None, float | None]]:
    """Mean silhouettes of each model: one pass.

    ``sums`` are the clusters of the same blocks.

    Parameters
    ----------
    blocks : Blocks
        Rows to measure.
    batch : Centres
        Centres of the models.
    sums : Clusters
        Clusters of the same blocks.

    Returns
    -------
    list of tuple
        Exact and simplified silhouette of each model; None if fewer than two clusters have rows.
    """
    found: Silhouettes = blocks.sum(silhouettes, batch, groups(batch, sums))

    def known(total: NDArray) -> list[float | None]:
        return [None if np.isnan(value) else float(value) for value in total / found.weight]

    return list(zip(known(found.exact), known(found.simplified), strict=True))


def _sums(trial: Trial) -> Clusters:
    return Clusters(trial.residual, trial.spread, trial.weight, trial.rows)
