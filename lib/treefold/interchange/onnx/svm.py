"""Support vector machines as graphs of products in float64: ONNX's own operators for them carry float32."""

from typing import Any

import numpy as np
from scipy.sparse import issparse

from treefold.algorithms.svm import SvmModel
from treefold.interchange.onnx.graph import Graph


def support_vectors(model: SvmModel) -> Graph:
    """Graph of support vector machines."""
    steps, constants = _kernel(model)
    steps += " sums = MatMul(kernel, coefficient) margins = Add(sums, bias)"
    constants |= {"coefficient": model.coefficient, "bias": model.bias, "one": np.array([1]), "zero": np.array(0.0)}
    if model.task == "regression":
        return Graph(steps + " prediction = Squeeze(margins, one)", constants)
    constants["nan"] = np.array(np.nan)
    if model.task == "one class":
        steps += (
            " margin = Squeeze(margins, one) inside = Greater(margin, zero) side = Where(inside, plus, minus)"
            " lost = IsNaN(margin) prediction = Where(lost, nan, side)"
        )
        return Graph(steps, constants | {"plus": np.array(1.0), "minus": np.array(-1.0)})
    more, own = _two(model) if model.classes == 2 else _votes(model)
    steps += more + " first = Gather<axis = 1>(margins, zeroth) lost = IsNaN(first) class = Cast<to = 11>(chosen)"
    return Graph(steps + " prediction = Where(lost, nan, class)", constants | own | {"zeroth": np.array(0)})


def _kernel(model: SvmModel) -> tuple[str, dict[str, Any]]:
    """Steps to ``kernel``, the values between rows and support vectors."""
    kernel = model.kernel
    support = model.support.toarray() if issparse(model.support) else model.support
    constants: dict[str, Any] = {"support": support.T, "gamma": np.array(kernel.gamma)}
    steps = "rows = Identity(features)"
    if model.inverse is not None:
        constants["inverse"] = model.inverse
        steps = "rows = Mul(features, inverse)"
    steps += " products = MatMul(rows, support)"
    if kernel.name == "linear":
        return steps + " kernel = Identity(products)", constants
    if kernel.name == "rbf":
        constants |= {
            "axis": np.array([1]), "squares": (support**2).sum(axis=1), "twice": np.array(-2.0),
            "least": np.array(0.0), "rate": np.array(-kernel.gamma),
        }  # fmt: skip
        return steps + (
            " powers = Mul(rows, rows) length = ReduceSum<keepdims = 1>(powers, axis) cross = Mul(products, twice)"
            " half = Add(cross, length) distance = Add(half, squares) positive = Max(distance, least)"
            " exponent = Mul(positive, rate) kernel = Exp(exponent)"
        ), constants
    constants |= {"coef0": np.array(kernel.coef0), "degree": np.array(float(kernel.degree))}
    last = "Pow(inner, degree)" if kernel.name == "poly" else "Tanh(inner)"
    return steps + f" scaled = Mul(products, gamma) inner = Add(scaled, coef0) kernel = {last}", constants


def _two(model: SvmModel) -> tuple[str, dict[str, Any]]:
    steps = " other = Neg(margins) rawPrediction = Concat<axis = 1>(other, margins) above = Greater(margins, zero)"
    return steps + " chosen = Squeeze(above, one)", {}


def _votes(model: SvmModel) -> tuple[str, dict[str, Any]]:
    machines = np.arange(len(model.pairs))
    negative, positive = np.zeros((2, len(machines), model.classes))
    negative[machines, model.pairs[:, 0]] = positive[machines, model.pairs[:, 1]] = 1.0
    constants = {"sides": positive - negative, "given": negative.sum(axis=0), "third": np.array(3.0)}
    return (
        " above = Greater(margins, zero) wins = Cast<to = 11>(above) gained = MatMul(wins, sides)"
        " votes = Add(gained, given) confidence = MatMul(margins, sides) size = Abs(confidence)"
        " tripled = Mul(size, third) below = Add(tripled, third) part = Div(confidence, below)"
        " rawPrediction = Add(votes, part) chosen = ArgMax<axis = 1, keepdims = 0>(votes)"
    ), constants
