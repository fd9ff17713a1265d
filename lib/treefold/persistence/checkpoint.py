"""A checkpoint records the result of every pass, so that a killed job can resume.

An algorithm knows of the data only what its passes returned. When the same job runs again, the recorded results are
replayed without reading the data, and the algorithm reaches the same state, bit by bit. The algorithm does not know of
it. The first pass is computed again and compared with its record, so a checkpoint of other data is refused.

A checkpoint is a folder of numbered files, each with the passes of a stretch, written under another name and renamed,
with a checksum in front, and never changed. The record ends at a file that is damaged or does not begin where the one
before it ends (because two runs wrote at once); the passes after it are computed again.
"""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from treefold.dataset.blocks import Blocks
from treefold.errors import InputError
from treefold.locations import check_apart, first_line
from treefold.persistence import serialization
from treefold.persistence.checkpoint_folder import MARKER, NUMBERED, CheckpointFolder
from treefold.persistence.checkpointed_blocks import CheckpointedBlocks, Entry
from treefold.persistence.encryption import FernetCipher, is_encrypted
from treefold.persistence.hashing import digest
from treefold.persistence.output_checks import check_lasting

CHECKSUM_BYTES = hashlib.sha256().digest_size


class Checkpoint:
    """The checkpoint of a job.

    Its files hold arrays and numbers, no code, and are readable by their owner only on a local disk.

    Parameters
    ----------
    uri : str
        A path or any URI of pyarrow.fs: a folder that does not exist yet, is empty, or holds a checkpoint.
    job : str
        What the job is to do; the checkpoint of another job is refused.
    every : int
        Passes in a file: at most so many are computed again.
    seconds : float, optional
        Write a file after so many seconds instead, at the end of a pass.
    resume : bool
        Whether to resume from the files that are there; otherwise they are removed.
    cipher : FernetCipher, optional
        Encrypts the files.

    Raises
    ------
    InputError
        If the folder holds anything but a checkpoint, or others can write to it; if the checkpoint is that of another
        job or version, or its key is not that of ``cipher``.
    """

    def __init__(
        self,
        uri: str,
        job: str,
        every: int = 10,
        *,
        seconds: float | None = None,
        resume: bool,
        cipher: FernetCipher | None = None,
    ) -> None:
        self.uri, self.every, self.seconds, self.cipher = uri, every, seconds, cipher
        self.folder = CheckpointFolder(uri, digest(job))
        self.known: deque[Entry] = deque()
        self.fresh: list[Entry] = []
        self.files = self.written = 0
        self.dropped = 0  # files of a killed run that are not resumed from
        self.time = time.monotonic()
        if resume:
            self._read()
        else:
            self.dropped = sum(NUMBERED.fullmatch(name) is not None for name in self.folder.names())
            self.remove()
        self.length = self.written = len(self.known)

    def over(self, blocks: Blocks, private: bool = False) -> "CheckpointedBlocks":
        """The blocks, whose passes this checkpoint records.

        Raises
        ------
        InputError
            If the blocks are ``private``, so that no disk may hold what is in them, and there is no cipher.
        """
        if private and self.cipher is None:
            raise InputError(
                f"spark.io.encryption.enabled is on, and {self.uri} would hold sums and rows as they are: name the "
                "file of a key as checkpoint.key"
            )
        return CheckpointedBlocks(blocks, self)

    def next(self, asked: str) -> Entry | None:
        """The recorded result of the next pass; None if there is none.

        Parameters
        ----------
        asked : str
            Digest of the statistic and its arguments.

        Returns
        -------
        Entry or None

        Raises
        ------
        InputError
            If the recorded pass is another one.
        """
        if not self.known:
            return None
        if self.known[0].asked != asked:
            raise InputError(
                f"{self.uri} was written by another version, or for other settings: start anew with --fresh"
            )
        return self.known.popleft()

    def add(self, entry: Entry) -> None:
        """Record a pass; InputError if the checkpoint cannot be written."""
        self.fresh.append(entry)
        due = len(self.fresh) >= self.every if self.seconds is None else time.monotonic() - self.time >= self.seconds
        if due:
            self._write()

    def remove(self) -> None:
        """Remove the files."""
        self.folder.remove()

    def _write(self) -> None:
        packed = serialization.dumped((self.folder.job, self.written, self.fresh))
        if self.cipher:
            packed = self.cipher.encrypt(packed)
        try:
            self.folder.put(f"{self.files:06d}", hashlib.sha256(packed).digest() + packed)
        except OSError as error:
            raise InputError(
                f"{self.uri} cannot be written ({error.strerror or first_line(error)}): make room there, or name "
                "another checkpoint.path, and run it again"
            ) from error
        self.written += len(self.fresh)
        self.files, self.fresh, self.time = self.files + 1, [], time.monotonic()

    def _read(self) -> None:
        there = self.folder.names()
        if MARKER not in there:
            return
        self.folder.check()
        for number in count():
            name = f"{number:06d}"
            entries = self._entries(name) if name in there else None
            if entries is None:
                self.files = number
                break
            self.known.extend(entries)
        # Files after a gap would not fit the files that are written now.
        self.folder.delete([name for name in there if NUMBERED.match(name) and name >= f"{self.files:06d}"])

    def _entries(self, name: str) -> list[Entry] | None:
        """Passes of a file; None if it is damaged, or does not begin where the file before it ends."""
        written = self.folder.read(name)
        checksum, packed = written[:CHECKSUM_BYTES], written[CHECKSUM_BYTES:]
        if hashlib.sha256(packed).digest() != checksum:
            return None
        content = self._decrypted(packed)
        try:
            job, start, entries = serialization.loaded(content)
        except ValueError as error:
            raise InputError(
                f"{self.uri} was written by another version ({first_line(error)}): start anew with --fresh"
            ) from error
        if job != self.folder.job:
            raise InputError(
                f"{self.uri} was written by a job with another conf: start anew with --fresh, or restore it"
            )
        return list(entries) if start == len(self.known) else None

    def _decrypted(self, packed: bytes) -> bytes:
        if self.cipher is None and is_encrypted(packed):
            raise InputError(f"{self.uri} is encrypted: name the file of its key as checkpoint.key")
        if self.cipher is None:
            return packed
        if not is_encrypted(packed):
            raise InputError(f"{self.uri} is not encrypted: start anew with --fresh, or leave out checkpoint.key")
        content = self.cipher.decrypt(packed)
        if content is None:
            raise InputError(f"{self.uri} was encrypted with another key than {self.cipher.uri}: name that one")
        return content


@contextmanager
def opened_for(conf: Any, *, fresh: bool, say: Callable[[str], None]) -> Iterator[Checkpoint | None]:
    """The checkpoint that a job's conf describes, or None; it is removed when the job is done and kept if it fails.

    Parameters
    ----------
    conf : treefold.cli.config.Train
        With ``checkpoint`` (None, or its interval and its ``key``), ``checkpoint_path``, ``inputs`` and ``job``.
    fresh : bool
        Whether to delete the checkpoint of a stopped run instead of resuming from it.
    say : callable
        Called with a line about what is resumed or deleted.

    Yields
    ------
    Checkpoint or None
    """
    if conf.checkpoint is None:
        yield None
        return
    check_apart(conf.checkpoint_path, conf.inputs)
    check_lasting(conf.checkpoint_path)
    every, cipher = conf.checkpoint, FernetCipher(conf.checkpoint.key) if conf.checkpoint.key else None
    checkpoint = Checkpoint(
        conf.checkpoint_path, conf.job, every.passes, seconds=every.seconds, resume=not fresh, cipher=cipher
    )
    if checkpoint.dropped:
        say(f"starting anew: the checkpoint of an earlier run at {checkpoint.uri} is deleted")
    elif checkpoint.length:
        say(f"continuing after the {checkpoint.length} passes of {checkpoint.uri} (--fresh starts anew)")
    yield checkpoint
    checkpoint.remove()
