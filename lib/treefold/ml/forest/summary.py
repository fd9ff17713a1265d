"""Summary of the fit of a forest."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from treefold.algorithms.forest import ForestFit, ForestModel
from treefold.algorithms.forest.text import first_levels
from treefold.dataset.blocks import Pass
from treefold.report.charts import BarChart, Chart, RankingChart, TreeChart

SHOWN = 20  # features whose importances are drawn
LEVELS = 3  # levels of a tree that are drawn


@dataclass
class ForestSummary:
    """Summary of a fit.

    Attributes
    ----------
    numTrees, totalNumNodes, depth : int
        Depth is that of the deepest leaf.
    levels : list of int
        Number of nodes at each depth, of all trees.
    oobScore : float or None
        Out-of-bag score: accuracy, or R2 of a regression, where each row is predicted by the trees whose sample does
        not contain it. None if it was not requested.
    oobRows : int
        Number of rows that are missing from the sample of at least one tree.
    importances : dict
        Importance of each feature by its name.
    passes : list of Pass
    """

    numTrees: int
    totalNumNodes: int
    depth: int
    levels: list[int]
    oobScore: float | None
    oobRows: int
    importances: dict[str, float]
    passes: list[Pass] = field(repr=False)
    model: ForestModel = field(repr=False)

    @classmethod
    def of(cls, fitted: ForestFit, names: list[str], passes: list[Pass]) -> "ForestSummary":
        """Summary of a fit.

        Parameters
        ----------
        fitted : ForestFit
            The fit.
        names : list of str
            Names of the features.
        passes : list of Pass
            Passes of the fit.

        Returns
        -------
        ForestSummary
        """
        model = fitted.model
        return cls(
            model.size,
            len(model.feature),
            model.depth,
            [int(n) for n in np.bincount(model.levels)],
            fitted.oob_score,
            fitted.oob_rows,
            dict(zip(names, (float(value) for value in model.importances), strict=True)),
            passes,
            model,
        )

    def to_dict(self) -> dict[str, Any]:
        """What a job writes down."""
        ranked = sorted(self.importances.items(), key=lambda item: -item[1])
        return {
            "iterations": len(self.passes),
            "outcome": "all trees grown",
            "trees": self.numTrees,
            "nodes": self.totalNumNodes,
            "depth": self.depth,
            "oob_score": self.oobScore,
            "importances": [{"feature": name, "importance": value} for name, value in ranked],
        }

    def charts(self) -> list[Chart]:
        """What a report draws."""
        ranked = sorted(self.importances.items(), key=lambda item: -item[1])[:SHOWN]
        names = list(self.importances)
        return [
            RankingChart("Importance of features", "importance", dict(ranked)),
            TreeChart("First levels of the first tree", first_levels(self.model, LEVELS, names)),
            BarChart("Nodes by depth", "depth", "nodes of all trees", {"nodes": self.levels}),
        ]
