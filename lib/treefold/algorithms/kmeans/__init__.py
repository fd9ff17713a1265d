"""k-means: a batch of models (restarts and numbers of clusters) in the same passes over the data.

Each model minimises ``sum_i w_i min_c |x_i - c|^2`` over its k centres. For the cosine distance rows and centres have
length 1 and the sum is half of that, ``sum_i w_i (1 - cos)``.

====================== ==============================================================================
module                 holds
====================== ==============================================================================
``fit``                the whole fit; ``steps`` has its steps, and ``lloyd`` the solvers that take them
``first_pass``         the first pass: counts, rows of zeros, rows drawn for the start
``start``              the first centres; ``distance_sampling`` draws rows by distance
``clusters``           the statistic: sums over the rows of each cluster
``centres``            the centres of a batch, and the assignment of rows
``kernels``            the loops over rows, with what ``kernels_rows`` does for one row
``silhouette``         the silhouette of a clustering
``model``              the fitted model
``private``            a fit under differential privacy
====================== ==============================================================================
"""

from treefold.algorithms.kmeans.fit import Trial, best_of, fit
from treefold.algorithms.kmeans.model import KMeansModel
from treefold.algorithms.kmeans.start import Start

__all__ = ["KMeansModel", "Start", "Trial", "best_of", "fit"]
