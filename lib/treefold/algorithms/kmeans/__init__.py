"""k-means: a batch of models, restarts and numbers of clusters, in the same passes over the data.

Each model minimises ``sum_i w_i min_c |x_i - c|^2`` over its k centres; for the cosine distance rows and centres have
length 1 and the sum is half of that, ``sum_i w_i (1 - cos)``.

``clusters`` is the statistic, ``centres`` and ``kernels`` the assignment below it, ``drawing`` what is drawn from all
rows, ``census`` and ``start`` how centres begin, ``lloyd`` the steps, ``fit`` the loop, ``silhouette`` the measure,
``model`` what is left at the end.
"""

from treefold.algorithms.kmeans.fit import Trial, best_of, fit
from treefold.algorithms.kmeans.model import KMeansModel
from treefold.algorithms.kmeans.start import Start

__all__ = ["KMeansModel", "Start", "Trial", "best_of", "fit"]
