"""The distribution of the training data and of the model's predictions on it, stored with the model."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame

from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks
from treefold.errors import InputError
from treefold.persistence import output_folder
from treefold.scoring.monitored_columns import monitored, monitored_names
from treefold.statistics.drift import EDGES, Counts, bin_counts, edges_of
from treefold.statistics.quantile_sketch import Sketch, block_sketch, merge_sketch, sketch_size

FORMAT = 1
REFERENCE = "reference.json"


class Reference(NamedTuple):
    """Watched columns of the training data.

    Attributes
    ----------
    names : (columns,)
    edges : (columns, EDGES) float32
    counts : (columns, EDGES + 2) int64
        See :mod:`treefold.statistics.drift`.
    """

    names: tuple[str, ...]
    edges: NDArray
    counts: NDArray

    def write(self, folder: Path) -> None:
        """Write ``reference.json`` into the folder of a model."""
        columns = [
            {"name": name, "edges": edges[np.isfinite(edges)].tolist(), "rows": rows.tolist()}
            for name, edges, rows in zip(self.names, self.edges, self.counts, strict=True)
        ]
        (folder / REFERENCE).write_text(json.dumps({"format": FORMAT, "columns": columns}) + "\n")


def reference_on(model: Any, data: DataFrame) -> Reference | None:
    """The reference of a fitted Spark model on its training data; see :func:`reference_of`.

    None of a differentially private model, about whose training data nothing else is to be known.
    """
    if getattr(model.numpy_model, "privacy", None):
        return None
    with model.open(data) as blocks:
        return reference_of(model.scoring(), blocks)


def write_reference(reference: Reference | None, folder: Path) -> None:
    """Write the reference, if there is one, into the folder of a model."""
    if reference is not None:
        reference.write(folder)


def reference_of(model: Any, blocks: Blocks) -> Reference:
    """The reference of a model and its training data: two passes, one for the bins and one for the rows in them.

    Parameters
    ----------
    model : NumPy model
        The fitted model.
    blocks : Blocks
        Opened as for the model's fit or evaluation. Rows of weight 0 are left out.
    """
    sketch: Sketch = blocks.reduce(column_sketch, model, merge=merge_sketch)
    edges = edges_of(sketch)
    counts: Counts = blocks.sum(column_counts, model, edges)
    return Reference(monitored_names(model, len(edges)), edges, counts.rows)


def column_sketch(block: Block, model: Any) -> Sketch:
    """Quantiles of the watched columns of one block."""
    values = _monitored(block, model)
    return block_sketch(block._replace(X=values), sketch_size(values.shape[1], EDGES + 1))


def column_counts(block: Block, model: Any, edges: NDArray) -> Counts:
    """Rows of one block by bin of each watched column.

    Parameters
    ----------
    block : Block
        Training rows.
    model : Any
        The model, whose predictions are columns too.
    edges : (columns, bins - 1)
        Edges of the bins of each column, increasing.

    Returns
    -------
    Counts
    """
    return bin_counts(_monitored(block, model)[block.weight > 0], edges)


def load_reference(uri: str) -> Reference | None:
    """The reference in the folder of a saved model; None if it has none.

    Raises
    ------
    InputError
        If it is damaged.
    """
    try:
        content = output_folder.read(uri, REFERENCE)
    except FileNotFoundError:
        return None
    try:
        record = json.loads(content)
        if record["format"] > FORMAT:
            raise InputError(f"{uri}/{REFERENCE} was written by a newer version: update treefold to read it")
        columns = record["columns"]
        edges = np.full((len(columns), EDGES), np.inf, np.float32)
        for i, column in enumerate(columns):
            edges[i, : len(column["edges"])] = column["edges"]
        rows = np.array([column["rows"] for column in columns], np.int64).reshape(-1, EDGES + 2)
        return Reference(tuple(column["name"] for column in columns), edges, rows)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{uri}/{REFERENCE} is damaged: restore it or train the model again") from error


def _monitored(block: Block, model: Any) -> NDArray:
    offset = block.extra[:1] if getattr(model, "with_offset", False) else ()
    return monitored(block.X, model.outputs(block.X, *offset))
