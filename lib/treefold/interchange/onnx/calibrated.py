"""A calibrated classifier as the graph of its classifier, followed by the calibration."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from treefold.algorithms.calibration import CalibratedModel, Isotonic, Sigmoid
from treefold.interchange.onnx.graph import Graph


def calibrated(model: CalibratedModel, base: Callable[[Any], Graph]) -> Graph:
    """Graph of a calibrated classifier.

    Parameters
    ----------
    model : CalibratedModel
        The fitted model.
    base : callable
        Makes the graph of the classifier.

    Returns
    -------
    Graph
    """
    graph = base(model.base)
    own = re.compile(r"\b(prediction|probability)\b")  # outputs of the classifier that the calibration replaces
    attributes = {own.sub(r"base_\1", name): values for name, values in graph.attributes.items()}
    constants: dict[str, Any] = {
        "cal_low": np.array([0]), "cal_high": np.array([1]), "cal_two": np.array(2.0), "cal_one": np.array(1.0),
        "cal_none": np.array(0.0), "cal_axis": np.array([1]), "cal_nan": np.array(np.nan),
        "cal_equal": np.array(1 / model.classes),
    }  # fmt: skip
    fitted = model.calibration
    steps, more = _sigmoid(fitted) if isinstance(fitted, Sigmoid) else _isotonic(fitted)
    text = own.sub(r"base_\1", graph.steps) + _score(model.classes) + steps + _probability(model.classes)
    text += (
        " cal_chosen = ArgMax<axis = 1, keepdims = 0>(probability) cal_class = Cast<to = 11>(cal_chosen)"
        " cal_first = Gather<axis = 1>(probability, cal_low) cal_flat = Squeeze(cal_first, cal_axis)"
        " cal_lost = IsNaN(cal_flat) prediction = Where(cal_lost, cal_nan, cal_class)"
    )
    return Graph(text, graph.constants | constants | more, attributes)


def _score(classes: int) -> str:
    if classes > 2:
        return " cal_score = Identity(rawPrediction)"
    return (
        " cal_left = Gather<axis = 1>(rawPrediction, cal_low) cal_right = Gather<axis = 1>(rawPrediction, cal_high)"
        " cal_gap = Sub(cal_right, cal_left) cal_score = Div(cal_gap, cal_two)"
    )


def _sigmoid(fitted: Sigmoid) -> tuple[str, dict[str, Any]]:
    steps = " cal_scaled = Mul(cal_score, cal_a) cal_moved = Add(cal_scaled, cal_b) cal_chance = Sigmoid(cal_moved)"
    return steps, {"cal_a": fitted.coef[:, 0], "cal_b": fitted.coef[:, 1]}


def _isotonic(fitted: Isotonic) -> tuple[str, dict[str, Any]]:
    """Interpolation between points: each score finds its interval by comparing with all points."""
    constants: dict[str, Any] = {}
    steps, names = "", []
    parts = zip(np.split(fitted.score, fitted.ends[:-1]), np.split(fitted.chance, fitted.ends[:-1]), strict=True)
    for k, (score, chance) in enumerate(parts):
        gap, rise = np.diff(score, append=np.inf), np.diff(chance, append=chance[-1])
        constants |= {
            f"cal_at{k}": np.array([k]), f"cal_x{k}": score, f"cal_y{k}": chance, f"cal_slope{k}": rise / gap,
        }  # fmt: skip
        steps += (
            f" cal_s{k} = Gather<axis = 1>(cal_score, cal_at{k}) cal_over{k} = GreaterOrEqual(cal_s{k}, cal_x{k})"
            f" cal_ones{k} = Cast<to = 7>(cal_over{k}) cal_sum{k} = ReduceSum<keepdims = 0>(cal_ones{k}, cal_axis)"
            f" cal_before{k} = Sub(cal_sum{k}, cal_high) cal_place{k} = Max(cal_before{k}, cal_low)"
            f" cal_from{k} = Gather(cal_x{k}, cal_place{k}) cal_base{k} = Gather(cal_y{k}, cal_place{k})"
            f" cal_rate{k} = Gather(cal_slope{k}, cal_place{k}) cal_only{k} = Squeeze(cal_s{k}, cal_axis)"
            f" cal_off{k} = Sub(cal_only{k}, cal_from{k}) cal_right{k} = Max(cal_off{k}, cal_none)"
            f" cal_gain{k} = Mul(cal_right{k}, cal_rate{k}) cal_value{k} = Add(cal_base{k}, cal_gain{k})"
            f" cal_unknown{k} = IsNaN(cal_only{k}) cal_known{k} = Where(cal_unknown{k}, cal_nan, cal_value{k})"
            f" cal_column{k} = Unsqueeze(cal_known{k}, cal_axis)"
        )
        names.append(f"cal_column{k}")
    return steps + f" cal_chance = Concat<axis = 1>({', '.join(names)})", constants


def _probability(classes: int) -> str:
    if classes == 2:
        return " cal_other = Sub(cal_one, cal_chance) probability = Concat<axis = 1>(cal_other, cal_chance)"
    return (
        " cal_total = ReduceSum<keepdims = 1>(cal_chance, cal_axis) cal_zero = Equal(cal_total, cal_none)"
        " cal_safe = Where(cal_zero, cal_one, cal_total) cal_share = Div(cal_chance, cal_safe)"
        " probability = Where(cal_zero, cal_equal, cal_share)"
    )
