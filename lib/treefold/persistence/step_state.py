"""Which steps of a pipeline are done, with which conf and from which files."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from pyarrow.fs import FileSelector, FileSystem, FileType

from treefold import __version__, locations
from treefold.errors import InputError
from treefold.persistence import publishing

FORMAT = 1


class StepState:
    """A JSON file with the fingerprint of every step that has ended.

    Raises
    ------
    InputError
        If the file is damaged, or no such file.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        system, path = locations.opened(uri)
        if system.get_file_info(path).type == FileType.NotFound:
            self.done: dict[str, str] = {}
            return
        try:
            with system.open_input_stream(path) as stream:
                record = json.loads(stream.read())
            if record["format"] > FORMAT:
                raise InputError(f"{uri} was written by a newer version of treefold: update treefold")
            self.done = dict(record["steps"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{uri} is no state of a pipeline: name another file in state, or delete it") from error

    def is_done(self, step: str, mark: str | None, output: str) -> bool:
        """Whether a step has ended with this fingerprint, and its output is still there.

        Parameters
        ----------
        step : str
            Name of the step.
        mark : str or None
            Fingerprint of its conf and input; None if it has none.
        output : str
            Path or URI of its output.

        Returns
        -------
        bool
        """
        system, path = locations.opened(output)
        return mark is not None and self.done.get(step) == mark and system.get_file_info(path).type != FileType.NotFound

    def write(self, step: str, mark: str | None) -> None:
        """Say that a step has ended."""
        self.done[step] = mark or ""
        record = {"format": FORMAT, "treefold": __version__, "steps": self.done}
        publishing.write(self.uri, (json.dumps(record, indent=2) + "\n").encode())


def fingerprint(conf: Any, inputs: Iterable[str]) -> str | None:
    """Digest of a step's conf, of the version of treefold, and of names, sizes and times of the files that it reads.

    None where an input cannot be listed, such as a path with wildcards: the step is then run.
    """
    digest = hashlib.sha256(f"{__version__} {conf!r}".encode())
    for uri in inputs:
        files = _files(uri)
        if files is None:
            return None
        digest.update(f"\n{uri}\n{files}".encode())
    return digest.hexdigest()


def _files(uri: str) -> list[tuple[str, int, int]] | None:
    try:
        system, path = locations.opened(uri)
        info = system.get_file_info(path)
        found = _below(system, path) if info.type == FileType.Directory else [info]
    except (OSError, pa.ArrowException, InputError):
        return None
    if info.type == FileType.NotFound:
        return None
    return sorted((each.path, each.size, each.mtime_ns) for each in found if each.type == FileType.File)


def _below(system: FileSystem, path: str) -> list[Any]:
    return list(system.get_file_info(FileSelector(path, recursive=True)))
