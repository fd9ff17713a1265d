"""Classification of pyarrow's read errors: the file is damaged, Spark has to read it, or its storage failed."""

import re

import pyarrow as pa

from treefold.errors import InputError

MARK = "treefold could not read "
# How the messages of Arrow's Parquet reader and codecs begin. An error of a file system has other words, and as pyarrow
# raises both as OSError without a number, nothing else distinguishes them.
DAMAGED = re.compile(
    r"Parquet (magic bytes|file size)|Couldn't deserialize thrift|Deserializing page header|could not verify page integ"
    r"|Malformed|Invalid (page|column|BYTE_ARRAY|data|number of indices|or |repetition|definition|encoded|Type::type)"
    r"|Page (was smaller|smaller than|didn't decompress|index)|Data page|Dictionary page|Definition levels|Levels size"
    r"|Negative size|Number of|Not enough values|PlainDecoder|Received invalid|Unexpected (end of stream|page type)"
    r"|Column cannot have more|Allocation size too large|Index not in dictionary|Corrupt |ZSTD decompression failed"
    r"|GZipCodec failed|Unknown encoding"
)
ENCRYPTED = re.compile(
    r"Could not read encrypted|Cannot decrypt|Column is noted as encrypted|Footer key unavailable|No footer key"
    r"|Failed decryption|.*no file decryptor"
)

# Rows that the file's own schema allows, and the Arrow schema that pyarrow finds beside it does not.
ARROW_SCHEMA = re.compile(r"Expected all lists to be of size")

# Names of files that a Parquet reader is given by mistake, and the format they have.
OTHER_FORMATS = {
    "csv": "CSV",
    "tsv": "CSV",
    "txt": "text",
    "json": "JSON",
    "jsonl": "JSON",
    "orc": "ORC",
    "avro": "Avro",
}
NAMED_AS = re.compile(rf"\.({'|'.join(OTHER_FORMATS)})(\.\w+)?$", re.IGNORECASE)


class UseSpark(RuntimeError):
    """pyarrow cannot read a file, or not as Spark does, so Spark has to read it. The message says why."""


def read_error(uri: str, error: Exception) -> Exception:
    """What to raise for an error of pyarrow's while it read the file at ``uri``.

    Returns
    -------
    InputError
        If the file is gone, or Parquet's own reader says that it is damaged.
    UseSpark
        If the file is encrypted, has what pyarrow was built without, or contradicts the Arrow schema in it.
    Exception
        Else ``error`` itself, for Spark to try the task again: the disk, the network or the store failed. A note on it
        is found by :func:`storage_error` when Spark has given up.
    """
    text = _first_line(error)
    if isinstance(error, FileNotFoundError):
        return InputError(f"{uri} is not there: it was removed, or this worker does not share that file system")
    if isinstance(error, pa.ArrowNotImplementedError) or ENCRYPTED.match(text) or ARROW_SCHEMA.match(text):
        return UseSpark(f"pyarrow cannot read {uri}: {text}")
    numbered = isinstance(error, OSError) and error.errno is not None
    if isinstance(error, pa.ArrowInvalid) or (not numbered and DAMAGED.match(text)):
        return no_parquet(uri, text)
    error.add_note(f"{MARK}{uri}: {text}")
    return error


def no_parquet(uri: str, reason: str = "") -> InputError:
    """What to raise for a file that Parquet's own reader says is none: it has another format, or it is damaged."""
    suffix = NAMED_AS.search(uri)
    if suffix:
        kind = OTHER_FORMATS[suffix[1].lower()]
        return InputError(
            f"{uri} is {kind} and no Parquet file: let the job prepare, or Spark, write its rows as Parquet"
        )
    return InputError(f"{uri} is damaged or no Parquet file{f' ({reason})' if reason else ''}: restore it or remove it")


def is_empty_file(error: Exception) -> bool:
    """Whether a file has no bytes; Spark treats it as a file without rows."""
    return isinstance(error, pa.ArrowInvalid) and str(error).startswith("Parquet file size is 0 bytes")


def storage_error(error: Exception) -> InputError | None:
    """The failed read behind an exception of Spark after all attempts of its tasks; else None."""
    found = re.search(f"{MARK}([^\n]+?): ([^\n]+)", str(error))
    if not found:
        return None
    return InputError(f"{found[1]} could not be read ({found[2]}): see that its storage answers, then run again")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
