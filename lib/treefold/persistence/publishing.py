"""Publishing of results: atomically, and never in place of something that is not treefold's."""

import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from pyarrow.fs import FileType, LocalFileSystem

from treefold import locations
from treefold.errors import InputError
from treefold.persistence import local_files
from treefold.persistence.generations import put, upload
from treefold.persistence.output_checks import check_place, check_writable, why
from treefold.persistence.output_folder import (
    MANIFEST,
    files_of,
    look,
    manifest_text,
    refuse,
)

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
    refuse(uri, found, overwrite)


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
            upload(aside, system, path, uri, overwrite)
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
            put(system, path, content)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{uri} cannot be written ({why(error)}): name another path") from error


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


def _rename(aside: Path, target: Path, uri: str, overwrite: bool) -> None:
    (aside / MANIFEST).write_bytes(manifest_text("", files_of(aside)))
    local_files.keep_umask(aside)
    local_files.sync_tree(aside)
    old = None
    if not target.exists():
        aside.rename(target)  # refused by the system if another run has made it meanwhile
    elif not overwrite:
        raise InputError(f"{uri} exists: another run has published it meanwhile")
    else:
        refuse(uri, look(LocalFileSystem(), str(target)), overwrite)  # a file may have been added while this was filled
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
