"""An index of runs: what was trained or evaluated when, on which data, and how good it is."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from treefold.errors import InputError
from treefold.report.page import page
from treefold.report.results import METRICS, plain_figures

DEPTH = 4  # folders below the one that is searched
PAGE, TABLE = "runs.html", "runs.parquet"


def runs_below(folder: Path) -> list[dict[str, Any]]:
    """A record for each published run in a folder, the latest first.

    Parameters
    ----------
    folder : Path
        Folder that is searched for ``metrics.json``, up to four folders deep.

    Returns
    -------
    list of dict
        ``run`` (the path below the folder), ``ended``, ``model``, ``data``, ``seconds``, ``commit``, and the figures of
        the test, the evaluation or the fit. A ``metrics.json`` that no run has written is left out.

    Raises
    ------
    InputError
        If the folder is not there.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}: name the one that holds the outputs of jobs")
    found = []
    for depth in range(1, DEPTH + 1):
        for file in folder.glob("*/" * depth + METRICS):
            record = _record(file, folder)
            if record:
                found.append(record)
    return sorted(found, key=lambda record: (record["ended"], record["run"]), reverse=True)


def compared_runs(records: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    """Two or more runs side by side: a record for each figure or setting in which they differ.

    Parameters
    ----------
    records : list of dict
        Records of :func:`runs_below`.
    names : list of str
        Values of ``run``.

    Raises
    ------
    InputError
        If there is no such run.
    """
    by_name = {record["run"]: record for record in records}
    for name in names:
        if name not in by_name:
            raise InputError(f"compare: there is no run '{name}': there are {', '.join(by_name) or 'none'}")
    keys = dict.fromkeys(key for name in names for key in by_name[name] if key != "run")
    rows = [{"": key, **{name: by_name[name].get(key) for name in names}} for key in keys]
    return [row for row in rows if len({str(row[name]) for name in names}) > 1]


def write_runs(folder: Path, where: str, records: list[dict[str, Any]], comparison: list[dict[str, Any]]) -> None:
    """Write ``runs.parquet`` and ``runs.html`` into a folder that is being published.

    Parameters
    ----------
    folder : Path
        Folder to fill.
    where : str
        The folder that was searched.
    records : list of dict
        Records of :func:`runs_below`.
    comparison : list of dict
        Records of :func:`compared_runs`.
    """
    names = list(dict.fromkeys(key for record in records for key in record))
    rows = [{name: record.get(name) for name in names} for record in records]
    pq.write_table(pa.table({name: [row[name] for row in rows] for name in names}), folder / TABLE)
    tables: dict[str, Sequence[dict[str, Any]]] = {"Compared": comparison, "Runs": rows}
    (folder / PAGE).write_text(page(f"Runs in {where}", f"{len(records)} runs", {}, [], tables))


def _record(file: Path, folder: Path) -> dict[str, Any] | None:
    """The record of one ``metrics.json``; None if no run has written it."""
    try:
        content = json.loads(file.read_text())
        run = content["run"]
        conf, ended = run["conf"], str(run["ended"])
        data = conf["data"]
        model = conf["model"].get("name") or conf["model"].get("path")
        source = data.get("train") or data.get("path") or data.get("table")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    figures = content.get("test") or content.get("scores") or content
    seconds = content["cost"]["seconds"] if "cost" in content else content.get("seconds")
    return {
        "run": file.parent.relative_to(folder).as_posix(),
        "ended": ended,
        "model": str(model),
        "data": str(source),
        "seconds": float(seconds) if seconds is not None else None,
        "commit": str(run.get("commit") or "")[:10],
        **{name: float(value) for name, value in plain_figures(figures).items() if name != "seconds"},
    }
