"""How a forest grew."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from treefold.algorithms.forest import ForestFit, ForestModel
from treefold.algorithms.forest.text import first_levels
from treefold.blocks import Pass
from treefold.ml.base import chart

SHOWN = 20  # features whose importances are drawn
LEVELS = 3  # of a tree that are drawn


@dataclass
class ForestSummary:
    """How a fit went.

    Attributes
    ----------
    numTrees, totalNumNodes, depth : int
        Depth of the deepest leaf.
    levels : list of int
        Nodes at each depth, of all trees.
    oobScore : float or None
        Accuracy, or R2 of a regression, of each row under the trees that have not seen it; None if not asked for.
    oobRows : int
        Rows that some tree has not seen.
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
        """Summary of a fit whose features have these names."""
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

    def facts(self) -> dict[str, Any]:
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

    def charts(self) -> list[dict[str, Any]]:
        """What a report draws."""
        ranked = sorted(self.importances.items(), key=lambda item: -item[1])[:SHOWN]
        names = list(self.importances)
        return [
            chart("Importance of features", "importance", "", dict(ranked), kind="ranking"),
            chart("First levels of the first tree", "", "", first_levels(self.model, LEVELS, names), kind="tree"),
            chart("Nodes by depth", "depth", "nodes of all trees", {"nodes": self.levels}, kind="bar"),
        ]
