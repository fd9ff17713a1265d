"""How support vector machines were fitted, beside how well they do."""

from typing import Any

from treefold.ml.summaries.base import Trained


class SupportVectorFigures(Trained):
    """Support vector machines on their training data; ``fit`` says how they were fitted."""

    @property
    def primal(self) -> float:
        """What is minimised, of all machines together."""
        return float(self.fit.primal)

    @property
    def dual(self) -> float:
        """What is maximised; never above the primal, but for rounding."""
        return float(self.fit.dual)

    @property
    def gap(self) -> float:
        """``(primal - dual) / max(1, |primal|)``."""
        return float(self.fit.gap)

    @property
    def violation(self) -> float:
        """The largest violation of optimality of any pair of variables of all rows."""
        return float(self.fit.violation)

    @property
    def rounds(self) -> list[Any]:
        """Number, objectives, violation and support vectors after every round."""
        return list(self.fit.rounds)

    @property
    def supportVectors(self) -> int:
        """Number of rows with a coefficient in some machine."""
        return int(self.fit.supportVectors)

    @property
    def boundedSupportVectors(self) -> int:
        """Number of coefficients at their bounds, counted in every machine."""
        return int(self.fit.boundedSupportVectors)

    @property
    def supportVectorsByClass(self) -> list[int]:
        """Number of support vectors of each class; empty of a regression."""
        return list(self.fit.supportVectorsByClass)

    @property
    def kernelRows(self) -> int:
        """Kernel rows that the driver computed."""
        return int(self.fit.kernelRows)

    @property
    def cacheHits(self) -> int:
        """Kernel rows that were found in the cache."""
        return int(self.fit.cacheHits)
