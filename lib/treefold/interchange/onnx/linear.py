"""Linear models as ONNX graphs."""

from typing import Any

import numpy as np

from treefold.algorithms.linear import LinearModel
from treefold.interchange.onnx.graph import Graph, chosen

PROBABILITIES = {"logistic": "Sigmoid", "softmax": "Softmax<axis = 1>"}


def linear(model: LinearModel) -> Graph:
    """Graph of a linear model."""
    constants: dict[str, Any] = {"coef": model.coef[:, :-1].T, "intercept": model.coef[:, -1]}
    steps = "product = MatMul(features, coef) margin = Add(product, intercept)"
    if model.classes:
        return _classes(model, steps, constants)
    mean = "Exp" if model.link == "log" else "Identity"
    steps += f" mean = {mean}(margin) prediction = Squeeze(mean, one)"
    return Graph(steps, constants | {"one": np.array([1])})


def _classes(model: LinearModel, steps: str, constants: dict[str, Any]) -> Graph:
    one = len(model.coef) == 1
    steps += " other = Neg(margin)" if one else ""
    steps += f" rawPrediction = {'Concat<axis = 1>(other, margin)' if one else 'Identity(margin)'}"
    likely = "rawPrediction"
    if model.link in PROBABILITIES:
        likely = "probability"
        steps += f" probability = {PROBABILITIES[model.link]}(rawPrediction)"
    if one:
        own = {"first": np.array(1), "threshold": np.array(float(model.threshold))}
        more = f" mine = Gather<axis = 1>({likely}, first) chosen = Greater(mine, threshold)"
    else:
        more, own = chosen(likely, model.thresholds, -np.inf)
    more += f" some = Gather<axis = 1>({likely}, zeroth) lost = IsNaN(some) class = Cast<to = 11>(chosen)"
    steps += more + " prediction = Where(lost, nan, class)"
    return Graph(steps, constants | own | {"zeroth": np.array(0), "nan": np.array(np.nan)})
