"""A journal of passes: how a job that was killed goes on where it was.

All that an algorithm knows of the data is what its passes returned. A journal keeps that; a job that is run again is
given it back without a look at the data, takes the same steps, and so arrives at the pass it had come to with every bit
as it was. No algorithm needs to know. The first pass is made again, and must return what it returned then: other data
are not gone on with.

The journal is a folder of numbered files, each the passes of a stretch, written aside and renamed, with a checksum in
front, and never changed. A file that is damaged, or does not begin where the one before it ends (two runs wrote at
once), ends what is known; the passes after it are made again.
"""

import hashlib
import os
import pickle
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

from pyarrow.fs import FileSelector, FileSystem, FileType, LocalFileSystem

from treefold.blocks import Blocks, Leaf, Merge, Pass, add
from treefold.digest import digest
from treefold.errors import InputError
from treefold.seal import Seal, is_sealed
from treefold.store import opened

CHECKSUM_BYTES = hashlib.sha256().digest_size


class Entry(NamedTuple):
    """One pass: a digest of what was asked, the answer, the number of features, the account."""

    asked: str
    answer: Any
    features: int
    account: Pass


class Journal:
    """The journal of a job.

    Its files are pickled, and readable by their owner only on a local disk: go on with your own journals only.

    Parameters
    ----------
    uri : str
        A path or any URI of pyarrow.fs.
    job : str
        What the job is to do; a journal of another job is not gone on with.
    every : int
        Passes in a file: at most so many are made again.
    seconds : float, optional
        Write a file after so many seconds instead, at the end of a pass.
    resume : bool
        Whether to go on with what is there; else it is removed.
    seal : Seal, optional
        Encrypts the files.

    Raises
    ------
    InputError
        If the journal is that of another job or version, or its key is not that of ``seal``.
    """

    def __init__(
        self,
        uri: str,
        job: str,
        every: int = 10,
        *,
        seconds: float | None = None,
        resume: bool,
        seal: Seal | None = None,
    ) -> None:
        self.uri, self.job, self.every, self.seconds, self.seal = uri, digest(job), every, seconds, seal
        self.system, self.path = opened(uri)
        self.known: deque[Entry] = deque()
        self.fresh: list[Entry] = []
        self.files = self.written = 0
        self.time = time.monotonic()
        if resume:
            self._read()
        else:
            self.remove()
        self.length = self.written = len(self.known)

    def over(self, blocks: Blocks, private: bool = False) -> "Journalled":
        """The blocks, their passes kept in this journal.

        Raises
        ------
        InputError
            If the blocks are ``private``, so that no disk may hold what is in them, and the journal has no seal.
        """
        if private and self.seal is None:
            raise InputError(
                f"spark.io.encryption.enabled is on, and {self.uri} would hold sums and rows as they are: name the "
                "file of a key as checkpoint.key"
            )
        return Journalled(blocks, self)

    def next(self, asked: str) -> Entry | None:
        """What is known of the next pass, if anything.

        Raises
        ------
        InputError
            If another pass was made then.
        """
        if not self.known:
            return None
        if self.known[0].asked != asked:
            raise InputError(f"{self.uri} was written by another version, or for other settings: run without --resume")
        return self.known.popleft()

    def add(self, entry: Entry) -> None:
        """Keep a pass that was made.

        Raises
        ------
        InputError
            If the journal cannot be written.
        """
        self.fresh.append(entry)
        due = len(self.fresh) >= self.every if self.seconds is None else time.monotonic() - self.time >= self.seconds
        if due:
            self._write()

    def remove(self) -> None:
        """Remove the files."""
        if self.system.get_file_info(self.path).type == FileType.Directory:
            self.system.delete_dir(self.path)

    def _write(self) -> None:
        packed = pickle.dumps((self.job, self.written, self.fresh), protocol=5)
        if self.seal:
            packed = self.seal.closed(packed)
        try:
            self.system.create_dir(self.path, recursive=True)
            if isinstance(self.system, LocalFileSystem):
                os.chmod(self.path, 0o700)
            _put(self.system, f"{self.path}/{self.files:06d}", hashlib.sha256(packed).digest() + packed)
        except OSError as error:
            raise InputError(
                f"{self.uri} cannot be written ({error.strerror or error}): make room there, or name another "
                "checkpoint.path, and go on with --resume"
            ) from error
        self.written += len(self.fresh)
        self.files, self.fresh, self.time = self.files + 1, [], time.monotonic()

    def _read(self) -> None:
        if self.system.get_file_info(self.path).type != FileType.Directory:
            return
        there = {file.base_name: file.path for file in self.system.get_file_info(FileSelector(self.path))}
        for number in count():
            path = there.get(f"{number:06d}")
            entries = self._entries(path) if path else None
            if entries is None:
                self.files = number
                break
            self.known.extend(entries)
        for name, path in there.items():
            if name >= f"{self.files:06d}":  # what comes after a gap would not fit what is written now
                self.system.delete_file(path)

    def _entries(self, path: str) -> list[Entry] | None:
        """Passes of a file; None if it is damaged, or does not go on where the one before it ends."""
        with self.system.open_input_stream(path) as file:
            written = file.read()
        checksum, packed = written[:CHECKSUM_BYTES], written[CHECKSUM_BYTES:]
        if hashlib.sha256(packed).digest() != checksum:
            return None
        content = self._unsealed(packed)
        try:
            job, start, entries = pickle.loads(content)
        except (ValueError, AttributeError, ImportError, TypeError) as error:
            raise InputError(f"{self.uri} was written by another version: run without --resume") from error
        if job != self.job:
            raise InputError(f"{self.uri} was written by a job with another conf: run without --resume, or restore it")
        return list(entries) if start == len(self.known) else None

    def _unsealed(self, packed: bytes) -> bytes:
        if self.seal is None and is_sealed(packed):
            raise InputError(f"{self.uri} is encrypted: name the file of its key as checkpoint.key")
        if self.seal is None:
            return packed
        if not is_sealed(packed):
            raise InputError(f"{self.uri} is not encrypted: run without --resume, or without checkpoint.key")
        content = self.seal.opened(packed)
        if content is None:
            raise InputError(f"{self.uri} was encrypted with another key than {self.seal.uri}: name that one")
        return content


@contextmanager
def opened_for(conf: Any, *, resume: bool, say: Callable[[str], None]) -> Iterator[Journal | None]:
    """The journal that a job's conf asks for, or None; removed when the job is done, kept where it fails.

    Parameters
    ----------
    conf : with ``checkpoint`` (None, or how often and with which ``key``), ``checkpoint_path`` and ``job``
    resume : bool
        Whether to go on with the journal of a killed run.
    say : callable
        Told what is gone on with.

    Raises
    ------
    InputError
        If a journal is to be gone on with and the conf asks for none.
    """
    if conf.checkpoint is None:
        if resume:
            raise InputError("there is nothing to resume: the conf has no table [checkpoint]")
        yield None
        return
    every, seal = conf.checkpoint, Seal(conf.checkpoint.key) if conf.checkpoint.key else None
    journal = Journal(conf.checkpoint_path, conf.job, every.passes, seconds=every.seconds, resume=resume, seal=seal)
    if resume:
        known = f"going on after the {journal.length} passes of {journal.uri}"
        say(known if journal.length else f"there is no checkpoint at {journal.uri}: starting anew")
    yield journal
    journal.remove()


class Journalled:
    """Blocks whose passes are kept in a journal (a :class:`~treefold.blocks.Blocks`)."""

    def __init__(self, blocks: Blocks, journal: Journal) -> None:
        self.blocks, self.journal = blocks, journal
        self.features = 0
        self.passes: list[Pass] = []

    def sum(self, stat: Callable, *args: Any) -> Any:
        """See :class:`treefold.blocks.Scan`."""
        return self.fold(Leaf(stat), *args, merge=add)

    def fold(self, stat: Callable, *args: Any, merge: Merge) -> Any:
        """See :class:`treefold.blocks.Scan`."""
        return self._pass(self.blocks.fold, stat, args, merge)

    def tally(self, stat: Callable, *args: Any, merge: Merge = add) -> Any:
        """See :class:`treefold.blocks.Blocks`."""
        return self._pass(self.blocks.tally, stat, args, merge)

    def _pass(self, made: Callable, stat: Callable, args: tuple, merge: Merge) -> Any:
        asked = digest((stat, args))
        first = len(self.journal.known) == self.journal.length
        entry = self.journal.next(asked)
        if entry is None or first:
            answer = made(stat, *args, merge=merge)
            if entry is None:
                entry = Entry(asked, answer, self.blocks.features, self.blocks.passes[-1])
                self.journal.add(entry)
            elif digest(answer) != digest(entry.answer):
                raise InputError(f"{self.journal.uri} was written over other data: run without --resume")
        self.features = entry.features
        self.passes.append(entry.account)
        return entry.answer

    def map(self, fn: Callable, *args: Any) -> "Journalled":
        """See :class:`treefold.blocks.Blocks`."""
        return Journalled(self.blocks.map(fn, *args), self.journal)

    def close(self) -> None:
        """Give back the room the blocks take."""
        self.blocks.close()


def _put(system: FileSystem, path: str, content: bytes) -> None:
    """Write a file whole or not at all, aside, then renamed; on a local disk for its owner only."""
    aside = f"{path}.{uuid.uuid4().hex}.part"  # another run may write here as well
    if isinstance(system, LocalFileSystem):
        os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with system.open_output_stream(aside) as out:
        out.write(content)
    system.move(aside, path)
