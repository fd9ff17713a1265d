"""Evaluation: statistics of what models predict.

A statistic is a pure function ``stat(predictions, label, weight)`` of a batch of models on one block. Its result is a
NamedTuple that leads with the models axis and whose fields add; another pure function turns the sums into scores, one
for each model. :func:`measure` runs several statistics in one pass, for all models, each on the rows it may see; one
model is a batch of one. Who makes the :class:`Predictions` - a linear model, a forest - the statistics do not know.

``classification`` counts labels, ``ranking`` has the curves of a binary classifier, ``regression`` errors and
residuals. ``sketch`` and ``spread`` are the values they add up. ``named`` finds a metric by pyspark.ml's name for it.
"""

from treefold.metrics.named import Metric, named
from treefold.metrics.predictions import Predictions, Predictor, measure

__all__ = ["Metric", "Predictions", "Predictor", "measure", "named"]
