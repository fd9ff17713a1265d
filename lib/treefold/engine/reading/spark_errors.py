"""Spark's own read errors in one line."""

import re
from collections.abc import Iterator
from typing import Any

from treefold.engine.reading.read_errors import no_parquet, storage_error
from treefold.errors import InputError

FAILED_READ = "FAILED_READ_FILE"
# Causes of a failed read that Parquet's own Java reader reports.
DAMAGED = re.compile(
    r"is not a Parquet file|Expected magic number|can not read class org\.apache\.parquet|ParquetDecodingException"
    r"|shaded\.parquet\.org\.apache\.thrift|could not verify page integrity"
)
ENCRYPTED = re.compile(r"ParquetCryptoRuntimeException|KeyAccessDeniedException|with encrypted footer")
# The message of Spark's vectorised reader for a column whose type in this file differs from the DataFrame's.
OTHER_TYPE = re.compile(r"column: \[([^\]]*)\], physicalType: (\w+), logicalType: ([^)\n]+)")
NO_CODEC = re.compile(r"ClassNotFoundException: org\.apache\.hadoop\.io\.compress\.(\w+)Codec")
NO_CONNECTOR = re.compile(r"ClassNotFoundException|UnsupportedFileSystemException")
GONE = re.compile(r"FileNotFoundException: (?![^\n]*Permission denied)")


def unreadable_file(error: Exception) -> InputError | None:
    """The bad input behind an exception of Spark, if Spark or a worker could not read a file; else None."""
    found = _failed_read(error)
    if not found:
        return storage_error(error)
    path, cause = found
    if GONE.search(cause):
        return InputError(f"{path} is not there: it was removed, so read the data anew")
    if DAMAGED.search(cause):
        return no_parquet(path)
    if ENCRYPTED.search(cause):
        return InputError(f"{path} is encrypted ({_root(cause)}): give Spark its keys by parquet.crypto properties")
    codec = NO_CODEC.search(cause)
    if codec:
        return InputError(
            f"{path} is compressed by {codec[1].lower()}, for which Spark has no codec: write it with zstd or "
            "snappy, or add a jar with the codec (spark.jars)"
        )
    other = OTHER_TYPE.search(cause)
    if other:
        return InputError(
            f"column '{other[1]}' of {path} is of type {other[2]}, and the DataFrame has it as {other[3]}: write the "
            "column in one type in all files"
        )
    return InputError(f"Spark could not read {path} ({_root(cause)}): see that its storage answers, then run again")


def no_storage(path: str, error: Exception) -> InputError:
    """What to raise if the file system of a path cannot be opened, or does not know whether the path exists."""
    cause = getattr(error, "java_exception", None)
    while cause is not None and cause.getCause() is not None:
        cause = cause.getCause()
    said = str(cause.toString() if cause is not None else error).strip().splitlines()[0]
    if NO_CONNECTOR.search(said):
        cure = "add the connector of this scheme to Spark (spark.jars.packages), or name it by a scheme that Spark has"
    else:
        cure = "check its address, the network and the credentials"
    return InputError(f"{path} cannot be opened by Spark ({said}): {cure}")


def _failed_read(error: Exception) -> tuple[str, str]:
    """The file of a failed read and the text of its causes; empty if no read failed.

    Spark's error condition names the file. For the failed task of a job there is only the text of its exception, which
    contains the condition in brackets.
    """
    for condition, parameters in _conditions(error):
        if condition.startswith(FAILED_READ) and "path" in parameters:
            return parameters["path"], f"{condition} {error}"
    text = f"{error} "
    found = re.search(rf"\[{FAILED_READ}[^]]*] [^\n]*?file ([^\n]+?)\. ", text)
    return (found[1], text[found.start() :]) if found else ()  # type: ignore[return-value]


def _conditions(error: Exception) -> Iterator[tuple[str, dict[str, str]]]:
    """Spark's error conditions with their parameters, of the exception and of its causes in the JVM."""
    spark_error: Any = error
    if hasattr(spark_error, "getCondition"):
        yield spark_error.getCondition() or "", spark_error.getMessageParameters() or {}
    cause = getattr(spark_error, "java_exception", None)
    while cause is not None:
        if hasattr(cause, "getCondition") and "SparkThrowable" in _interfaces(cause):
            yield cause.getCondition() or "", dict(cause.getMessageParameters() or {})
        cause = cause.getCause()


def _interfaces(cause: Any) -> str:
    return " ".join(each.getSimpleName() for each in cause.getClass().getInterfaces())


def _root(cause: str) -> str:
    """The innermost cause in the text of a Java exception, its first line."""
    causes = re.findall(r"Caused by: ([^\n]+)", cause)
    return causes[-1].strip() if causes else cause.strip().splitlines()[0]
