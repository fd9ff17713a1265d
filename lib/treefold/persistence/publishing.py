"""Publishing of results: atomically, and never in place of something that is not treefold's."""

import logging
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow.fs import FileSystem, FileType, LocalFileSystem

from treefold import locations
from treefold.errors import InputError
from treefold.locations import first_line
from treefold.persistence import local_files
from treefold.persistence.output_checks import check_place, check_writable, why
from treefold.persistence.output_folder import GENERATION, MANIFEST, METADATA, NUMBERED, Look, look, manifest_text

log = logging.getLogger(__name__)


def check_free(uri: str, overwrite: bool, apart_from: Iterable[str] = ()) -> None:
    """Raise InputError if something at ``uri`` must not be replaced.

    Parameters
    ----------
    uri : str
        Where something is to be published.
    overwrite : bool
        Whether it may replace what treefold published there before; nothing else is ever replaced.
    apart_from : iterable of str
        Paths and URIs that the job reads or writes. ``uri`` must not be one of them, contain one or be inside one.
    """
    check_place(uri, apart_from)
    system, path = locations.opened(uri)
    try:
        found = look(system, path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{uri} cannot be looked at ({why(error)}): check the path and who may use it") from error
    _refuse(uri, found, overwrite)


def preflight(uri: str, overwrite: bool, apart_from: Iterable[str] = ()) -> None:
    """Check that something can be published at ``uri``: a file is written next to it and deleted.

    Missing folders above ``uri`` are created when it is published, not before.

    Parameters
    ----------
    uri : str
        Path or URI of the result.
    overwrite : bool
        Whether an existing result may be replaced.
    apart_from : iterable of str, default ()
        Paths and URIs that the job reads or writes, as for :func:`check_free`.

    Raises
    ------
    InputError
        If it cannot.
    """

    def look() -> None:
        check_free(uri, overwrite, apart_from)
        check_writable(uri)

    locations.answered(uri, look)


@contextmanager
def published(uri: str, *, overwrite: bool = False, apart_from: Iterable[str] = ()) -> Iterator[Path]:
    """A new local folder to fill within a ``with`` statement, which then appears at ``uri`` atomically.

    On a local disk it is renamed and exchanged with the folder that it replaces: atomically on Linux, otherwise in two
    steps between which ``uri`` does not exist for an instant. On other file systems it is copied next to the old one,
    and a manifest then marks it as the newest: see :mod:`treefold.persistence.output_folder`. After an error in the
    body it is deleted. If it cannot be published, the error says where it is kept.

    Parameters
    ----------
    uri : str
        A path, or a URI that :func:`treefold.locations.opened` takes.
    overwrite : bool, default False
        Whether to replace what treefold published there before.
    apart_from : iterable of str
        Paths and URIs that the job reads or writes.

    Yields
    ------
    Path

    Raises
    ------
    InputError
        If there is something at ``uri`` that must not be replaced (see :func:`check_free`), or it cannot be written.
    """
    check_free(uri, overwrite, apart_from)
    system, path = locations.opened(uri)
    local = isinstance(system, LocalFileSystem)
    aside = _aside(uri, Path(path) if local else None)
    try:
        yield aside
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)  # made by this call, under a name of its own
        raise
    try:
        if local:
            _rename(aside, Path(path), uri, overwrite)
        else:
            _upload(aside, system, path, uri, overwrite)
    except InputError as error:
        raise InputError(f"{error}; the results are kept in {aside}") from error
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{uri} cannot be written ({why(error)}): the results are kept in {aside}") from error


def replace(folder: Path, target: Path, uri: str) -> None:
    """Put a local folder, filled, in the place of another that was published, or of none; both are on one disk.

    Parameters
    ----------
    folder : Path
        Where to write.
    target : Path
        Labels, or indices of classes.
    uri : str
        What errors call the target.

    Raises
    ------
    InputError
        If something is at ``target`` that treefold did not publish.
    """
    _rename(folder, target, uri, overwrite=True)


def write(uri: str, content: bytes) -> None:
    """Write one file to a path or URI atomically, replacing a file that is there.

    Parameters
    ----------
    uri : str
        Path or URI.
    content : bytes
        Bytes to write.

    Raises
    ------
    InputError
        If there is a folder, or it cannot be written.
    """
    system, path = locations.opened(uri)
    try:
        if system.get_file_info(path).type == FileType.Directory:
            raise InputError(f"{uri} is a folder: name a file")
        if isinstance(system, LocalFileSystem):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            local_files.write(path, content)
        else:
            _put(system, path, content)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{uri} cannot be written ({why(error)}): name another path") from error


def _refuse(uri: str, found: Look, overwrite: bool) -> None:
    if found.there and not overwrite:
        raise InputError(f"{uri} exists: choose another path, or replace it with --overwrite")
    if found.foreign == "a file":
        raise InputError(f"{uri} is a file, which is never replaced: choose another path")
    if found.foreign:
        raise InputError(
            f"{uri} is not replaced, because {found.foreign} in it is not ours: choose another path, or move it away"
        )


def _aside(uri: str, target: Path | None) -> Path:
    try:
        if target is None:
            return Path(tempfile.mkdtemp(prefix="treefold-output."))
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.parent / local_files.aside_of(f".{target.name}")
        aside.mkdir()
        return aside
    except OSError as error:
        raise InputError(f"{uri} cannot be written ({why(error)}): name another path") from error


def _files(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def _rename(aside: Path, target: Path, uri: str, overwrite: bool) -> None:
    (aside / MANIFEST).write_bytes(manifest_text("", _files(aside)))
    local_files.sync_tree(aside)
    old = None
    if not target.exists():
        aside.rename(target)  # refused by the system if another run has made it meanwhile
    elif not overwrite:
        raise InputError(f"{uri} exists: another run has published it meanwhile")
    else:
        _refuse(
            uri, look(LocalFileSystem(), str(target)), overwrite
        )  # a file may have been added while this was filled
        old = _exchange(aside, target)
    try:  # the new one is published: a failure from here on loses nothing
        local_files.sync(target.parent)
        if old and (look(LocalFileSystem(), str(old)).foreign or not _removed(old)):
            log.warning("what was at %s is kept in %s: it holds files that treefold did not write", uri, old)
    except OSError as error:
        log.warning("%s is published, but not all of the previous output could be deleted: %s", uri, why(error))


def _exchange(new: Path, target: Path) -> Path:
    """Put the new folder in the place of the old one; returns the present path of the old one."""
    if local_files.exchanged(new, target):
        return new
    old = new.with_name(local_files.aside_of(f".{target.name}"))
    target.rename(old)
    try:
        new.rename(target)
    except OSError:
        old.rename(target)
        raise
    return old


def _removed(folder: Path) -> bool:
    """Delete our files in a folder, and the folder; returns whether nothing is left."""
    return local_files.remove(folder, look(LocalFileSystem(), str(folder)).ours)


def _upload(aside: Path, system: FileSystem, path: str, uri: str, overwrite: bool) -> None:
    """Copy into a new generation, make it the newest, then delete the older ones."""
    before = look(system, path)
    number = 1 + (before.newest.number if before.newest else 0)
    name = f"{number:06d}-{uuid.uuid4().hex}"
    files = _files(aside)
    for file in files:
        _put(system, f"{path}/{name}/{file}", (aside / file).read_bytes())
    if METADATA in files and METADATA not in before.ours:
        _put(system, f"{path}/{METADATA}", (aside / METADATA).read_bytes())
    now = look(system, path)
    if not overwrite and now.newest:
        raise InputError(f"{uri} exists: another run has published it meanwhile")
    _refuse(uri, now, True)
    _put(system, f"{path}/_treefold-{name}.json", manifest_text(name, files))
    try:
        if METADATA in files and METADATA in before.ours:
            _put(system, f"{path}/{METADATA}", (aside / METADATA).read_bytes())
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


def _put(system: FileSystem, path: str, content: bytes) -> None:
    system.create_dir(path.rsplit("/", 1)[0], recursive=True)
    with system.open_output_stream(path) as out:
        out.write(content)
