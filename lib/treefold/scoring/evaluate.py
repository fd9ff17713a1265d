"""A saved model on labelled rows: scores, calibration, lift, slices and confidence intervals from one pass."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from treefold.dataset.blocks import Pass
from treefold.engine.reading.columns import column_named, hint, numeric
from treefold.errors import InputError
from treefold.metrics import classification, regression
from treefold.metrics.calibration import BINS, Calibration, calibration, expected_calibration_error
from treefold.metrics.lift import lift
from treefold.metrics.ranking import Ranking, curve
from treefold.ml.summaries import unmeasured
from treefold.report.charts import Chart, LineChart
from treefold.scoring.evaluation_pass import Measured, evaluation, merge_evaluations
from treefold.scoring.replicated_scores import ClassScores, NumberScores, Plan, ReplicatedScores

MOST_LEVELS = 100
SLICE = "treefold_slice_"
SHARES = np.arange(1, 11) / 10


class Slices(NamedTuple):
    """Slice columns: ``names``, their numeric columns, and the value that each number stands for."""

    names: list[str]
    columns: list[str]
    levels: list[dict[float, Any]]


class Evaluated(NamedTuple):
    """A model on labelled rows.

    Attributes
    ----------
    summary : Summary
        As ``model.evaluate`` returns it.
    figures : dict
        Calibration, lift and slices, as JSON can hold them.
    replicates : {score: (1 + replicates,)}
        The first is that of the rows themselves. Empty without a bootstrap.
    """

    summary: Any
    figures: dict[str, Any]
    replicates: dict[str, NDArray]

    @property
    def passes(self) -> list[Pass]:
        """The passes of the evaluation."""
        return list(self.summary.passes)

    def charts(self) -> list[Chart]:
        """Charts of a report."""
        drawn = list(self.summary.charts())
        bins = self.figures.get("calibration")
        if bins:
            x, y = [each["predicted"] for each in bins], [each["happened"] for each in bins]
            lines = {"model": (x, y), "calibrated": ([0.0, 1.0], [0.0, 1.0])}
            drawn.append(LineChart("Calibration", "predicted probability", "frequency", lines))
        points = self.figures.get("lift")
        if points:
            gain = {"model": ([0.0, *(p["share"] for p in points)], [0.0, *(p["gain"] for p in points)])}
            gain["chance"] = [0.0, 1.0], [0.0, 1.0]
            drawn.append(LineChart("Gain", "share of the rows, best first", "share of class 1 found", gain))
        return drawn


def evaluate_model(model: Any, data: DataFrame, slices: list[str], plan: Plan | None) -> Evaluated:
    """Evaluate a model: one pass, and one more for each slice column that is no number.

    Parameters
    ----------
    model : Spark model
        The fitted model.
    data : DataFrame
        With its features and its label.
    slices : columns
        By whose values scores are reported as well, at most 100 values each.
    plan : Plan, optional
        Of the bootstrap.

    Raises
    ------
    InputError
        If a column is missing, a slice column has too many values, or the rows cannot be evaluated.
    """
    if not hasattr(model, "summary_kinds"):
        summary = model.evaluate(data)
        if slices:
            raise InputError(f"evaluation.slices: a {type(model).__name__} has no scores of rows: leave it out")
        return Evaluated(summary, {}, {})
    data, by = _with_slices(data, slices)
    summary = unmeasured(model, data)
    scoring = model.scoring()
    if getattr(scoring, "targets", 0):
        raise InputError(
            "the model predicts several numbers a row, which this job does not evaluate: use model.evaluate"
        )
    statistics = summary.statistics()
    calibrated = bool(scoring.classes) and "probability" in model.outputs
    statistics += (calibration,) if calibrated else ()
    with model.open(data, *by.columns) as blocks:
        measured: Measured = blocks.reduce(
            evaluation, scoring, statistics, _replicated(scoring, plan), len(by.columns), merge=merge_evaluations
        )
        passes = list(blocks.passes)
    sums = measured.sums[:-1] if calibrated else measured.sums
    summary.measured_by(sums, passes)
    figures: dict[str, Any] = {"slices": _slice_records(measured, by, bool(scoring.classes))}
    if calibrated:
        found: Calibration = measured.sums[-1]
        figures["expected_calibration_error"] = float(expected_calibration_error(found)[0])
        figures["calibration"] = _bins(found)
    if isinstance(sums[-1], Ranking):
        points = lift(curve(sums[-1].sketch[0]), SHARES)
        figures["lift"] = [
            dict(zip(points._fields, map(float, point), strict=True)) for point in zip(*points, strict=True)
        ]
    replicated = _replicated(scoring, plan)
    drawn = measured.replicates
    return Evaluated(summary, figures, replicated.scores(drawn) if replicated and drawn else {})


def _replicated(scoring: Any, plan: Plan | None) -> ReplicatedScores | None:
    if plan is None:
        return None
    return ClassScores(plan, scoring.classes) if scoring.classes else NumberScores(plan)


def _bins(sums: Calibration) -> list[dict[str, float]]:
    """A record for each bin that has rows."""
    weight, predicted, happened = (part[0] for part in sums)
    return [
        {
            "from": b / BINS,
            "weight": float(weight[b]),
            "predicted": float(predicted[b] / weight[b]),
            "happened": float(happened[b] / weight[b]),
        }
        for b in np.flatnonzero(weight)
    ]


def _with_slices(data: DataFrame, names: list[str]) -> tuple[DataFrame, Slices]:
    """The data with a column of numbers for each slice column that has none."""
    columns: list[str] = []
    levels: list[dict[float, Any]] = []
    for number, name in enumerate(names):
        if name not in data.columns:
            raise InputError(f"evaluation.slices: there is no column '{name}': {hint(name, data.columns)}")
        if numeric(data.schema[name].dataType):
            columns.append(name)
            levels.append({})
            continue
        column = column_named(data, name)
        there = [row[0] for row in data.select(column).distinct().limit(MOST_LEVELS + 1).collect()]
        _check_levels(name, len(there))
        ordered = sorted(there, key=lambda value: (value is not None, str(value)))
        coded = f.lit(None)
        for code, value in enumerate(ordered):
            coded = f.when(column.eqNullSafe(f.lit(value)), f.lit(float(code))).otherwise(coded)
        data = data.withColumn(f"{SLICE}{number}", coded)
        columns.append(f"{SLICE}{number}")
        levels.append({float(code): value for code, value in enumerate(ordered)})
    return data, Slices(names, columns, levels)


def _check_levels(name: str, levels: int) -> None:
    if levels > MOST_LEVELS:
        raise InputError(
            f"evaluation.slices: column '{name}' has more than {MOST_LEVELS} values: name a column of fewer"
        )


def _slice_records(measured: Measured, by: Slices, classes: bool) -> list[dict[str, Any]]:
    """A record of scores for each value of each slice column."""
    for number, name in enumerate(by.names):
        _check_levels(name, sum(level[0] == number for level in measured.slices))
    records = []
    for (number, value), sums in sorted(measured.slices.items(), key=lambda item: item[0]):
        named = by.levels[number].get(value, value)
        record: dict[str, Any] = {
            "column": by.names[number],
            "value": named if isinstance(named, int | float) else str(named),
        }
        record["rows"] = int(sums.rows[0])
        if classes:
            record |= {"accuracy": float(classification.accuracy(sums)[0])}
            record |= {"log_loss": _known(classification.log_loss(sums)[0])}
        else:
            record |= {"rmse": float(regression.rmse(sums)[0]), "mae": float(regression.mae(sums)[0])}
            record |= {"r2": _known(regression.r2(sums)[0])}
        records.append(record)
    return records


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
