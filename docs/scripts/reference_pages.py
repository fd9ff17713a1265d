"""Reference pages: directives by which mkdocstrings renders the docstrings of what is exported."""

import inspect

import treefold
from param_tables import estimators
from treefold import ml

MODULES = {  # pages of whole modules
    "metrics": ("Metrics", ["metrics.named", "metrics.classification", "metrics.ranking", "metrics.regression"]),
    "blocks": ("Blocks and passes", ["dataset.blocks", "dataset.folds"]),
    "optim": ("Optimisation", ["optim.iterate", "optim.composite", "optim.lbfgs", "optim.newton"]),
}


def directive(name: str, level: int = 2) -> str:
    """What mkdocstrings replaces by the documentation of an object."""
    return f"::: {name}\n    options:\n      heading_level: {level}\n"


def group(name: str) -> str:
    """The page of the reference that has an export of ``treefold.ml``."""
    value = getattr(ml, name)
    if not inspect.isclass(value):
        return "functions"
    if name in estimators():
        return "estimators"
    return "summaries" if "Summary" in name else "models"


def pages() -> dict[str, str]:
    """Markdown by path in the site."""
    titles = {"estimators": "Estimators", "models": "Models", "summaries": "Summaries", "functions": "Functions"}
    made = {"reference/treefold.md": "# treefold\n\n" + "\n".join(directive(source(name)) for name in treefold.__all__)}
    for key, title in titles.items():
        names = [name for name in sorted(ml.__all__) if group(name) == key]
        made[f"reference/{key}.md"] = f"# {title} of treefold.ml\n\n" + "\n".join(map(directive, map(defined, names)))
    for key, (title, modules) in MODULES.items():
        made[f"reference/{key}.md"] = f"# {title}\n\n" + "\n".join(directive(f"treefold.{each}") for each in modules)
    return made


def source(name: str) -> str:
    """Dotted name under which an export of ``treefold`` is defined."""
    return f"treefold.{treefold._MODULES[name]}.{name}"


def defined(name: str) -> str:
    """Dotted name under which an export of ``treefold.ml`` is defined, found by its source file."""
    value = getattr(ml, name)
    file = inspect.getsourcefile(value) or ""
    module = file.rsplit("/lib/", 1)[-1].removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return f"{module}.{name}"
