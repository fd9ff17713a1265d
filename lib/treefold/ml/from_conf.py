"""Estimators that the conf of a job names."""

from typing import Any

from treefold.errors import InputError
from treefold.ml.base import Trainable

COLUMNS = {"featuresCol": "data.features", "labelCol": "data.label", "weightCol": "data.weight"}


def with_columns(estimator: Trainable, columns: dict[str, Any]) -> Trainable:
    """The estimator with the columns of a conf; InputError if it has no such column."""
    for param in columns:
        if not estimator.hasParam(param):
            key = COLUMNS[param]
            raise InputError(f"{key}: {type(estimator).__name__} takes no {key.removeprefix('data.')}: leave it out")
    return estimator.setParams(**columns)


def params_of(estimator: Trainable) -> dict[str, Any]:
    """All params that have a value, including defaults, in types of JSON."""
    values = {param.name: value for param, value in estimator.extractParamMap().items()}
    return {name: plain(value) for name, value in sorted(values.items())}


def plain(value: Any) -> Any:
    """A value in types of JSON."""
    if isinstance(value, Trainable):
        return {"name": type(value).__name__, **plain(value.plain_params())}
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
