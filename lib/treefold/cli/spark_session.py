"""The Spark session of a job: started from the properties of its target, watched until it has executors, ended."""

import json
import os
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pyspark
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark import SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession

from treefold.cli.environment_archive import executors_python
from treefold.cli.failures import explained, root_cause
from treefold.cli.jvm_output import JvmOutput
from treefold.cli.spark_properties import blas_arguments, check_properties, read_properties
from treefold.errors import InputError

LONGEST_TEMPDIR = 103 - len("/tmp12345678/.01234567-0123-0123-0123-0123456789ab.sock")  # of a Unix socket of PySpark's
PATIENCE = 15.0  # seconds without an executor after which a line says so


class JavaError(Exception):
    """An exception of the JVM, described while the JVM was running."""


@contextmanager
def session(name: str, say: Callable[[str], None]) -> Iterator[SparkSession]:
    """A session for a job.

    ``python -m treefold`` names Spark's properties in ``TREEFOLD_PROPERTIES`` and the library for the workers in
    ``TREEFOLD_LIBRARY``. They are checked, and then PySpark starts ``spark-submit`` with them; in deploy mode
    ``cluster`` this process becomes ``spark-submit``, which runs the job elsewhere. Without them, because the job was
    started by ``spark-submit`` itself, the session uses the existing JVM.

    Parameters
    ----------
    name : str
        Name of the application.
    say : callable
        Called with a line about overridden properties and missing executors.

    Yields
    ------
    SparkSession

    Raises
    ------
    InputError
        If the properties are wrong, the master does not answer, or no JVM starts.
    """
    if _kept is None:
        with _started(name, say) as spark:
            yield spark
        return
    if _kept.spark is None:
        _kept.spark = _kept.stack.enter_context(_started(name, say))
    yield _kept.spark


class _Kept:
    """A session that outlasts the job that has asked for it first."""

    def __init__(self) -> None:
        self.stack, self.spark = ExitStack(), None


_kept: Any = None


@contextmanager
def kept_open() -> Iterator[None]:
    """All jobs that are run meanwhile share one session, which the first of them starts; it ends at the end."""
    global _kept
    _kept = _Kept()
    try:
        with _kept.stack:
            yield
    finally:
        _kept = None


@contextmanager
def _started(name: str, say: Callable[[str], None]) -> Iterator[SparkSession]:
    builder = SparkSession.builder.appName(name)
    path = os.environ.get("TREEFOLD_PROPERTIES")
    if path is None or "PYSPARK_GATEWAY_PORT" in os.environ:
        with builder.getOrCreate() as spark:
            yield spark
        return
    properties = read_properties(path)
    check_properties(properties, path)
    arguments = ["--properties-file", path, "--py-files", os.environ["TREEFOLD_LIBRARY"]]
    python, shipped = executors_python(properties, say)
    if python:
        os.environ["PYSPARK_PYTHON"] = python
    arguments += [*shipped, *blas_arguments(properties)]
    if properties.get("spark.submit.deployMode") == "cluster":
        submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
        os.execv(submit, [str(submit), *arguments, *sys.argv])
    os.environ["PYSPARK_SUBMIT_ARGS"] = shlex.join([*arguments, "pyspark-shell"])
    if properties.get("spark.python.worker.reuse", "true").lower() == "false":
        say("spark.python.worker.reuse = false is ignored: a new Python for every task would take most of the time")
        builder = builder.config("spark.python.worker.reuse", "true")
    if len(tempfile.gettempdir()) > LONGEST_TEMPDIR:
        builder = builder.config("spark.python.unix.domain.socket.enabled", "false")
    interrupt = signal.getsignal(signal.SIGINT)
    with _jvm() as output:
        try:
            spark = builder.getOrCreate()
        except (PySparkRuntimeError, Py4JJavaError) as error:
            raise _no_session(error, output, path) from error
        # PySpark's handler would call the JVM, which the interrupted thread may be in the midst of calling.
        signal.signal(signal.SIGINT, interrupt)
        output.release()
        with spark, _watched(spark, say):
            yield spark


@contextmanager
def _jvm() -> Iterator[JvmOutput]:
    """Capture the output of the JVM that is started within a ``with`` statement; end the JVM at its end."""
    with JvmOutput() as output:
        try:
            yield output
        except Py4JJavaError as error:  # its text is requested from the JVM
            message = explained(error)
            raise (
                InputError(message) if message else JavaError(str(error)).with_traceback(error.__traceback__)
            ) from None
        finally:
            gateway, SparkContext._gateway, SparkContext._jvm = SparkContext._gateway, None, None
            if gateway is not None:
                gateway.shutdown()
                gateway.proc.stdin.close()  # the JVM ends when its standard input is closed
                gateway.proc.wait()


def _no_session(error: Exception, output: JvmOutput, path: str) -> Exception:
    """The exception to raise if a session could not be made."""
    said = output.reason()
    if isinstance(error, Py4JJavaError):
        message = explained(error)
        if message:
            return InputError(message)
        said = root_cause(error)
    elif isinstance(error, PySparkRuntimeError) and error.getCondition() != "JAVA_GATEWAY_EXITED":
        return error
    return InputError(f"Spark does not start ({said}): correct {path}, or the Java it runs on")


@contextmanager
def _watched(spark: SparkSession, say: Callable[[str], None]) -> Iterator[None]:
    """Show a line with the requested resources, once, if the cluster provides no executors."""
    done = threading.Event()

    def watch() -> None:
        with suppress(Py4JError, OSError):  # the session may end meanwhile
            if not done.wait(PATIENCE) and not _executors(spark):
                say(f"no executor after {PATIENCE:.0f} s: {_asked(spark)}; {_there(str(spark.sparkContext.master))}")

    if not str(spark.sparkContext.master).startswith("local"):
        threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _executors(spark: SparkSession) -> int:
    """Number of executors; Spark counts the driver as one."""
    return len(spark.sparkContext._jsc.sc().statusTracker().getExecutorInfos()) - 1


def _asked(spark: SparkSession) -> str:
    """The resources that are requested from the cluster."""
    conf, master = spark.sparkContext.getConf(), str(spark.sparkContext.master)
    many = conf.get("spark.executor.instances") or ("all" if master.startswith("spark:") else "2")
    cores, memory = conf.get("spark.executor.cores") or "all", conf.get("spark.executor.memory", "1g")
    return f"asked {master} for executors of {cores} cores and {memory} (spark.executor.cores, .memory), {many} of them"


def _there(master: str) -> str:
    """The resources that a standalone master reports on its web page, if that is at its default address."""
    if not master.startswith("spark:"):
        return "its web page lists its resources"
    try:
        host = master.removeprefix("spark://").split(",")[0].rpartition(":")[0]
        with urlopen(f"http://{host}:{os.environ.get('SPARK_MASTER_WEBUI_PORT', '8080')}/json/", timeout=2) as page:
            has = json.load(page)
        return (
            f"it has {has['aliveworkers']} workers with {has['cores'] - has['coresused']} of {has['cores']} cores and "
            f"{has['memory'] - has['memoryused']} of {has['memory']} MiB free"
        )
    except (OSError, ValueError, KeyError):
        return "its web page lists its resources"
