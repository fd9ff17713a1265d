"""Publication on file systems that cannot rename a folder: every publication is a generation, a folder of its own."""

import logging
import shutil
import uuid
from pathlib import Path

import pyarrow as pa
from pyarrow.fs import FileSystem

from treefold.errors import InputError
from treefold.locations import first_line
from treefold.persistence.output_folder import GENERATION, METADATA, NUMBERED, files_of, look, manifest_text, refuse

log = logging.getLogger(__name__)


def upload(aside: Path, system: FileSystem, path: str, uri: str, overwrite: bool) -> None:
    """Copy a local folder into a new generation, make it the newest, then delete the older ones and the folder.

    Parameters
    ----------
    aside : Path
        The local folder.
    system : FileSystem
        The file system of the output.
    path : str
        The path of the output there.
    uri : str
        What errors call the output.
    overwrite : bool
        Whether to replace what treefold published there before.

    Raises
    ------
    InputError
        If something is at the path that must not be replaced.
    """
    before = look(system, path)
    number = 1 + (before.newest.number if before.newest else 0)
    name = f"{number:06d}-{uuid.uuid4().hex}"
    files = files_of(aside)
    for file in files:
        put(system, f"{path}/{name}/{file}", (aside / file).read_bytes())
    if METADATA in files and METADATA not in before.ours:
        put(system, f"{path}/{METADATA}", (aside / METADATA).read_bytes())
    now = look(system, path)
    if not overwrite and now.newest:
        raise InputError(f"{uri} exists: another run has published it meanwhile")
    refuse(uri, now, True)
    put(system, f"{path}/_treefold-{name}.json", manifest_text(name, files))
    try:
        if METADATA in files and METADATA in before.ours:
            put(system, f"{path}/{METADATA}", (aside / METADATA).read_bytes())
        older = [old for old in before.ours if _number(old) < number and not (old == METADATA and METADATA in files)]
        for old in sorted(older, key=lambda old: (not NUMBERED.fullmatch(old), old)):  # manifests before their files
            system.delete_file(f"{path}/{old}")
    except (OSError, pa.ArrowException) as error:
        log.warning("files of the publication before are left in %s: %s", uri, first_line(error))
    shutil.rmtree(aside, ignore_errors=True)  # made by this run, and copied


def _number(name: str) -> int:
    """Number of the generation that a file belongs to; a concurrent publication has no lower one."""
    found = NUMBERED.fullmatch(name)
    return int(found[2] if found else name[:6] if GENERATION.fullmatch(name.partition("/")[0]) else 0)


def put(system: FileSystem, path: str, content: bytes) -> None:
    """Write a file, and the folders above it.

    Parameters
    ----------
    system : FileSystem
        The file system.
    path : str
        Path of the file there.
    content : bytes
        Bytes to write.
    """
    system.create_dir(path.rsplit("/", 1)[0], recursive=True)
    with system.open_output_stream(path) as out:
        out.write(content)
