"""Summaries of forests on their training data."""

from typing import Any

from treefold.ml.summaries.base import Trained


class ForestGrowth(Trained):
    """A forest on its training data; ``fit`` is the summary of its fit."""

    @property
    def numTrees(self) -> int:
        """Number of trees."""
        return int(self.fit.numTrees)

    @property
    def totalNumNodes(self) -> int:
        """Number of nodes of all trees."""
        return int(self.fit.totalNumNodes)

    @property
    def depth(self) -> int:
        """Depth of the deepest leaf."""
        return int(self.fit.depth)

    @property
    def levels(self) -> list[int]:
        """Nodes at each depth, of all trees."""
        return list(self.fit.levels)

    @property
    def oobScore(self) -> float | None:
        """Out-of-bag score, accuracy or R2 of a regression; None if it was not requested."""
        score: float | None = self.fit.oobScore
        return score

    @property
    def oobRows(self) -> int:
        """Number of rows that are missing from the sample of at least one tree."""
        return int(self.fit.oobRows)

    @property
    def importances(self) -> dict[str, float]:
        """Importance of each feature by its name."""
        return dict(self.fit.importances)

    @property
    def objectiveHistory(self) -> list[float]:
        """``[0.0]``, as in pyspark.ml: a forest has no objective."""
        return [0.0]

    @property
    def totalIterations(self) -> int:
        """0, as in pyspark.ml."""
        return 0

    @property
    def validationHistory(self) -> list[float]:
        """Empty: no rows are held out."""
        return []

    @property
    def outcome(self) -> str:
        """Why the fit ended."""
        return str(self.to_dict()["outcome"])

    def to_dict(self) -> dict[str, Any]:
        """What a job writes about the fit."""
        return dict(self.fit.to_dict())
