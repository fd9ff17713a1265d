"""Models as ONNX graphs in float64, with the same predictions.

A graph takes ``features``, ``(rows, features)`` double, and returns the columns that ``transform`` adds. It consists of
operators of opset 17 and, for a forest, ``TreeEnsemble`` of ai.onnx.ml 5.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from treefold.algorithms.calibration import CalibratedModel
from treefold.algorithms.forest import ForestModel
from treefold.algorithms.kmeans import KMeansModel
from treefold.algorithms.linear import LinearModel
from treefold.algorithms.perceptron import PerceptronModel
from treefold.algorithms.svm import SvmModel
from treefold.errors import InputError
from treefold.interchange.onnx.calibrated import calibrated
from treefold.interchange.onnx.forests import forest
from treefold.interchange.onnx.graph import Graph
from treefold.interchange.onnx.kmeans import kmeans
from treefold.interchange.onnx.linear import linear
from treefold.interchange.onnx.perceptron import perceptron
from treefold.interchange.onnx.svm import support_vectors

KINDS: dict[type, Callable[[Any], Graph]] = {
    LinearModel: linear, KMeansModel: kmeans, ForestModel: forest, PerceptronModel: perceptron,
    SvmModel: support_vectors,
}  # fmt: skip
VERSIONS = 'ir_version: 10, opset_import: ["": 17, "ai.onnx.ml": 5], producer_name: "treefold"'


def exported(model: Any) -> Any:
    """The ``onnx.ModelProto`` of a model of treefold.

    Parameters
    ----------
    model : NumpyModel
        The fitted model.

    Returns
    -------
    onnx.ModelProto
        Its outputs are those of the model: ``prediction`` ``(rows,)``; for a classifier ``rawPrediction`` and, if it
        has them, ``probability``, ``(rows, classes)``; for k-means ``distance`` ``(rows,)``; for a forest with leaves
        ``leaf`` ``(rows, trees)``. Thresholds are part of the graph.

    Raises
    ------
    InputError
        If onnx is not installed.
    """
    try:
        from onnx import checker, helper, numpy_helper, parser
    except ImportError as error:
        raise InputError("onnx is not installed: install treefold[onnx], or onnx, to export to it") from error
    if isinstance(model, CalibratedModel):
        graph = calibrated(model, KINDS[type(model.base)])
    else:
        graph = KINDS[type(model)](model)
    made = parser.parse_model(
        f"<{VERSIONS}> treefold (double[rows, {model.features}] features) => ({_outputs(model)}) {{ {graph.steps} }}"
    )
    for name, value in graph.constants.items():
        made.graph.initializer.append(numpy_helper.from_array(np.array(value, order="C"), name))
    for node in made.graph.node:
        for name, value in graph.attributes.get(node.output[0], {}).items():
            plain = numpy_helper.from_array(value, name) if isinstance(value, np.ndarray) else value
            node.attribute.append(helper.make_attribute(name, plain))
    checker.check_model(made, full_check=True)
    return made


def _outputs(model: Any) -> str:
    some = model.outputs(np.zeros((1, model.features)))
    kinds = {name: "int64" if value.dtype.kind == "i" else "double" for name, value in some.items()}
    shapes = {name: f"[rows, {value.shape[1]}]" if value.ndim == 2 else "[rows]" for name, value in some.items()}
    return ", ".join(f"{kinds[name]}{shapes[name]} {name}" for name in some)
