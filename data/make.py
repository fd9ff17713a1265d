"""Make the folders of data/ from the data sets that scikit-learn carries: ``python data/make.py [FOLDER]``.

``diabetes`` (442 rows, 10 numbers; Efron et al., 2004) and ``breast_cancer`` (569 rows, 30 numbers; UCI) are Parquet
files of a train and a test split, ``wine`` (178 rows, 13 numbers; UCI) is a CSV file with the cultivar as text. The
same version of scikit-learn makes the same rows.
"""

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

TEST = 5  # every fifth row of a fixed order


def write_split(folder: Path, columns: dict[str, np.ndarray]) -> None:
    """Write rows in a fixed order as ``split=train`` and ``split=test``."""
    table = pa.table(columns)
    order = np.random.default_rng(0).permutation(table.num_rows)
    for side, rows in (("test", order[::TEST]), ("train", np.delete(order, np.s_[::TEST]))):
        (folder / f"split={side}").mkdir(parents=True, exist_ok=True)
        pq.write_table(table.take(pa.array(rows)), folder / f"split={side}/part-00000.parquet")


def main(folder: Path) -> None:
    """Write the three sets."""
    diabetes = load_diabetes(scaled=False)
    numbers = dict(zip(diabetes.feature_names, diabetes.data.T, strict=True))
    write_split(folder / "diabetes", numbers | {"progression": diabetes.target})
    cancer = load_breast_cancer()
    names = [name.replace(" ", "_") for name in cancer.feature_names]
    write_split(folder / "breast_cancer", dict(zip(names, cancer.data.T, strict=True)) | {"benign": cancer.target})
    wine = load_wine()
    (folder / "wine").mkdir(parents=True, exist_ok=True)
    lines = [",".join(["id", *(name.replace("/", "_") for name in wine.feature_names), "cultivar"])]
    for i, (row, kind) in enumerate(zip(wine.data, wine.target, strict=True)):
        lines.append(",".join([str(i), *(f"{value:g}" for value in row), f"cultivar {'ABC'[kind]}"]))
    (folder / "wine/wine.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
