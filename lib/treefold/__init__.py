"""treefold: machine learning in passes over partitioned data on Apache Spark.

The estimators are in :mod:`treefold.ml`. The names below are for statistics and algorithms of your own, and
:func:`load` reads a saved model without Spark. They are imported when they are first used. Importing this package
imports none of its modules and no other package, because every executor imports it.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from treefold.api import check_statistic, open_blocks
    from treefold.dataset.block import Block
    from treefold.engine.execution.local_blocks import LocalBlocks
    from treefold.errors import InputError
    from treefold.optim.iterate import iterate
    from treefold.persistence.model_io import load

__version__ = "0.1.0"
__all__ = ["Block", "InputError", "LocalBlocks", "check_statistic", "iterate", "load", "open_blocks"]

_MODULES = {
    "Block": "dataset.block",
    "InputError": "errors",
    "LocalBlocks": "engine.execution.local_blocks",
    "check_statistic": "api",
    "iterate": "optim.iterate",
    "load": "persistence.model_io",
    "open_blocks": "api",
}

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'treefold' has no attribute '{name}'")
    globals()[name] = value = getattr(import_module(f"treefold.{_MODULES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
