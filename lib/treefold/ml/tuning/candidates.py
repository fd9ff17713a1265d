"""The candidates of a search: for each setting an estimator and the stages before it in a Pipeline."""

from typing import Any, NamedTuple

from pyspark.ml import Pipeline
from pyspark.ml.param import Param, Params

from treefold.errors import InputError
from treefold.ml.base import Trainable
from treefold.ml.params import NoParam
from treefold.ml.tuning.stages import stages_of
from treefold.privacy.noisy_blocks import search_refusal

ParamMap = dict[Param, Any]


class Candidate(NamedTuple):
    """One setting.

    Attributes
    ----------
    before : list of stages
        The stages before the estimator, in their order.
    estimator : Trainable
    key : str
        Candidates with the same key have the same stages before the estimator.
    """

    before: list[Any]
    estimator: Trainable
    key: str

    def copy(self) -> "Candidate":
        """A candidate with a copy of the estimator, which may be changed."""
        return self._replace(estimator=self.estimator.copy())


def candidates(estimator: Any, settings: list[ParamMap]) -> list[Candidate] | None:
    """A candidate for each setting.

    Parameters
    ----------
    estimator : Estimator
        An estimator of treefold, or a Pipeline that ends in one.
    settings : list of dict
        Values by param.

    Returns
    -------
    list of Candidate or None
        None if a candidate would not end in an estimator of treefold.

    Raises
    ------
    InputError
        If a value is not valid, or a candidate is differentially private.
    """
    made = [_candidate(estimator, setting) for setting in settings]
    known = [each for each in made if each is not None]
    if any(each.estimator.private for each in known):
        raise search_refusal()
    return known if len(known) == len(made) else None


def _candidate(estimator: Any, setting: ParamMap) -> Candidate | None:
    if isinstance(estimator, Trainable):
        own = {param: value for param, value in setting.items() if param.parent == estimator.uid}
        trial = estimator.copy({param: value for param, value in setting.items() if param not in own})
        trial.setParams(**{param.name: value for param, value in own.items()})
        return Candidate([], trial, "")
    if not isinstance(estimator, Pipeline):
        return None
    try:
        stages: list[Any] = estimator.copy(setting).getStages()
    except (TypeError, ValueError) as error:
        raise InputError(f"a setting has a value that is not valid: {error}") from error
    if not stages or not isinstance(stages[-1], Trainable):
        return None
    key = sorted((str(param), repr(value)) for param, value in setting.items() if param.parent != stages[-1].uid)
    return Candidate(stages[:-1], stages[-1], repr(key))


def param_of(estimator: Any, name: str) -> Param:
    """The param with a name; InputError if there is none."""
    if estimator.hasParam(name):
        return estimator.getParam(name)
    if isinstance(estimator, Trainable):
        raise NoParam(estimator, name)
    raise InputError(
        f"{type(estimator).__name__} has no param '{name}': a space has params of the estimator itself; give those of "
        "its stages as estimatorParamMaps"
    )


def check_owners(estimator: Params, settings: list[ParamMap]) -> None:
    """Raise InputError for a param that belongs to no stage of the estimator."""
    known = stages_of(estimator)
    for param in (param for setting in settings for param in setting):
        if param.parent not in known:
            raise InputError(f"the settings name {param}, which is no param of the estimator {estimator.uid}")


def by_name(settings: list[ParamMap]) -> list[dict[str, Any]]:
    """The settings by the names of the params; a name that several stages have is preceded by its stage."""
    owners: dict[str, set[str]] = {}
    for param in (param for setting in settings for param in setting):
        owners.setdefault(param.name, set()).add(param.parent)
    return [
        {param.name if len(owners[param.name]) == 1 else str(param): value for param, value in setting.items()}
        for setting in settings
    ]
