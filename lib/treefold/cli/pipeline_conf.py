"""The conf of the ``pipeline`` job: the confs of its steps in one file."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from treefold.cli.conf_files import load, record
from treefold.cli.config import Name, Train, Tune
from treefold.cli.generation_conf import Generate
from treefold.cli.preparation_conf import Prepare
from treefold.cli.scoring_confs import Evaluate, Predict
from treefold.errors import InputError

KINDS: dict[str, Any] = {
    "generate": Generate,
    "prepare": Prepare,
    "tune": Tune,
    "train": Train,
    "evaluate": Evaluate,
    "predict": Predict,
}


class Pipeline(Struct, frozen=True, forbid_unknown_fields=True):
    """The steps in their order and a table for each, which is the conf of the job of that name.

    ``state`` is the file that says which steps have ended.
    """

    steps: Annotated[list[Name], Meta(description="jobs in the order in which they run")]
    state: Annotated[Name, Meta(description="the file that says which steps have ended")]
    generate: Annotated[dict[str, Any] | None, Meta(description="the conf of the step `generate`")] = None
    prepare: Annotated[dict[str, Any] | None, Meta(description="the conf of the step `prepare`")] = None
    tune: Annotated[dict[str, Any] | None, Meta(description="the conf of the step `tune`")] = None
    train: Annotated[dict[str, Any] | None, Meta(description="the conf of the step `train`")] = None
    evaluate: Annotated[dict[str, Any] | None, Meta(description="the conf of the step `evaluate`")] = None
    predict: Annotated[dict[str, Any] | None, Meta(description="the conf of the step `predict`")] = None


class Steps(Struct, frozen=True):
    """A pipeline with the confs of its steps checked."""

    state: str
    confs: dict[str, Any]


def load_pipeline(path: str, overrides: list[str]) -> Steps:
    """Conf of a pipeline; all steps are checked.

    Raises
    ------
    InputError
        If a step is no job, is there twice, or has no table or a wrong one.
    """
    whole = load(path, overrides, Pipeline)
    confs: dict[str, Any] = {}
    for step in whole.steps:
        if step not in KINDS:
            raise InputError(f"{path}: steps: there is no job '{step}': there are {', '.join(KINDS)}")
        tables = getattr(whole, step)
        if tables is None:
            raise InputError(f"{path}: steps: there is no table [{step}]: write the conf of that job there")
        if step in confs:
            raise InputError(f"{path}: steps: '{step}' is there twice: write a pipeline of its own for the second one")
        confs[step] = record(f"{path}: [{step}]", tables, KINDS[step])
    return Steps(whole.state, confs)
