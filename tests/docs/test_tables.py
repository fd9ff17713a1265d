"""What the generated pages are made from: every param and every conf key has a meaning, names of others exist."""

import inspect
import re
from importlib import import_module

import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - so that HalvingGridSearchCV is there

from conf_tables import conf_of, description, jobs, leaves
from conf_tables import page as conf_page
from counterparts import COUNTERPARTS
from param_tables import estimators, pages, pyspark_params

MODULES = ("linear_model", "svm", "cluster", "ensemble", "model_selection")


def sklearn_params(dotted: str) -> set[str]:
    module, _, name = dotted.rpartition(".")
    return set(inspect.signature(getattr(import_module(module), name)).parameters)


def sklearn_class_named(name: str) -> str:
    return next(f"sklearn.{module}.{name}" for module in MODULES if hasattr(import_module(f"sklearn.{module}"), name))


@pytest.mark.parametrize("name", estimators())
def test_every_param_has_a_meaning(name):
    for param in estimators()[name]().params:
        assert len(param.doc.split()) >= 2, param.name


@pytest.mark.parametrize("job", jobs())
def test_every_key_of_a_conf_has_a_meaning(job):
    keys = list(leaves(conf_of(job)))
    assert keys
    for key, kind, _ in keys:
        assert description(kind), f"{key} of {job} has no Meta(description=...)"


def test_the_tables_have_every_param_and_key():
    made = pages()
    for name, cls in estimators().items():
        assert re.findall(r"^\| `(\w+)` \|", made[f"params/{name}.md"], re.M) == [param.name for param in cls().params]
    text = conf_page()
    for job in jobs():
        assert f"## `{job}`" in text
    assert "| `data.train` | text | required | the folder or file" in text
    assert "| `checkpoint.every` | integer or text | `10` |" in text


def test_defaults_of_pyspark_are_its_own():
    assert pyspark_params("LogisticRegression")["maxIter"] == "`100`"
    assert pyspark_params("RandomForestClassifier")["maxDepth"] == "`5`"
    assert pyspark_params("CrossValidator")["numFolds"] == "`3`"
    assert pyspark_params("CrossValidator")["parallelism"] == "`1`"
    assert pyspark_params("KMeans")["seed"] == "a hash of the class name"
    assert pyspark_params("PoissonRegression") is None


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_names_of_scikit_learn_exist(name):
    theirs, params = COUNTERPARTS[name]
    assert set(params) <= {param.name for param in estimators()[name]().params}
    for text in params.values():
        first, _, member = re.match(r"([\w.]+)", text)[1].partition(".")
        if first[0].isupper() and first != "C":  # another class, and perhaps a param of it
            known = sklearn_params(sklearn_class_named(first))
            assert not member or member in known, text
        else:
            assert first in sklearn_params(theirs), text
