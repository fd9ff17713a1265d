"""Published folders: their content, which files are treefold's, and the newest complete publication.

A published folder has a **manifest**, which names all our files. On a local disk it is ``_treefold.json`` among them,
and the folder was renamed into place. Object stores cannot rename a folder, and like HDFS cannot replace one
atomically. There every publication is a **generation**, a folder of its own below the path. Its manifest,
``_treefold-000002-....json``, is written when all files are there, and is never changed. Readers take the newest
complete manifest: the old publication until the new one is complete, then the new one.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from pyarrow.fs import FileSelector, FileSystem, FileType, LocalFileSystem

from treefold import __version__, locations
from treefold.errors import InputError

FORMAT = 1
MANIFEST = "_treefold.json"
NUMBERED = re.compile(r"_treefold-((\d{6})-[0-9a-f]{32})\.json")
GENERATION = re.compile(r"(\d{6})-[0-9a-f]{32}")
METADATA = "metadata/part-00000"
"""The file in which pyspark.ml's Pipeline looks for the class of a stage: always directly below the path."""
MOST_JSON = 2**28  # bytes of a file that are read; what is cut there is not valid JSON
PLAIN = re.compile(
    r"((model|bestModel)/)?(model\.json|arrays\.npz|metadata/part-00000)"
    r"|metrics\.json|passes\.jsonl|report\.html|trials\.parquet|trials\.json|search\.json"
)
"""Names of what earlier versions published, without a manifest."""
ESTIMATOR = re.compile(r"metadata/(_SUCCESS|\._SUCCESS\.crc|part-00000[^/]*|\.part-00000[^/]*\.crc)")
"""Names of what pyspark.ml's writer makes of an estimator."""
OUR_FOLDER = re.compile(r"\d{6}-[0-9a-f]{32}(/.*)?|(model|bestModel)|((model|bestModel)/)?metadata")


class Manifest(NamedTuple):
    """A manifest: its name, the folder of its files (empty for its own folder), and their names."""

    name: str
    within: str
    files: list[str]

    @property
    def number(self) -> int:
        """Number of the generation; 0 if the files are next to the manifest."""
        return int(self.within[:6] or 0)


class Look(NamedTuple):
    """What is at a path.

    Attributes
    ----------
    there : bool
        Whether anything is there, apart from remains of a killed publication.
    foreign : str or None
        Something that is not ours.
    ours : frozenset of str
        Our files, complete or left over, relative to the path.
    newest : Manifest or None
    """

    there: bool
    foreign: str | None = None
    ours: frozenset[str] = frozenset()
    newest: Manifest | None = None


def manifest_text(within: str, files: list[str]) -> bytes:
    """Content of a manifest."""
    record = {"format": FORMAT, "treefold": __version__, "within": within, "files": files}
    return (json.dumps(record, indent=2) + "\n").encode()


def look(system: FileSystem, path: str) -> Look:
    """What is at a path, and whether it is ours."""
    info = system.get_file_info(path)
    if info.type == FileType.NotFound:
        return Look(False)
    if info.type != FileType.Directory:
        return Look(True, "a file")
    inside = system.get_file_info(FileSelector(path, recursive=True))
    names = {each.path[len(path) :].lstrip("/") for each in inside if each.type != FileType.Directory}
    manifests = _manifests(system, path, names)
    listed = {f"{one.within}/{name}".lstrip("/") for one in manifests for name in one.files}
    ours = names & ({one.name for one in manifests} | listed)
    generations = {name for name in names if NUMBERED.fullmatch(name) or GENERATION.fullmatch(name.partition("/")[0])}
    ours |= generations
    if generations:
        ours |= names & {METADATA}
    if _published_before(system, path, names - ours):
        ours |= {name for name in names if PLAIN.fullmatch(name)}
    ours |= _estimator(system, path, names - ours)
    folders = {each.path[len(path) :].lstrip("/") for each in inside if each.type == FileType.Directory}
    strangers = sorted((names - ours) | _links(system, path) | _empty(folders, names))
    if strangers:
        return Look(True, strangers[0], frozenset(ours), newest(manifests))
    left_over = bool(generations) and not manifests and ours <= generations | {METADATA}
    return Look(not left_over, None, frozenset(ours), newest(manifests))


def newest(manifests: list[Manifest]) -> Manifest | None:
    """The manifest that readers use."""
    return max(manifests, key=lambda one: (one.number, one.name), default=None)


def content(system: FileSystem, path: str) -> str:
    """The folder of the files of a published path: itself, or its newest generation, or that of a folder above it."""
    parts = path.split("/")
    for up in range(3):
        above, below = "/".join(parts[: len(parts) - up]), parts[len(parts) - up :]
        if not above.strip("/"):
            break
        try:
            if system.get_file_info(above).type != FileType.Directory:
                continue
            names = {each.base_name for each in system.get_file_info(FileSelector(above))}
        except OSError:
            if not up:
                raise
            break  # a folder above may not be listed
        found = newest(_manifests(system, above, names))
        return "/".join([above, found.within, *below]) if found and found.within else path
    return path


def read(uri: str, name: str) -> bytes:
    """A file of JSON of a published folder; FileNotFoundError if it does not exist."""
    system, path = locations.opened(uri)
    where = content(system, path)
    try:
        return _bytes(system, f"{where}/{name}")
    except FileNotFoundError:
        again = content(system, path)  # another run may have replaced it meanwhile
        if again == where:
            raise
        return _bytes(system, f"{again}/{name}")


def read_json(uri: str, name: str) -> Any:
    """The content of a JSON file of a published folder; InputError if it does not exist or is damaged."""
    try:
        return json.loads(read(uri, name))
    except FileNotFoundError as error:
        raise InputError(f"there is no {uri.rstrip('/')}/{name}: check the path") from error
    except ValueError as error:
        raise InputError(f"{uri.rstrip('/')}/{name} is damaged: restore it") from error


def _bytes(system: FileSystem, path: str) -> bytes:
    with system.open_input_stream(path) as file:
        return bytes(file.read(MOST_JSON))


def _manifests(system: FileSystem, path: str, names: set[str]) -> list[Manifest]:
    """The complete manifests; a truncated one is not valid JSON."""
    found = []
    for name in names:
        numbered = NUMBERED.fullmatch(name)
        if not numbered and name != MANIFEST:
            continue
        try:
            record = json.loads(_bytes(system, f"{path}/{name}"))
            files = [str(name) for name in record["files"]]
        except (ValueError, KeyError, TypeError, AttributeError, FileNotFoundError):
            continue
        found.append(Manifest(name, numbered[1] if numbered else "", files))
    return found


def _published_before(system: FileSystem, path: str, names: set[str]) -> bool:
    """Whether an earlier version published a folder without a manifest: its content decides, not its name alone."""
    for name, key in (("model.json", "treefold"), ("search.json", "scores"), (METADATA, "class")):
        for prefix in ("", "model/"):
            if prefix + name not in names:
                continue
            try:
                record = json.loads(_bytes(system, f"{path}/{prefix}{name}"))
            except ValueError:
                continue
            if isinstance(record, dict) and key in record and (key != "class" or _of_ours(record[key])):
                return True
    return False


def _estimator(system: FileSystem, path: str, names: set[str]) -> set[str]:
    """Files of an estimator of ours, which pyspark.ml's writer saves as metadata alone."""
    files = {name for name in names if ESTIMATOR.fullmatch(name)}
    for name in files:
        if not name.startswith("metadata/part-"):
            continue
        try:
            record = json.loads(_bytes(system, f"{path}/{name}"))
        except ValueError:
            continue
        if isinstance(record, dict) and "paramMap" in record and _of_ours(record.get("class")):
            return files
    return set()


def _empty(folders: set[str], names: set[str]) -> set[str]:
    """Folders without a file, except those that a publication leaves when its files are deleted."""
    full = {"/".join(parts[:n]) for name in names for parts in [name.split("/")] for n in range(1, len(parts))}
    return {folder for folder in folders - full if not OUR_FOLDER.fullmatch(folder)}


def _links(system: FileSystem, path: str) -> set[str]:
    """Links on a local disk, which treefold never makes and which lead elsewhere."""
    if not isinstance(system, LocalFileSystem):
        return set()
    return {str(each.relative_to(path)) for each in Path(path).rglob("*") if each.is_symlink()}


def _of_ours(name: Any) -> bool:
    return isinstance(name, str) and name.startswith("treefold.")


def refuse(uri: str, found: Look, overwrite: bool) -> None:
    """Raise InputError if what is at a path must not be replaced.

    Parameters
    ----------
    uri : str
        What errors call the path.
    found : Look
        What is there.
    overwrite : bool
        Whether to replace what treefold published there before.
    """
    if found.there and not overwrite:
        raise InputError(f"{uri} exists: choose another path, or replace it with --overwrite")
    if found.foreign == "a file":
        raise InputError(f"{uri} is a file, which is never replaced: choose another path")
    if found.foreign:
        raise InputError(
            f"{uri} is not replaced, because {found.foreign} in it is not ours: choose another path, or move it away"
        )


def files_of(folder: Path) -> list[str]:
    """Names of all files below a local folder, relative to it."""
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
