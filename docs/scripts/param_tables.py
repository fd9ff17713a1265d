"""Pages of params: one for every estimator that ``treefold.ml`` exports, made from the params themselves."""

import inspect
import re
from importlib import import_module
from typing import Any

from pyspark.ml import Estimator
from pyspark.ml.param import Param, Params

from counterparts import sklearn_class, sklearn_name
from treefold import ml
from treefold.ml.params import NO_EFFECT

PYSPARK = ("classification", "regression", "clustering", "tuning")
NONE = "none"
WIDE = "---\nhide: [toc]\n---\n\n"  # front matter: a page without headings has no table of contents


def estimators() -> dict[str, type[Params]]:
    """All estimators that ``treefold.ml`` exports, by name."""
    classes = {name: getattr(ml, name) for name in sorted(ml.__all__)}
    return {name: cls for name, cls in classes.items() if inspect.isclass(cls) and issubclass(cls, Estimator)}


def pyspark_class(name: str) -> type | None:
    """pyspark.ml's estimator of that name."""
    modules = [import_module(f"pyspark.ml.{module}") for module in PYSPARK]
    return next((getattr(module, name) for module in modules if name in module.__all__), None)


def pyspark_params(name: str) -> dict[str, str] | None:
    """Params of pyspark.ml's estimator of that name and their defaults; None if there is no such estimator.

    Only an object with its params is made, because the estimator itself needs a JVM.
    """
    cls = pyspark_class(name)
    if cls is None:
        return None
    bases = [base for base in cls.__bases__ if re.match("_(?!Java)|Has", base.__name__)]
    made = type(name, tuple(bases), {})()
    defaults = {param.name: default_of(made, param) for param in made.params}
    return {param: "a hash of the class name" if param == "seed" else default for param, default in defaults.items()}


def default_of(owner: Params, param: Param) -> str:
    """The default as it would be written in Python."""
    return code(owner.getOrDefault(param)) if owner.hasDefault(param) else "unset"


def code(value: Any) -> str:
    """A value in Markdown."""
    shown = f'"{value}"' if isinstance(value, str) else repr(value)
    return f"`{shown}`"


def cell(text: str) -> str:
    """Text that may stand in a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell(each) for each in line)} |" for line in lines) + "\n"


def param_page(name: str) -> str:
    """Every param of an estimator: meaning, default, and what pyspark.ml and scikit-learn have in its place."""
    made, theirs, other = estimators()[name](), pyspark_params(name), sklearn_class(name)
    rows = []
    for param in made.params:
        inert = param.doc.startswith(NO_EFFECT)
        meaning = f"no effect: {param.doc.removeprefix(NO_EFFECT)}" if inert else param.doc
        mllib = (theirs or {}).get(param.name, NONE)
        sklearn = sklearn_name(name, param.name)
        rows.append([f"`{param.name}`", meaning, default_of(made, param), mllib, f"`{sklearn}`" if sklearn else NONE])
    has = "an" if theirs is not None else "no"
    sentence = f"`pyspark.ml` has {has} estimator of this name."
    if other:
        sentence += f" scikit-learn's counterpart is `{other}`."
    header = ["param", "meaning", "default", "default in pyspark.ml", "scikit-learn"]
    return f"{WIDE}# Params of {name}\n\n{sentence}\n\n{table(header, rows)}"


def index_page() -> str:
    """All estimators, with the first line of what they are."""
    rows = []
    for name, cls in estimators().items():
        summary = (inspect.getdoc(cls) or "").split("\n")[0]
        theirs = pyspark_class(name)
        mllib = f"`{theirs.__module__}.{name}`" if theirs else NONE
        other = sklearn_class(name)
        rows.append([f"[`{name}`]({name}.md)", summary, mllib, f"`{other}`" if other else NONE])
    intro = (
        "Every estimator takes its params as keywords of the constructor, by `setParams`, or by a setter of its own\n"
        "(`setMaxIter`). `none` in a column means that the library has no such param or estimator. These pages are\n"
        "made from the params themselves.\n"
    )
    return f"# Params\n\n{intro}\n{table(['estimator', 'fits', 'pyspark.ml', 'scikit-learn'], rows)}"


def pages() -> dict[str, str]:
    """Markdown by path in the site."""
    return {"params/index.md": index_page()} | {f"params/{name}.md": param_page(name) for name in estimators()}
