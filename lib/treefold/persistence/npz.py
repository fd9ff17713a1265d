"""Arrays in NumPy's ``npz`` format, read without trust: nothing is unpickled or decompressed, and sizes are checked."""

import io
import math
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

HEADERS: dict[Any, Any] = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def packed(arrays: dict[str, NDArray]) -> bytes:
    """The arrays as an uncompressed ``npz`` file; ValueError if an array holds Python objects."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpacked(content: bytes) -> dict[str, NDArray]:
    """The arrays of an ``npz`` file.

    Members must be uncompressed, so together they cannot be larger than the file. The shape of an array must match its
    bytes, and an element must have bytes, so no more memory is allocated than has been read.

    Raises
    ------
    ValueError
        If the content is anything else.
    """
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if any(member.compress_type != ZIP_STORED for member in members):
                raise ValueError("a member is compressed")
            if sum(member.file_size for member in members) > len(content):
                raise ValueError("members are larger than the file")
            return {member.filename.removesuffix(".npy"): _array(archive.read(member)) for member in members}
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, SyntaxError) as error:
        raise ValueError(str(error)) from error


def _array(content: bytes) -> NDArray:
    file = io.BytesIO(content)
    version = npy.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"an array of version {version}")
    shape, fortran, dtype = HEADERS[version](file)
    start = file.tell()
    if dtype.hasobject or not dtype.itemsize or math.prod(shape) * dtype.itemsize != len(content) - start:
        raise ValueError("the header of an array does not fit its bytes")
    order: Any = "F" if fortran else "C"
    if start == len(content):
        return np.zeros(shape, dtype, order)
    found: NDArray = np.frombuffer(content, dtype, offset=start).reshape(shape, order=order).copy(order="K")
    return found
