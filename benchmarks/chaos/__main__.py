"""``python -m benchmarks.chaos --kills 50 --seed 1``: fits under faults drawn by a seed."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.chaos.application import SPECULATION, Application
from benchmarks.chaos.cluster import Cluster
from benchmarks.chaos.fits import write_rows
from benchmarks.chaos.trial import Trial


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="faults in all")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # or the cluster would remain
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder, "cluster")) as cluster:
        trial = Trial(cluster, arguments.seed, say=lambda line: print(line, file=sys.stderr, flush=True))
        with Application(cluster, write_rows(Path(folder, "rows")), **SPECULATION) as application:
            trial.learn(application)
            trial.run(application, arguments.kills)
        trial.look_for_orphans()
        print(trial.summary())
        return 0 if trial.passed else 1


if __name__ == "__main__":
    sys.exit(main())
