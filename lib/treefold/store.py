"""Models and results on disk.

A model is a folder of ``arrays.npz`` and ``model.json``. The second is written last and names the size and checksum of
the first, so that a folder without it, or with another's arrays, is never taken for a model. Nothing is pickled, and
nothing here needs Spark.
"""

import ctypes
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow.fs import FileSelector, FileSystem, FileType, LocalFileSystem

from treefold import __version__
from treefold.algorithms.forest import ForestModel
from treefold.algorithms.kmeans import KMeansModel
from treefold.algorithms.linear import LinearModel
from treefold.errors import InputError

FORMAT = 1
MODEL, ARRAYS = "model.json", "arrays.npz"


class PureModel(Protocol):
    """A model that scores NumPy arrays, and is saved as a few facts and arrays."""

    def predict(self, X: Any) -> NDArray:
        """Prediction for each row."""
        ...

    def save_state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Facts and arrays from which ``from_state`` makes the model again."""
        ...

    @classmethod
    def from_state(cls, facts: dict[str, Any], arrays: dict[str, NDArray]) -> Self:
        """Model of saved facts and arrays."""
        ...


KINDS: dict[str, type[PureModel]] = {"LinearModel": LinearModel, "KMeansModel": KMeansModel, "ForestModel": ForestModel}


class Saved(NamedTuple):
    """A pure model and what its Spark face keeps with it: class and params."""

    model: Any
    face: dict[str, Any]


def save(model: PureModel, folder: Path, face: dict[str, Any] | None = None) -> None:
    """Write a model into a local folder that is not yet read by anybody: see :func:`published`."""
    facts, arrays = model.save_state()
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    packed = buffer.getvalue()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ARRAYS).write_bytes(packed)
    written = {
        "format": FORMAT,
        "treefold": __version__,
        "kind": type(model).__name__,
        "facts": facts,
        "arrays": {"bytes": len(packed), "sha256": hashlib.sha256(packed).hexdigest()},
        "face": face or {},
    }
    (folder / MODEL).write_text(json.dumps(written, indent=2) + "\n")


def load(uri: str) -> Any:
    """The model saved at a path or URI, for scoring with NumPy alone.

    Raises
    ------
    InputError
        If there is no whole model there, or a newer version of treefold wrote it.
    """
    return load_saved(uri).model


def load_saved(uri: str) -> Saved:
    """The model saved at a path or URI, and its face."""
    system, path = opened(uri)
    try:
        with system.open_input_stream(f"{path}/{MODEL}") as file:
            written = json.loads(file.read())
        if written["format"] > FORMAT:
            raise InputError(f"{uri} was written by treefold {written['treefold']}: update treefold to read it")
        with system.open_input_stream(f"{path}/{ARRAYS}") as file:
            packed = file.read()
        kind, facts, face = KINDS[written["kind"]], written["facts"], written["face"]
        whole = hashlib.sha256(packed).hexdigest() == written["arrays"]["sha256"]
    except FileNotFoundError as error:
        raise InputError(f"there is no whole model at {uri}: check the path, or save the model again") from error
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{uri}/{MODEL} is damaged: restore the model or train it again") from error
    if not whole:
        raise InputError(f"{uri}/{ARRAYS} is damaged: restore the model or train it again")
    with np.load(io.BytesIO(packed), allow_pickle=False) as stored:
        arrays: dict[str, NDArray] = dict(stored)
    return Saved(kind.from_state(facts, arrays), face)


def write(uri: str, content: bytes) -> None:
    """Write one file to a path or URI, in the place of any that was there."""
    _put(*opened(uri), content)


def read_json(uri: str) -> Any:
    """What a JSON file at a path or URI holds.

    Raises
    ------
    InputError
        If it is not there, or damaged.
    """
    system, path = opened(uri)
    try:
        with system.open_input_stream(path) as file:
            return json.loads(file.read())
    except FileNotFoundError as error:
        raise InputError(f"there is no {uri}: check the path") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{uri} is damaged: restore it") from error


def check_free(uri: str, overwrite: bool) -> None:
    """Raise InputError if something is at ``uri`` that must not be replaced."""
    system, path = opened(uri)
    if not overwrite and system.get_file_info(path).type != FileType.NotFound:
        raise InputError(f"{uri} exists: choose another path, or replace it with --overwrite")


@contextmanager
def published(uri: str, *, marker: str, overwrite: bool = False) -> Iterator[Path]:
    """A new local folder to fill, which appears whole at ``uri`` at the end, or not at all after an error.

    On a local disk it is renamed, and swapped with the one it replaces: in one step on Linux, else in two, with nothing
    at ``uri`` for an instant. Elsewhere files are copied, the one
    named ``marker`` last; readers take a folder without its marker for absent.

    Raises
    ------
    InputError
        If ``uri`` exists and ``overwrite`` is false.
    """
    check_free(uri, overwrite)
    system, path = opened(uri)
    local = isinstance(system, LocalFileSystem)
    if local:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{Path(path).name}.", dir=Path(path).parent if local else None))
    try:
        aside.chmod(0o755)
        yield aside
        if local:
            _rename(aside, Path(path), uri, overwrite)
        else:
            _upload(aside, system, path, marker)
    finally:
        _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def opened(uri: str) -> tuple[FileSystem, str]:
    """File system and path of a path or URI."""
    try:
        if "://" in uri or uri.startswith("file:"):
            return FileSystem.from_uri(uri)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{uri} is no path that pyarrow can open: {error}") from error
    return LocalFileSystem(), os.path.realpath(uri)


def _rename(aside: Path, target: Path, uri: str, overwrite: bool) -> None:
    try:
        if not overwrite or not target.exists():
            aside.rename(target)
        elif not _swap(aside, target):
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent)) / "old"
            target.rename(old)
            try:
                aside.rename(target)
            except OSError:
                old.rename(target)
                raise
            finally:
                _remove(old.parent)
    except OSError as error:
        if target.exists():
            raise InputError(f"{uri} exists: another run has published it meanwhile") from error
        raise


def _swap(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, where the system can (Linux: renameat2)."""
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    return rename is not None and rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


def _upload(aside: Path, system: FileSystem, path: str, marker: str) -> None:
    if system.get_file_info(path).type != FileType.NotFound:
        if system.get_file_info(f"{path}/{marker}").type != FileType.NotFound:
            system.delete_file(f"{path}/{marker}")
        for old in system.get_file_info(FileSelector(path, recursive=True)):
            if old.type == FileType.File:
                system.delete_file(old.path)
    files = sorted(
        (file.relative_to(aside) for file in aside.rglob("*") if file.is_file()),
        key=lambda file: (str(file) == marker, file.name == MODEL, str(file)),
    )
    for file in files:
        _put(system, f"{path}/{file.as_posix()}", (aside / file).read_bytes())


def _put(system: FileSystem, path: str, content: bytes) -> None:
    system.create_dir(path.rsplit("/", 1)[0], recursive=True)
    with system.open_output_stream(path) as out:
        out.write(content)
