"""Random forests: all trees grow in the same passes over binned rows and do not depend on the partitioning.

=================== =================================================================================
module              holds
=================== =================================================================================
``fit``             the whole fit
``first_pass``      the first pass: labels, categories, quantile sketches
``bins``            cut points, and rows as bin numbers
``sampling``        bootstrap weights and the features that a node may split by
``histograms``      the statistic of a level
``best``            the best splits of a level; ``kernels_split`` and ``kernels_categories`` have its loops
``growth``          the state of the growing trees; ``grow`` is the loop
``assemble``        grown nodes become a ``ForestModel`` (``model``)
``oob``             the out-of-bag score
``permutation``     permutation importances
=================== =================================================================================
"""

from treefold.algorithms.forest.fit import ForestFit, Settings, Step, fit
from treefold.algorithms.forest.model import ForestModel

__all__ = ["ForestFit", "ForestModel", "Settings", "Step", "fit"]
