"""The files an evaluation leaves: metrics.json, passes.jsonl and report.html, and its lines for a person."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from treefold.dataset.blocks import Pass
from treefold.report.charts import Chart
from treefold.report.page import REPORT, page
from treefold.report.results import METRICS, plain_figures, write_passes


def write_evaluation(
    folder: Path, title: str, metrics: dict[str, Any], charts: Sequence[Chart], passes: Sequence[Pass]
) -> None:
    """Write the files of an evaluation.

    Parameters
    ----------
    folder : Path
        A folder that is being published.
    title : str
        Title of the page.
    metrics : dict
        Content of ``metrics.json``.
    charts : sequence of Chart
        Charts of the page.
    passes : sequence of Pass
        Passes of the evaluation.
    """
    write_passes(folder, evaluation=passes)
    facts = {name: _with_interval(name, value, metrics) for name, value in metrics["scores"].items()}
    facts["expected_calibration_error"] = metrics.get("expected_calibration_error")
    figures = metrics["run"]
    facts |= {"seconds": metrics["seconds"], "conf": figures["conf_file"], "ended": figures["ended"]}
    tables = {"Compared with the champion": metrics.get("comparison", []), "Slices": metrics.get("slices", [])}
    tables |= {"Lift": metrics.get("lift", []), "Calibration": metrics.get("calibration", [])}
    (folder / REPORT).write_text(page(title, lines(metrics).splitlines()[0], facts, charts, tables=tables))
    (folder / METRICS).write_text(json.dumps(metrics, indent=2) + "\n")


def lines(figures: dict[str, Any]) -> str:
    """A few lines for a person."""
    scores = "   ".join(
        f"{name} {_with_interval(name, value, figures)}" for name, value in _floats(figures["scores"]).items()
    )
    text = f"{figures['scores']['rows']:,} rows   {scores}"
    for record in figures.get("comparison", []):
        ends = "" if record["low"] is None else f" ({record['low']:+.4g} to {record['high']:+.4g})"
        text += f"\n{record['metric']} less the champion's: {record['difference']:+.4g}{ends}"
    return text


def _floats(scores: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in plain_figures(scores).items() if isinstance(value, float)}


def _with_interval(name: str, value: Any, figures: dict[str, Any]) -> Any:
    found = figures["intervals"].get(name)
    if found is None or found["low"] is None:
        return f"{value:.6g}" if isinstance(value, float) else value
    return f"{value:.4g} ({found['low']:.4g} to {found['high']:.4g})"
