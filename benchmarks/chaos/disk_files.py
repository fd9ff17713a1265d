"""Files on the disks of a cluster that is at work: folders and files may go while they are listed."""

import os
from collections.abc import Iterator
from pathlib import Path


def files_below(folder: Path) -> Iterator[Path]:
    """All files below a folder. A folder that is removed meanwhile counts as empty, which ``Path.rglob`` raises on."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def bytes_of(file: Path) -> bytes:
    """What a file holds; nothing if it is gone."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
