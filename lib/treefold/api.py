"""The public functions for statistics and algorithms of your own: open data as blocks, check a statistic.

``treefold`` exports them together with the names that they need. docs/extending.md builds a Gaussian mixture with them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from treefold.dataset.block import Block
from treefold.dataset.blocks import Blocks, WidenedStatistic, stat_name
from treefold.dataset.csr import as_csr
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.engine.reading.arrow_to_numpy import Columns
from treefold.engine.reading.parquet import ParquetSource, parquet_files
from treefold.engine.reading.read_errors import UseSpark
from treefold.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CHECKED_ROWS = 256
ROUNDING = 1e-9  # rounding error of a float64 sum, relative to its largest part


@contextmanager
def open_blocks(
    data: "DataFrame | str",
    features: Sequence[str],
    label: str | None = None,
    weight: str | None = None,
    *,
    extra: Sequence[str] = (),
    dtype: str = "float32",
    sparse: bool = False,
    missing: bool = False,
    partial_rows: int = 1,
    spark: "SparkSession | None" = None,
    name: str = "open_blocks",
    tasks: int | None = None,
) -> Iterator[Blocks]:
    """Open a data set as blocks of rows, to be passed over any number of times.

    The data are read by the first pass and kept, on the local disks of Spark's executors or in the memory of this
    process. Rows in the same order give sums of the same bits either way, for any number of tasks.

    Parameters
    ----------
    data : DataFrame or str
        Rows, or the path or URI of a Parquet file or folder. Without ``spark`` this process reads a path itself, with
        pyarrow, into memory.
    features : sequence of str
        Numeric, array or vector columns, which are placed side by side in ``Block.X`` in this order.
    label, weight : str, optional
        Numeric columns. Without them ``Block.y`` is 0 and ``Block.weight`` is 1.
    extra : sequence of str, optional
        Further numeric columns, for ``Block.extra``.
    dtype : {"float32", "float64"}, default "float32"
        Type of the rows in a block. Sums are float64 in either case.
    sparse : bool, default False
        Whether a single column of mostly zero vectors may come as CSR; the statistic then has to take both forms.
    missing : bool, default False
        Whether features may be NaN or null; both become NaN.
    partial_rows : int, default 1
        How many rows as wide as the features the statistic returns. Blocks are made longer where that is much.
    spark : SparkSession, optional
        Session that reads a path.
    name : str, default "open_blocks"
        Name of the passes in Spark's UI.
    tasks : int, optional
        Tasks in a pass on Spark, by default as many as it has slots.

    Yields
    ------
    Blocks
        With ``sum``, ``reduce``, ``map``, ``features`` and ``passes``; closed at the end of the ``with`` statement.

    Raises
    ------
    InputError
        If a column is missing or not numeric, a file is missing or damaged, or there are no rows.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> class Ink(NamedTuple):
    ...     total: float
    ...     rows: int
    >>> def ink(block):
    ...     return Ink(float(block.weight @ block.X.sum(axis=1)), len(block.y))
    >>> with open_blocks("data/digits/split=test", features=["pixel_02", "pixel_03"]) as blocks:
    ...     print(blocks.sum(ink).rows)
    360
    """
    names = (features,) if isinstance(features, str) else tuple(features)
    columns = Columns(names, label, weight, dtype, sparse and len(names) == 1, partial_rows, tuple(extra), missing)
    with closing(_opened(data, columns, spark, name, tasks)) as blocks:
        yield blocks


def _opened(data: Any, columns: Columns, spark: Any, name: str, tasks: int | None) -> Blocks:
    if isinstance(data, str) and spark is None:
        return _read_here(data, columns)
    from treefold.engine.open import open_blocks
    from treefold.ml.read import read_parquet

    rows = read_parquet(spark, data) if isinstance(data, str) else data
    if not hasattr(rows, "sparkSession"):
        raise InputError(f"data is a {type(rows).__name__}: give a Spark DataFrame or the path of Parquet files")
    return open_blocks(rows, columns, name, tasks)


def _read_here(path: str, columns: Columns) -> LocalBlocks:
    if not columns.features:
        raise InputError("no feature column is named: set features")
    try:
        source = ParquetSource(parquet_files(path), columns)
        features, sparse = source.look()
        return LocalBlocks([block for run in source.runs(features, sparse, 1) for block in run.blocks()])
    except UseSpark as error:
        raise InputError(f"{error}; pass spark=session to read it with Spark") from error


def check_statistic(stat: Callable, blocks: Blocks, *args: Any) -> None:
    """Check on the first rows of a data set that a statistic is a sum over weighted rows.

    Up to 256 rows are taken from ``blocks``, in one pass. On them ``stat(block, *args)`` must be the same, to rounding,
    however the rows are cut into blocks; with every weight doubled it must double; a row of weight 0 must count for
    nothing; and where the features come as CSR it must be what it is of the same dense rows.

    Parameters
    ----------
    stat : callable
        ``stat(block, *args)`` returns a NamedTuple of arrays or numbers.
    blocks : Blocks
        Data with at least two rows.
    *args
        Further arguments of the statistic.

    Raises
    ------
    InputError
        Names the first law that does not hold and the field that breaks it.
    """
    block = blocks.reduce(_head, merge=_earlier)
    # With different weights, a statistic that ignores them fails.
    weight = np.where(block.weight > 0, 1.0 + np.arange(len(block.y)) % 3, 0.0)
    block = block._replace(weight=weight)
    name, rows, half = stat_name(stat), len(block.y), len(block.y) // 2
    whole = stat(block, *args)
    if not isinstance(whole, tuple) or not hasattr(whole, "_fields"):
        raise InputError(f"statistic '{name}' returns a {type(whole).__name__}: it must return a NamedTuple of arrays")
    leaf = WidenedStatistic(stat)

    def of(*parts: Block) -> list[Any]:
        return [leaf(part, *args) for part in parts]

    ways = {1, half, rows - 1} - {0, rows}
    for cut in sorted(ways):
        _same(name, f"a cut after row {cut} changes nothing", of(block), of(*_cut(block, [0, cut, rows])))
    _same(name, "weight 2 is the row twice", of(block._replace(weight=2 * weight)), of(block, block))
    absent = block._replace(weight=np.where(np.arange(rows) < half, 0.0, weight))
    _same(name, "weight 0 is an absent row", of(absent), of(_cut(block, [half, rows])[0]))
    if not isinstance(block.X, np.ndarray):
        _same(name, "CSR is the same as dense", of(block), of(block._replace(X=block.X.toarray())))


def _head(block: Block) -> Block:
    """The first rows in float64."""
    few = _cut(block, [0, min(len(block.y), CHECKED_ROWS)])[0]
    X = few.X.astype(np.float64) if isinstance(few.X, np.ndarray) else as_csr(few.X, np.float64)
    y, weight = few.y.astype(np.float64), few.weight.astype(np.float64)
    return Block(X, y, weight, few.id, tuple(column.astype(np.float64) for column in few.extra))


def _earlier(left: Block, right: Block) -> Block:
    return left


def _cut(block: Block, at: list[int]) -> list[Block]:
    return [
        Block(block.X[a:b], block.y[a:b], block.weight[a:b], block.id + a, tuple(c[a:b] for c in block.extra))
        for a, b in pairwise(at)
    ]


def _same(name: str, law: str, left: list[Any], right: list[Any]) -> None:
    """Compare two sums of statistics field by field."""
    for field in left[0]._fields:
        one, other = ([np.asarray(getattr(part, field)) for part in side] for side in (left, right))
        if any(part.shape != one[0].shape for part in [*one, *other]):
            shapes = sorted({part.shape for part in [*one, *other]})
            raise InputError(f"statistic '{name}' breaks the law '{law}': field '{field}' has shapes {shapes}")
        found, expected = (np.asarray(np.sum(np.stack(side), axis=0, dtype=np.float64)) for side in (one, other))
        size = max(float(abs(part).max(initial=0.0)) for part in [*one, *other])
        if not np.allclose(found, expected, rtol=ROUNDING, atol=ROUNDING * size, equal_nan=True):
            worst = np.unravel_index(np.argmax(abs(found - expected)), np.shape(found))
            raise InputError(
                f"statistic '{name}' breaks the law '{law}': field '{field}' is {found[worst]:g}, not "
                f"{expected[worst]:g}, at {tuple(map(int, worst))}"
            )
