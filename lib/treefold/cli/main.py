"""The command line of every job: arguments, signals, exit codes, the last line."""

import argparse
import ctypes
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from treefold.cli.failures import explained
from treefold.cli.progress import LogLines, ProgressLine
from treefold.errors import InputError, ThresholdNotMet, TryAgain

BAD_INPUT, THRESHOLD_NOT_MET, TRY_AGAIN = 2, 3, 75  # exit codes; the last is EX_TEMPFAIL of sysexits.h
OPTIONS = {
    "overwrite": "replace the output if treefold wrote it, in one step",
    "resume": "resume from the checkpoint of a stopped run, as a conf with [checkpoint] does anyway",
    "fresh": "delete the checkpoint of a stopped run and start anew",
    "all": "run every step, whatever has changed",
    "incremental": "leave out partitions whose input has not changed since they were written",
}
PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux


class JobRun(NamedTuple):
    """One run of a job.

    Attributes
    ----------
    conf : treefold.cli.config.Train
        The conf file with the overrides applied.
    path : str
        The conf file.
    overrides : list of str
    options : frozenset of str
        The options that were given, without their dashes.
    line : ProgressLine
        Where the job shows its progress.
    started : datetime
    """

    conf: Any
    path: str
    overrides: list[str]
    options: frozenset[str]
    line: ProgressLine
    started: datetime

    @property
    def overwrite(self) -> bool:
        """Whether an existing output is replaced."""
        return "overwrite" in self.options

    @property
    def fresh(self) -> bool:
        """Whether an existing checkpoint is deleted instead of resumed from."""
        return "fresh" in self.options

    @property
    def incremental(self) -> bool:
        """Whether partitions whose input has not changed are left out."""
        return "incremental" in self.options


class Terminated(BaseException):
    """SIGTERM or SIGHUP was received. It is a BaseException, so that no handler of failures catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)


def run(
    job: Callable[[JobRun], dict[str, Any]],
    load: Callable[[str, list[str]], Any],
    about: str,
    example: str,
    options: tuple[str, ...] = ("overwrite", "resume", "fresh"),
) -> NoReturn:
    """Run a job and exit.

    The JSON of the result is the only line on stdout, and the exit code is 0. Bad input, and other problems of the
    machine or the cluster that a person can solve (:func:`treefold.cli.failures.explained`), give one line on stderr
    and exit code 2; what may succeed later has exit code 75. A job whose result does not reach a threshold of the conf
    prints the result and one line on stderr, with exit code 3. A job stopped by SIGINT, SIGTERM or SIGHUP ends Spark,
    publishes nothing, and exits with 128 + the number of the signal after one line. Anything else is a defect and shows
    its traceback.

    Parameters
    ----------
    job : JobRun -> result
        The work of the job.
    load : (path, overrides) -> conf
        A function of :mod:`treefold.cli.config`.
    about, example : str
        For ``--help``; the example is what follows the name of the job.
    options : tuple of str
        Names of the options that the job takes.
    """
    started, line = datetime.now(UTC), ProgressLine()
    conf = None
    _catch_signals()
    _show_warnings(line)
    try:
        arguments = _parser(about, example, options).parse_intermixed_args()
        conf = load(arguments.conf, arguments.overrides)
        given = frozenset(option for option in options if getattr(arguments, option))
        if "resume" in given and conf.checkpoint is None:
            raise InputError(f"there is nothing to resume: {arguments.conf} has no table [checkpoint]")
        result = job(JobRun(conf, arguments.conf, arguments.overrides, given, line, started))
    except KeyboardInterrupt:
        _stopped(line, signal.SIGINT, conf)
    except Terminated as stop:
        _stopped(line, stop.signal, conf)
    except ThresholdNotMet as failure:
        line.say(f"threshold not met: {failure}")
        print(json.dumps(failure.result), flush=True)
        sys.exit(THRESHOLD_NOT_MET)
    except Exception as error:
        explanation = explained(error)
        if explanation is None:
            raise
        line.say(f"error: {explanation}")
        sys.exit(TRY_AGAIN if isinstance(error, TryAgain) else BAD_INPUT)
    print(json.dumps(result), flush=True)
    sys.exit(0)


class _Parser(argparse.ArgumentParser):
    """A parser that reports its errors as bad input."""

    def error(self, message: str) -> NoReturn:
        """Refuse the arguments."""
        raise InputError(f"{message}: see {self.prog} --help")


def _parser(about: str, example: str, options: tuple[str, ...]) -> argparse.ArgumentParser:
    # With abbreviations, a misspelt --overwrit would count as --overwrite.
    command = "./spark-submit.sh" if "TREEFOLD_SCRIPT" in os.environ else "python -m treefold"
    program = f"{command} {Path(sys.argv[0]).stem}"
    parser = _Parser(prog=program, description=about, epilog=f"example: {program} {example}", allow_abbrev=False)
    parser.add_argument("conf", help="a TOML file, such as conf/digits.toml")
    parser.add_argument("overrides", nargs="*", metavar="table.key=value", help="conf keys that override the file")
    kept = parser.add_mutually_exclusive_group() if "resume" in options else None
    for option in options:
        group = kept if kept and option in ("resume", "fresh") else parser
        group.add_argument(f"--{option}", action="store_true", help=OPTIONS[option])
    return parser


def _catch_signals() -> None:
    """Turn every termination signal into an exception of the main thread."""

    def terminate(number: int, frame: Any) -> NoReturn:
        raise Terminated(number)

    if "TREEFOLD_SCRIPT" in os.environ and sys.platform == "linux":  # started by spark-submit.sh: end if it is killed
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it for background jobs
    for each in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(each) != signal.SIG_IGN:  # nohup ignores the signal
            signal.signal(each, terminate)


def _stopped(line: ProgressLine, number: signal.Signals, conf: Any) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    kept = ""
    if getattr(conf, "checkpoint", None) is not None:
        kept = f"; the same command continues from {conf.checkpoint_path}, if a checkpoint was written"
    line.say(f"stopped by {number.name}: nothing was published{kept}")
    sys.exit(128 + number)


def _show_warnings(line: ProgressLine) -> None:
    """Show warnings that the library logs among the lines of the job."""
    logger = logging.getLogger("treefold")
    logger.propagate = False
    logger.handlers = [LogLines(line)]
