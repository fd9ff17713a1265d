"""k-means models as ONNX graphs."""

import numpy as np

from treefold.algorithms.kmeans import KMeansModel
from treefold.interchange.onnx.graph import Graph


def kmeans(model: KMeansModel) -> Graph:
    """Graph of a k-means model: the nearest centre from products, its distance from differences."""
    mean = model.centres.mean(axis=0)  # products about the mean lose no digits if rows are far from zero
    moved = model.centres - mean
    constants = {
        "mean": mean, "moved": moved.T.copy(), "half": (moved**2).sum(axis=1) / 2, "centres": model.centres,
        "one": np.array([1]), "none": np.array(-1), "nan": np.array(np.nan),
    }  # fmt: skip
    steps = "row = Identity(features)"
    if model.cosine:
        steps = (
            "length2 = Mul(features, features) sum2 = ReduceSum<keepdims = 1>(length2, one) length = Sqrt(sum2)"
            " row = Div(features, length)"
        )
    steps += (
        " about = Sub(row, mean) products = MatMul(about, moved) gain = Sub(products, half)"
        " nearest = ArgMax<axis = 1, keepdims = 0>(gain) centre = Gather<axis = 0>(centres, nearest)"
        " gap = Sub(row, centre) gap2 = Mul(gap, gap) away2 = ReduceSum<keepdims = 0>(gap2, one)"
        " wide = Sub(away2, away2) lost = IsNaN(wide)"  # NaN also for infinite values
    )
    if model.cosine:
        constants["by"] = np.array(0.5)
        steps += " away = Mul(away2, by)"
    else:
        steps += " away = Sqrt(away2)"
    return Graph(steps + " prediction = Where(lost, none, nearest) distance = Where(lost, nan, away)", constants)
