"""The folder of a checkpoint: which of its files are treefold's, and whether they can be trusted.

A marker file says that a folder is a checkpoint, with its format, library version and job. A folder that is not empty
and has no marker is not a checkpoint: it is refused before a file in it is read or deleted. Files whose names do
not match our pattern are never touched.
"""

import json
import os
import re
import stat
from typing import Any, NamedTuple

from pyarrow.fs import FileSelector, FileType, LocalFileSystem

from treefold import __version__, locations
from treefold.errors import InputError
from treefold.persistence import local_files

FORMAT = 2
MARKER = "treefold-checkpoint.json"
NUMBERED = re.compile(r"\d{6}")
PARTS = re.compile(rf"(\d{{6}}|{re.escape(MARKER)}){local_files.ASIDE}")
MOST_MARKER = 2**16


class Marker(NamedTuple):
    """Content of the marker file."""

    format: int
    treefold: str
    job: str


class CheckpointFolder:
    """A folder for the files of one checkpoint; nothing is written before :meth:`put`.

    Parameters
    ----------
    uri : str
        A path, or a URI that :func:`treefold.locations.opened` takes.
    job : str
        Digest of what the job is to do.

    Raises
    ------
    InputError
        If there is something else at ``uri``; on a local disk also if the folder, or a file in it, belongs to another
        user, or others may write to it.
    """

    def __init__(self, uri: str, job: str) -> None:
        self.uri, self.job = uri, job
        self.system, self.path = locations.opened(uri)
        self.local = isinstance(self.system, LocalFileSystem)
        if stranger := self._stranger():
            raise InputError(
                f"{uri} is no checkpoint, but holds {stranger}: name a folder of its own as checkpoint.path"
            )
        self.marked = MARKER in self.names()

    def names(self) -> list[str]:
        """Names of our files: the marker, the numbered files, and files that a killed run has left incomplete."""
        names = self._all_names()
        if MARKER not in names:
            ours = [name for name in names if _is_marker_part(name)]
        else:
            ours = [name for name in names if name == MARKER or NUMBERED.fullmatch(name) or PARTS.fullmatch(name)]
        if self.local:
            for name in ours:
                self._trust(f"{self.path}/{name}")
        return ours

    def marker(self) -> Marker:
        """Content of the marker; InputError if it is damaged."""
        try:
            with self.system.open_input_stream(f"{self.path}/{MARKER}") as file:
                marker_fields: Any = json.loads(file.read(MOST_MARKER))
            return Marker(
                int(marker_fields.get("format", 1)), str(marker_fields["treefold"]), str(marker_fields.get("job", ""))
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{self.uri}/{MARKER} is damaged: start anew with --fresh") from error

    def check(self) -> None:
        """Raise InputError unless the checkpoint is one of this job, by this version of the library."""
        marker = self.marker()
        if marker.format != FORMAT:
            raise InputError(
                f"{self.uri} is of format {marker.format}, and this version reads {FORMAT}: start anew with --fresh"
            )
        if marker.treefold != __version__:
            raise InputError(
                f"{self.uri} was written by treefold {marker.treefold}, and this is {__version__}: continue with that "
                "version, or start anew with --fresh"
            )
        if marker.job != self.job:
            raise InputError(
                f"{self.uri} was written by a job with another conf: start anew with --fresh, or restore it"
            )

    def read(self, name: str) -> bytes:
        """Content of a file."""
        with self.system.open_input_stream(f"{self.path}/{name}") as file:
            return bytes(file.read())

    def put(self, name: str, content: bytes) -> None:
        """Write a file atomically; on a local disk only its owner can read it."""
        if not self.marked:
            self._make()
            marker_fields = Marker(FORMAT, __version__, self.job)._asdict()
            self._write(MARKER, (json.dumps(marker_fields) + "\n").encode())
            self.marked = True
        self._write(name, content)

    def delete(self, names: list[str]) -> None:
        """Delete our files, the last first, so that an interruption leaves a shorter checkpoint."""
        for name in sorted(names, reverse=True):
            self.system.delete_file(f"{self.path}/{name}")

    def remove(self) -> None:
        """Delete all our files, the marker last, and the folder if nothing else is in it."""
        names = self.names()
        self.delete([name for name in names if name != MARKER])
        self.delete([name for name in names if name == MARKER])
        self.marked = False
        if self.system.get_file_info(self.path).type != FileType.Directory:
            return
        if self.local and not os.listdir(self.path):
            os.rmdir(self.path)
        elif not self.local and not self.system.get_file_info(FileSelector(self.path)):
            self.system.delete_dir(self.path)

    def _stranger(self) -> str | None:
        """A file in the folder which shows that it is not a checkpoint."""
        names = self._all_names()
        others = [name for name in names if not _is_marker_part(name)]
        return min(others) if others and MARKER not in names else None

    def _all_names(self) -> list[str]:
        info = self.system.get_file_info(self.path)
        if info.type == FileType.NotFound:
            return []
        if info.type != FileType.Directory:
            raise InputError(f"{self.uri} is a file: name a folder of its own as checkpoint.path")
        if self.local:
            self._trust(self.path)
        return [file.base_name for file in self.system.get_file_info(FileSelector(self.path))]

    def _make(self) -> None:
        if not self.local:
            self.system.create_dir(self.path, recursive=True)
        elif not os.path.isdir(self.path):
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            os.mkdir(self.path, 0o700)

    def _write(self, name: str, content: bytes) -> None:
        path = f"{self.path}/{name}"
        if self.local:
            local_files.write(path, content, 0o600)
            return
        aside = local_files.aside_of(path)
        with self.system.open_output_stream(aside) as out:
            out.write(content)
        self.system.move(aside, path)

    def _trust(self, path: str) -> None:
        """Raise InputError if another user owns the path or can write to it, because its content becomes the model."""
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            raise InputError(f"{path} is a link: remove it, or name another checkpoint.path")
        if found.st_uid != os.geteuid():
            raise InputError(f"{path} belongs to another user: name a folder of your own as checkpoint.path")
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise InputError(f"others may write to {path}: take that from them (chmod go-w), or name another folder")


def _is_marker_part(name: str) -> bool:
    """Whether a file is a marker that a killed run has left incomplete."""
    return bool(PARTS.fullmatch(name)) and name.startswith(MARKER)
