"""Evaluation of a model, and if there is one of its champion, on the same rows."""

from typing import Any

from pyspark.sql import SparkSession

from treefold.dataset.blocks import Pass
from treefold.engine.reading.planned_table import tables_of
from treefold.errors import InputError
from treefold.ml import load_model, read_source
from treefold.privacy.anonymity import check_k_anonymity
from treefold.privacy.columns import protected
from treefold.report.charts import Chart
from treefold.scoring.evaluate import evaluate_model
from treefold.scoring.intervals import compared, intervals
from treefold.scoring.replicated_scores import Plan
from treefold.scoring.thresholds import missed

COLUMNS = {"label": "labelCol", "weight": "weightCol"}


class Challenge:
    """The evaluation that a conf asks for.

    Parameters
    ----------
    conf : treefold.cli.scoring_confs.Evaluate

    Raises
    ------
    InputError
        If a model cannot be loaded, or does not read a column that is named.
    """

    def __init__(self, conf: Any) -> None:
        self.conf = conf
        self.model = self._loaded(conf.model.path)
        self.champion = self._loaded(conf.champion.path) if conf.champion else None
        self.passes: list[Pass] = []
        self.charts: list[Chart] = []

    def run(self, spark: SparkSession) -> dict[str, Any]:
        """Evaluate; returns the figures as JSON can hold them.

        Raises
        ------
        InputError
            If the rows cannot be read or evaluated, or the threshold is of a score that there is not.
        """
        asked = self.conf.evaluation
        plan = Plan(asked.replicates, asked.seed)
        rows = read_source(spark, self.conf.data)
        data = protected(rows, self.conf.privacy)
        check_k_anonymity(data, self.conf.privacy)
        found = evaluate_model(self.model, data, asked.slices, plan)
        self.passes, self.charts = list(found.passes), found.charts()
        metrics: dict[str, Any] = {"scores": found.summary.scores, "level": asked.level}
        metrics["intervals"] = intervals(found.replicates, asked.level) if asked.replicates else {}
        metrics |= found.figures | tables_of(rows)
        if self.champion is not None:
            other = evaluate_model(self.champion, data, [], plan)
            self.passes += other.passes
            metrics["champion"] = {"path": self.conf.champion.path, "scores": other.summary.scores}
            metrics["comparison"] = compared(found.replicates, other.replicates, asked.level)
        scores = {name: float(values[0]) for name, values in found.replicates.items()} | metrics["scores"]
        metrics["missed"] = missed(self.conf.threshold, scores, metrics.get("comparison", []))
        return metrics

    def _loaded(self, path: str) -> Any:
        model = load_model(path)
        for key, param in COLUMNS.items():
            name = getattr(self.conf.data, key)
            if name is not None:
                if not model.hasParam(param):
                    raise InputError(f"data.{key}: {type(model).__name__} takes no {key}: leave it out")
                model.setParams(**{param: name})
        return model
