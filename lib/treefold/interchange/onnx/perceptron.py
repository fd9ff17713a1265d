"""Perceptrons as ONNX graphs."""

from typing import Any

import numpy as np

from treefold.algorithms.perceptron import PerceptronModel
from treefold.interchange.onnx.graph import Graph, chosen

ACTIVATIONS = {"identity": "Identity", "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}


def perceptron(model: PerceptronModel) -> Graph:
    """Graph of a perceptron."""
    constants: dict[str, Any] = {}
    steps, lower = "", "features"
    *hidden, last = list(model.layers.affine(model.weights))
    for number, (weights, bias) in enumerate(hidden):
        constants |= {f"weights{number}": weights, f"bias{number}": bias}
        steps += f" product{number} = MatMul({lower}, weights{number}) sum{number} = Add(product{number}, bias{number})"
        steps += f" hidden{number} = {ACTIVATIONS[model.activation]}(sum{number})"
        lower = f"hidden{number}"
    constants |= {"weights": last[0], "bias": last[1]}
    steps += f" product = MatMul({lower}, weights)"
    if model.classes:
        more, own = chosen("probability", model.thresholds, -np.inf)
        steps += " rawPrediction = Add(product, bias) probability = Softmax<axis = 1>(rawPrediction)" + more
        steps += " some = Gather<axis = 1>(probability, zeroth) lost = IsNaN(some) class = Cast<to = 11>(chosen)"
        steps += " prediction = Where(lost, nan, class)"
        return Graph(steps, constants | own | {"zeroth": np.array(0), "nan": np.array(np.nan)})
    mean = "Exp" if model.link == "log" else "Identity"
    steps += f" margin = Add(product, bias) mean = {mean}(margin)"
    if model.sizes[-1] > 1:
        return Graph(steps + " prediction = Identity(mean)", constants)
    return Graph(steps + " prediction = Squeeze(mean, one)", constants | {"one": np.array([1])})
