"""Folders of partitions that are published one by one: each appears whole, in the place of none that is not ours.

Every partition is a published folder with a manifest of its own (:mod:`treefold.persistence.output_folder`), which
names its files. The folder above has ``_manifest.json``, which says what the partitions are. Readers of Parquet pass
over names that begin with an underscore.
"""

import fcntl
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from treefold.errors import InputError, TryAgain
from treefold.persistence import local_files, output_checks, publishing

FORMAT = 1
PARTITIONS = "_manifest.json"
LOCK = "_lock"
STAGED = re.compile(rf"_staged{local_files.ASIDE}")


class PartitionedFolder:
    """A folder of partitions at a local path.

    Parameters
    ----------
    uri : str
    kind : str
        What is in it: a folder of another kind is never touched.
    apart_from : paths or URIs
        What the job reads: the folder must be none of it, nor hold it, nor be below it.

    Raises
    ------
    InputError
        If the folder is on no local disk, or holds what is not ours.
    """

    def __init__(self, uri: str, kind: str, apart_from: Iterable[str] = ()) -> None:
        self.uri, self.kind = uri, kind
        output_checks.check_place(uri, apart_from)
        self.path = Path(output_checks.check_local(uri))
        self.manifest = self._read()
        output_checks.check_writable(uri)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A name for a new folder beside this one, for Spark to write partitions to; deleted at the end.

        Raises
        ------
        TryAgain
            If another run is writing this folder.
        """
        with self._locked():
            for left in self.path.glob("_staged.*"):  # by a run that was killed
                if STAGED.fullmatch(left.name):
                    shutil.rmtree(left, ignore_errors=True)
            staged = self.path / local_files.aside_of("_staged")
            try:
                yield staged
            finally:
                shutil.rmtree(staged, ignore_errors=True)  # a name of its own

    def publish(self, staged: Path) -> dict[str, list[str]]:
        """Put every partition below ``staged`` in its place; returns their files by the name of the partition.

        The name is the path below this folder, as in ``day=2024-01-01/hour=3``, or ``data`` where rows are in no
        partition. Partitions that are not among them are kept.
        """
        local_files.keep_umask(staged)
        published = {}
        for folder in _partitions(staged):
            for file in [*folder.glob("_SUCCESS"), *folder.glob(".*.crc")]:
                file.unlink()
            name = "data" if folder == staged else folder.relative_to(staged).as_posix()
            published[name] = sorted(file.name for file in folder.iterdir())
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            publishing.replace(folder, target, f"{self.uri}/{name}")
        return published

    def write_manifest(self, record: dict[str, Any]) -> None:
        """Write ``_manifest.json`` in one step."""
        content = json.dumps({"format": FORMAT, "kind": self.kind, **record}, indent=2)
        local_files.write(str(self.path / PARTITIONS), content.encode() + b"\n")

    def _read(self) -> dict[str, Any]:
        """The manifest; empty where nothing is there."""
        if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
            return {}
        if not self.path.is_dir():
            raise InputError(f"{self.uri} is a file, which is never replaced: choose another path")
        try:
            record = json.loads((self.path / PARTITIONS).read_bytes())
            kind, version = record["kind"], record["format"]
        except FileNotFoundError as error:
            raise InputError(
                f"{self.uri} holds files that are no {self.kind} of treefold: choose another path, or move them away"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.uri}/{PARTITIONS} is damaged: restore it, or move {self.uri} away") from error
        if kind != self.kind or version > FORMAT:
            raise InputError(f"{self.uri} holds {kind} of format {version}, not {self.kind}: choose another path")
        return dict(record)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.mkdir(parents=True, exist_ok=True)
        if not self.manifest:
            self.write_manifest({"partitions": {}})
        with open(self.path / LOCK, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise TryAgain(f"another run is writing {self.uri}: run this again when it has ended") from error
            yield


def _partitions(staged: Path) -> list[Path]:
    """The folders that hold files."""
    folders = {file.parent for file in staged.rglob("*.parquet")}
    return sorted(folders)
