"""What every benchmark needs: data on disk, a session as spark-submit.sh gives one, interleaved rounds, results."""

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ["PYTHONPATH"] = str(Path(__file__).parents[1] / "lib")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

HERE = Path(__file__).parent
FEATURES = 100
NAMES = [f"x{j}" for j in range(FEATURES)]
GROUP = 125_000
PICTURES = 2_500


def session(**properties: Any) -> SparkSession:
    """A session with the properties of conf/spark/local.conf, and others."""
    builder = SparkSession.builder.master(f"local[{os.cpu_count()}]").appName("treefold benchmark")
    lines = (HERE.parent / "conf/spark/local.conf").read_text().splitlines()
    pairs = dict(line.split(None, 1) for line in lines if line.strip() and not line.startswith("#"))
    own = {"spark.driver.memory": "8g", "spark.ui.enabled": "false"}
    for key, value in (pairs | own | properties).items():
        if key != "spark.master":
            builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def generated(rows: int) -> str:
    """Parquet files of ``rows`` rows of 100 correlated float32 features and a noisy binary label, made once."""
    folder = HERE / "data" / f"{rows}x{FEATURES}"
    if not (folder / "_SUCCESS").exists():
        print(f"making {folder}", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        once = np.random.default_rng(0)
        mix = once.standard_normal((FEATURES, FEATURES)) / 10 + np.diag(np.logspace(0, -1.5, FEATURES))
        coef = once.standard_normal(FEATURES)
        files = -(-rows // GROUP)
        for i in range(files):
            rng, size = np.random.default_rng([1, i]), rows * (i + 1) // files - rows * i // files
            X = (rng.standard_normal((size, FEATURES)) @ mix).astype(np.float32)
            label = (X @ coef + rng.logistic(size=size) > 0).astype(np.float64)
            table = pa.table({**{name: X[:, j] for j, name in enumerate(NAMES)}, "label": label})
            pq.write_table(table, folder / f"part-{i:05d}.parquet")
        (folder / "_SUCCESS").touch()
    return str(folder)


def pixels(rows: int) -> str:
    """Parquet files of ``rows`` pictures of 28 x 28 pixels 0 .. 255, in clusters of low rank, made once."""
    folder = HERE / "data" / f"{rows}x784"
    if not (folder / "_SUCCESS").exists():
        print(f"making {folder}", file=sys.stderr, flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        once = np.random.default_rng(2)
        kinds, strokes = once.normal(60, 70, (50, 784)), once.normal(0, 25, (50, 20, 784))
        for i in range(rows // PICTURES):
            rng = np.random.default_rng([3, i])
            kind = rng.integers(0, 50, PICTURES)
            X = kinds[kind] + np.einsum("ns,nsf->nf", rng.standard_normal((PICTURES, 20)), strokes[kind])
            flat = np.clip(X, 0, 255).astype(np.uint8).ravel()
            lists = pa.ListArray.from_arrays(np.arange(0, len(flat) + 1, 784, dtype=np.int32), pa.array(flat))
            pq.write_table(pa.table({"pixels": lists}), folder / f"part-{i:05d}.parquet")
        (folder / "_SUCCESS").touch()
    return str(folder)


def rounds(contenders: dict[str, Callable[[], dict[str, float]]], times: int) -> dict[str, dict[str, float]]:
    """Run all contenders in turn, ``times`` times after one warm-up; medians of what each returns."""
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    for i in range(times + 1):
        for name, run in contenders.items():
            figures = run()
            print(f"round {i} {name}: {figures}", file=sys.stderr, flush=True)
            if i:
                seen[name].append(figures)
    return {
        name: {key: statistics.median(figures[key] for figures in runs) for key in runs[0]}
        for name, runs in seen.items()
    }


def pass_and_job(blocks: Any, stat: Callable, *args: Any) -> dict[str, Callable[[], dict[str, float]]]:
    """Contenders: a pass among others, and an empty job with the same tasks in Python workers."""
    empty = blocks.parts.mapPartitions(lambda parts: [len(list(parts))])

    def one_pass() -> dict[str, float]:
        blocks.sum(stat, *args)
        return {"seconds": timed(lambda: blocks.sum(stat, *args))[0]}

    def one_job() -> dict[str, float]:
        time.sleep(1)  # the task pool ends
        return {"seconds": timed(empty.collect)[0]}

    return {"pass": one_pass, "empty": one_job}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def write(name: str, results: dict[str, Any]) -> None:
    """Print results and write them to ``benchmarks/results/NAME.json``."""
    setting = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    text = json.dumps({"setting": setting, **results}, indent=2)
    file = HERE / "results" / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text + "\n")
    for key, value in results["ratios"].items():
        print(f"{key:64s} {value['measured']:8.3f}   (aim: {value['aim']})")


def ratio(measured: float, aim: str) -> dict[str, Any]:
    """One line of the table."""
    return {"measured": round(measured, 3), "aim": aim}
