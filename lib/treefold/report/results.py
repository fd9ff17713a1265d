"""The files of a training job: metrics.json, passes.jsonl and report.html, and its summary."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from treefold.dataset.blocks import Pass
from treefold.report.charts import Chart
from treefold.report.page import REPORT, page

METRICS = "metrics.json"


def account(fit: Sequence[Pass], test: Sequence[Pass], seconds: float) -> dict[str, Any]:
    """Cost of a job: total seconds, training rows, passes, bytes sent between driver and tasks.

    Parameters
    ----------
    fit, test : sequence of Pass
        Passes of the fit, and those of the test.
    seconds : float
        Seconds of the whole job.

    Returns
    -------
    dict
    """
    passes = [*fit, *test]
    return {
        "seconds": round(seconds, 3),
        "fit_seconds": round(sum(p.seconds for p in fit), 3),
        "rows": fit[0].rows,
        "passes": len(passes),
        "blocks_made_again": sum(loss.blocks for p in passes for loss in p.lost),
        "bytes_down": sum(p.bytes_down for p in passes),
        "bytes_up": sum(p.bytes_up for p in passes),
    }


def write_results(
    folder: Path,
    title: str,
    metrics: dict[str, Any],
    charts: Sequence[Chart],
    rows: Sequence[dict[str, Any]] = (),
    **passes: Sequence[Pass],
) -> None:
    """Write ``passes.jsonl``, one line a pass, ``report.html`` and ``metrics.json``.

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
    rows : sequence of dict[str, Any], default ()
        Rows of the table of trials.
    **passes : sequence of Pass
        Passes by what they are of: ``fit``, ``test``.
    """
    write_passes(folder, **passes)
    facts = {k: v for k, v in metrics.items() if k not in ("test", "cost")}
    tested = {f"test {name}": value for name, value in (metrics["test"] or {}).items()}
    (folder / REPORT).write_text(
        page(title, summary(metrics).splitlines()[0], facts | tested, charts, {"Trials": rows})
    )
    (folder / METRICS).write_text(json.dumps(metrics, indent=2) + "\n")


def write_passes(folder: Path, **passes: Sequence[Pass]) -> None:
    """Write ``passes.jsonl``, one line a pass, numbered from 1 within what they are of, such as ``fit``."""
    lines = [{"pass": i, "of": of, **asdict(p)} for of, some in passes.items() for i, p in enumerate(some, 1)]
    (folder / "passes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_trials(folder: Path, table: pa.Table, records: Sequence[dict[str, Any]], choice: dict[str, Any]) -> None:
    """Write ``trials.parquet``, and ``trials.json``, which also has the curves.

    Parameters
    ----------
    folder : Path
        A folder that is being published.
    table : pa.Table
        One row for each trial.
    records : sequence of dict[str, Any]
        The same with the curves.
    choice : dict
        Facts of the chosen trial, which precede the trials in ``trials.json``.
    """
    pq.write_table(table, folder / "trials.parquet")
    (folder / "trials.json").write_text(json.dumps({**choice, "trials": list(records)}, indent=2) + "\n")


def headline(metrics: dict[str, Any]) -> dict[str, Any]:
    """The single numbers among the figures of the test, or of the fit if there was no test."""
    return plain_figures(metrics if metrics["test"] is None else metrics["test"])


def plain_figures(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures that are single numbers."""
    return {name: value for name, value in figures.items() if isinstance(value, int | float)}


def summary(metrics: dict[str, Any]) -> str:
    """A few lines for a person."""
    cost, test = metrics["cost"], metrics["test"]
    line = (
        f"{metrics['outcome']} after {metrics['iterations']} iterations, {cost['passes']} passes, "
        f"{cost['seconds']:.1f} s"
    )
    if "epsilon" in metrics:
        line += f"; differentially private with epsilon {metrics['epsilon']:.4g}, delta {metrics['delta']:.3g}"
    if cost["blocks_made_again"]:
        line += f", {cost['blocks_made_again']:,} lost blocks recomputed"
    if test is None:
        return line
    scores = "   ".join(f"{name} {value:.6g}" for name, value in test.items() if isinstance(value, float))
    return f"{line}\ntest on {test['rows']:,} rows   {scores}"
