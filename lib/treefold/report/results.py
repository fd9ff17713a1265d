"""The files a training job leaves: metrics.json and passes.jsonl, and its summary."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from treefold.blocks import Pass

METRICS = "metrics.json"


def account(fit: Sequence[Pass], test: Sequence[Pass], seconds: float) -> dict[str, Any]:
    """What a job cost: seconds in all, training rows, passes, bytes moved between driver and tasks."""
    passes = [*fit, *test]
    return {
        "seconds": round(seconds, 3),
        "fit_seconds": round(sum(p.seconds for p in fit), 3),
        "rows": fit[0].rows,
        "passes": len(passes),
        "bytes_down": sum(p.bytes_down for p in passes),
        "bytes_up": sum(p.bytes_up for p in passes),
    }


def write_results(folder: Path, metrics: dict[str, Any], fit: Sequence[Pass], test: Sequence[Pass]) -> None:
    """Write ``passes.jsonl``, one line a pass, and ``metrics.json``."""
    lines = [
        {"pass": i, "of": of, **asdict(p)} for of, some in (("fit", fit), ("test", test)) for i, p in enumerate(some, 1)
    ]
    (folder / "passes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / METRICS).write_text(json.dumps(metrics, indent=2) + "\n")


def summary(metrics: dict[str, Any]) -> str:
    """A few lines for a person."""
    test = metrics["test"]
    scores = "   ".join(f"{name} {value:.4f}" for name, value in test.items() if isinstance(value, float))
    cost = metrics["cost"]
    return (
        f"{metrics['outcome']} after {metrics['iterations']} iterations, {cost['passes']} passes, "
        f"{cost['seconds']:.1f} s\ntest on {test['rows']:,} rows   {scores}"
    )
