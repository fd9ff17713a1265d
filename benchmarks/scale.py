"""Ten times the rows: the time of a pass, and the resident set of the Python workers."""

import argparse
import os
from pathlib import Path

import numpy as np

from benchmarks.logistic import COLUMNS
from benchmarks.setting import NAMES, generated, pass_and_job, ratio, rounds, session, write
from treefold.algorithms.linear.losses import logistic
from treefold.algorithms.linear.objective import objective
from treefold.dataset.block import Block
from treefold.engine.open import open_blocks
from treefold.statistics.moments import moments


def worker_peaks(block: Block) -> dict[int, int]:
    """Peak resident set of the worker that holds this block so far, in KiB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return {os.getpid(): int(status.split("VmHWM:")[1].split()[0])}


def either(left: dict, right: dict) -> dict:
    return {pid: max(left.get(pid, 0), right.get(pid, 0)) for pid in left | right}


def passes(path: str, times: int) -> tuple[float, float, float]:
    """Median seconds of a pass and of an empty job; greatest peak of a fresh session's workers in MiB."""
    coef = np.zeros((1, 1, len(NAMES) + 1))
    spark = session()
    with open_blocks(spark.read.parquet(path), COLUMNS, "benchmark") as blocks:
        moments(blocks)
        found = rounds(pass_and_job(blocks, objective, coef, logistic, None), times)
        peak = max(blocks.reduce(worker_peaks, merge=either).values()) / 1024
    spark.stop()
    return found["pass"]["seconds"], found["empty"]["seconds"], peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    small, large = (passes(generated(rows), arguments.rounds) for rows in (arguments.rows, 10 * arguments.rows))
    write(
        "scale",
        {
            "rows": [arguments.rows, 10 * arguments.rows],
            "pass_seconds": [small[0], large[0]],
            "empty_seconds": [small[1], large[1]],
            "worker_peak_mib": [small[2], large[2]],
            "data_mib": [rows * len(NAMES) * 4 / 2**20 for rows in (arguments.rows, 10 * arguments.rows)],
            "ratios": {
                "pass over 10x the rows / pass": ratio(large[0] / small[0], "<= 10.5"),
                "worker's peak memory with 10x the rows / with 1x": ratio(large[2] / small[2], "<= 1.1"),
            },
        },
    )


if __name__ == "__main__":
    main()
