"""Params handed over between models of treefold and of pyspark.ml, which have them under the same names."""

import logging
from typing import Any

from pyspark.errors import IllegalArgumentException
from pyspark.ml.wrapper import JavaParams

from treefold.errors import InputError
from treefold.ml.params import Options

LOG = logging.getLogger(__name__)


def one_column(ours: Options) -> None:
    """Raise InputError if the features are several columns: pyspark.ml's models take one column of vectors."""
    if not isinstance(ours.getOrDefault("featuresCol"), str):
        raise InputError("pyspark.ml takes one column of vectors: setFeaturesCol to its name first")


def with_params(theirs: Any, ours: Options) -> Any:
    """A model of pyspark.ml with the params of ours.

    Parameters
    ----------
    theirs : pyspark.ml Model
        Params that are set already stay as they are.
    ours : Options
        A model. Values that pyspark.ml does not know, such as solvers that are ours alone, stay at its defaults, which
        is logged.

    Returns
    -------
    pyspark.ml Model
        ``theirs``.
    """
    for param in theirs.params:
        if theirs.isSet(param) or not (ours.hasParam(param.name) and ours.isDefined(param.name)):
            continue
        value = ours.getOrDefault(param.name)
        if value is None or (theirs.isDefined(param) and theirs.getOrDefault(param) == value):
            continue
        if _taken(theirs, param, value):
            theirs._set(**{param.name: value})
    theirs._transfer_params_to_java()
    return theirs


def _taken(theirs: JavaParams, param: Any, value: Any) -> bool:
    try:
        theirs._make_java_param_pair(param, param.typeConverter(value))
    except (IllegalArgumentException, TypeError) as error:
        LOG.info("%s = %r is not handed over to pyspark.ml (%s)", param.name, value, str(error).splitlines()[0])
        return False
    return True


def take_params(ours: Options, theirs: Any) -> None:
    """Set the params that are set in a model of pyspark.ml, except those that ours does not have or take.

    Parameters
    ----------
    ours : Options
        A model, which is changed.
    theirs : pyspark.ml Model
        Where the values come from. Values that are refused here stay at their defaults, which is logged.
    """
    for param in theirs.params:
        if theirs.isSet(param) and ours.hasParam(param.name):
            try:
                ours._set(**{param.name: theirs.getOrDefault(param)})
            except InputError as error:
                LOG.info("not taken over from pyspark.ml: %s", error)
