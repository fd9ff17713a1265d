"""Evaluation: statistics of the predictions of models.

A statistic is a pure function ``stat(predictions, label, weight)`` of a batch of models on one block. It returns a
NamedTuple whose fields can be added and have the models axis first. Another pure function turns the sums into scores,
one for each model. :func:`measure` computes several statistics for all models in one pass. A single model is a batch of
one. Statistics only see :class:`Predictions` and do not depend on the kind of model.

``classification`` has counts of labels, ``ranking`` the curves of a binary classifier, ``regression`` errors and
residuals. Sketches and moments that they sum are in :mod:`treefold.statistics`. ``named`` finds a metric by its name in
pyspark.ml.
"""

from treefold.metrics.named import Metric, named
from treefold.metrics.predictions import Predictions, Predictor, measure

__all__ = ["Metric", "Predictions", "Predictor", "measure", "named"]
