"""The format of block files.

A file holds the consecutive blocks of a task, each as a record ``X | y | weight | extra`` padded to a page; the record
of a block of CSR is ``data | indices | indptr | y | weight | extra``. Every record has a checksum.
"""

import mmap
import zlib
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from treefold.dataset.block import Block
from treefold.dataset.csr import make_csr

PAGE = mmap.ALLOCATIONGRANULARITY
ALIGNED = 8  # bytes to which arrays of a record are aligned, because unaligned reads are slow
INDEX = np.dtype(np.int32)


class ArraySlot(NamedTuple):
    """Position of an array in a file."""

    dtype: np.dtype
    length: int
    start: int

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.start + self.length * self.dtype.itemsize


class Shape(NamedTuple):
    """Layout of a file.

    Attributes
    ----------
    rows, block_rows : int
        Total rows, and rows of a block.
    features : int
    dtypes : tuple of str
        Types of ``X``, ``y``, ``weight`` and the extra columns.
    values : tuple of int or None
        Stored entries of each CSR block, empty until the file is written; None for dense blocks.
    """

    rows: int
    block_rows: int
    features: int
    dtypes: tuple[str, ...]
    values: tuple[int, ...] | None = None

    @property
    def sparse(self) -> bool:
        """Whether the blocks are CSR."""
        return self.values is not None

    @property
    def counts(self) -> list[int]:
        """Rows of each block."""
        return [min(self.block_rows, self.rows - i) for i in range(0, self.rows, self.block_rows)]

    @property
    def types(self) -> list[np.dtype]:
        """Types of the arrays of a record."""
        x, *columns = map(np.dtype, self.dtypes)
        return [x, INDEX, INDEX, *columns] if self.sparse else [x, *columns]

    def records(self) -> list[list[ArraySlot]]:
        """Positions of the arrays of each block."""
        types, end, records = self.types, 0, []
        for i, rows in enumerate(self.counts):
            features = [rows * self.features] if self.values is None else [self.values[i], self.values[i], rows + 1]
            end, record = _up(end, PAGE), []
            lengths = [*features, *[rows] * (len(self.dtypes) - 1)]
            for dtype, length in zip(types, lengths, strict=True):
                record.append(ArraySlot(dtype, length, _up(end, ALIGNED)))
                end = record[-1].end
            records.append(record)
        return records

    @property
    def bytes(self) -> int:
        """Bytes of the file."""
        return self.records()[-1][-1].end


class Written(NamedTuple):
    """Stored entries of a record, and its checksum."""

    values: int
    checksum: int


def put(file: BinaryIO, block: Block, shape: Shape) -> Written:
    """Write the record of a block.

    Parameters
    ----------
    file : BinaryIO
        The open file; the record begins at the next page.
    block : Block
        The block.
    shape : Shape
        Types of the arrays, and whether the block is CSR.

    Returns
    -------
    Written
        Number of stored values, and the checksum.
    """
    found = arrays(block, shape)
    file.seek(_up(file.tell(), PAGE))
    for array in found:
        file.seek(_up(file.tell(), ALIGNED))
        file.write(array.data)
    return Written(len(found[0]), _checksum(found))


def checksum(block: Block, shape: Shape) -> int:
    """Checksum of the record of a block."""
    return _checksum(arrays(block, shape))


def _checksum(found: list[np.ndarray]) -> int:
    value, length = 0, 0
    for array in found:
        value = zlib.crc32(array.data, zlib.crc32(bytes(-length % ALIGNED), value))
        length = _up(length, ALIGNED) + array.nbytes
    return value


def arrays(block: Block, shape: Shape) -> list[np.ndarray]:
    """The arrays of the record of a block, flat and in the types of the file."""
    X = block.X
    if isinstance(X, csr_array) != shape.sparse or X.shape[1] != shape.features:
        raise ValueError(f"block {block.id} differs from the first in its features: all must have as many, of one kind")
    features = [X.data, X.indices, X.indptr] if isinstance(X, csr_array) else [X]
    every = zip([*features, *block[1:3], *block.extra], shape.types, strict=True)
    return [np.ascontiguousarray(array, dtype).reshape(-1) for array, dtype in every]


def read_block(view: Any, record: list[ArraySlot], skip: int, shape: Shape, position: int) -> Block:
    """The block of a record; nothing is copied.

    Parameters
    ----------
    view : Any
        Buffer of the file or of a part of it.
    record : list of ArraySlot
        Where the arrays of the block lie in the file.
    skip : int
        Byte of the file at which the view begins.
    shape : Shape
        Number of features, and types of the arrays.
    position : int
        Position of the block's first row in the data set.

    Returns
    -------
    Block
    """
    found = [np.frombuffer(view, p.dtype, p.length, p.start - skip) for p in record]
    features = len(found) - len(shape.dtypes) + 1
    (x, *index), (y, weight, *extra) = found[:features], found[features:]
    X = make_csr(x, index[0], index[1], (len(y), shape.features)) if index else x.reshape(len(y), shape.features)
    return Block(X, y, weight, position, tuple(extra))


def _up(offset: int, unit: int) -> int:
    """The next multiple of ``unit``."""
    return -(-offset // unit) * unit
