"""Models on disk.

A model is a folder with ``arrays.npz`` and ``model.json``. The latter has the size and checksum of the former, so a
folder with the arrays of another model is never taken for a model. Nothing is pickled, and nothing here needs Spark.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

from numpy.typing import NDArray
from pyarrow.fs import FileSystem, FileType

from treefold import __version__, locations, registry
from treefold.errors import InputError
from treefold.persistence import npz, output_folder

FORMAT = 1
MODEL, ARRAYS = "model.json", "arrays.npz"
INSIDE = ("model", "bestModel")  # sub-folders in which jobs and searches save their model


class NumpyModel(Protocol):
    """A model that scores NumPy arrays and is saved as a few facts and arrays.

    Its class is registered by :func:`treefold.registry.saved_as`.
    """

    def predict(self, X: Any) -> NDArray:
        """Prediction for each row."""
        ...

    def save_state(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Facts and arrays from which ``from_state`` restores the model."""
        ...

    @classmethod
    def from_state(cls, facts: dict[str, Any], arrays: dict[str, NDArray]) -> Self:
        """The model of saved facts and arrays."""
        ...


class Saved(NamedTuple):
    """A NumPy model, and the class and params of its Spark model."""

    model: Any
    face: dict[str, Any]


def save(model: NumpyModel, folder: Path, face: dict[str, Any] | None = None) -> None:
    """Write a model into a folder.

    Parameters
    ----------
    model : NumpyModel
        The model.
    folder : Path
        A local folder that is not published yet: see :func:`treefold.persistence.publishing.published`.
    face : dict[str, Any] or None, default None
        What the pyspark.ml class of the model restores: class, uid and params.
    """
    facts, arrays = model.save_state()
    packed = npz.packed(arrays)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ARRAYS).write_bytes(packed)
    written = {
        "format": FORMAT,
        "treefold": __version__,
        "kind": registry.kind_of(model),
        "facts": facts,
        "arrays": {"bytes": len(packed), "sha256": hashlib.sha256(packed).hexdigest()},
        "face": face or {},
    }
    (folder / MODEL).write_text(json.dumps(written, indent=2) + "\n")


def load(uri: str) -> Any:
    """The model saved at a path or URI, for scoring with NumPy alone.

    Parameters
    ----------
    uri : str
        A path, or a URI that :func:`treefold.locations.opened` takes.

    Returns
    -------
    NumpyModel

    Raises
    ------
    InputError
        If there is no complete model, or a newer version of treefold wrote it.
    """
    return load_saved(uri).model


def load_saved(uri: str) -> Saved:
    """The model saved at a path or URI, and the class and params of its Spark model.

    An incomplete model is read a second time, because another run may have replaced it between two files. A store that
    does not answer is told in one line.
    """
    if locations.place(uri).scheme != "file":
        locations.answered(uri, lambda: output_folder.content(*locations.opened(uri)))
    try:
        return _loaded(uri)
    except InputError:
        return _loaded(uri)


def _loaded(uri: str) -> Saved:
    system, path = locations.opened(uri)
    where = output_folder.content(system, path)
    damaged = InputError(f"{uri}/{MODEL} is damaged: restore the model or train it again")
    try:
        with system.open_input_stream(f"{where}/{MODEL}") as stream:
            record = json.loads(stream.read(output_folder.MOST_JSON))
        if record["format"] > FORMAT:
            raise InputError(f"{uri} was written by treefold {record['treefold']}: update treefold to read it")
        name, facts, face = record["kind"], record["facts"], dict(record["face"])
        size, checksum = int(record["arrays"]["bytes"]), record["arrays"]["sha256"]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _absent(uri, system, where) from error
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise damaged from error
    kind = registry.class_of(name)
    if kind is None:
        raise InputError(f"{uri} holds a {name}, which is not known here: import the module that defines it first")
    arrays = _arrays(uri, system, where, size, checksum)
    try:
        return Saved(kind.from_state(facts, arrays), face)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise damaged from error


def _arrays(uri: str, system: FileSystem, where: str, size: int, checksum: str) -> dict[str, NDArray]:
    """The arrays. The file is read only if its size matches, and unpacked only if its checksum matches."""
    damaged = InputError(f"{uri}/{ARRAYS} is damaged: restore the model or train it again")
    found = system.get_file_info(f"{where}/{ARRAYS}")
    if found.type == FileType.NotFound:
        raise _absent(uri, system, where)
    if found.size != size:
        raise damaged
    try:
        with system.open_input_stream(f"{where}/{ARRAYS}") as stream:
            packed = stream.read()
    except FileNotFoundError as error:
        raise _absent(uri, system, where) from error
    if hashlib.sha256(packed).hexdigest() != checksum:
        raise damaged
    try:
        return npz.unpacked(packed)
    except ValueError as error:
        raise damaged from error


def _absent(uri: str, system: FileSystem, where: str) -> InputError:
    for name in INSIDE:
        if system.get_file_info(f"{where}/{name}/{MODEL}").type == FileType.File:
            return InputError(f"{uri} is no model, but holds one: load {uri.rstrip('/')}/{name}")
    return InputError(f"there is no whole model at {uri}: check the path, or save the model again")
