"""Names of other libraries that are no public API: which release of which library has taken one away.

docs/architecture.md has the table of these names and of the modules that use them.
"""

import inspect
from importlib.metadata import version

import numpy as np
import pyspark
import pyspark.ml.common
import pyspark.mllib.common
import pytest
import threadpoolctl
from pyspark.ml.param import Params
from pyspark.ml.util import MLWriter
from pyspark.ml.wrapper import JavaParams

NAMES = [
    (Params, ["_dummy", "_set", "_setDefault", "_resetUid", "_copyValues"]),
    (MLWriter, ["overwrite"]),
    (JavaParams, ["_transfer_params_to_java", "_make_java_param_pair"]),
    (pyspark.cloudpickle, ["dumps", "loads"]),
    (pyspark.ml.common, ["_py2java"]),
    (pyspark.mllib.common, ["_py2java"]),
    (pyspark.SparkContext, ["_gateway", "_jvm"]),
]


@pytest.mark.parametrize(("owner", "names"), NAMES, ids=lambda value: getattr(value, "__name__", None))
def test_pyspark_has_its_private_names(owner, names):
    missing = [name for name in names if not hasattr(owner, name)]
    assert not missing, f"pyspark {pyspark.__version__} has no {owner.__name__}.{', '.join(missing)}"


def test_params_and_writers_of_pyspark_keep_their_private_attributes():
    class Writer(MLWriter):
        pass

    missing = [name for name in ("_paramMap", "_defaultParamMap") if not hasattr(Params(), name)]
    missing += [] if Writer().shouldOverwrite is False else ["shouldOverwrite"]
    assert not missing, f"pyspark {pyspark.__version__} has no {', '.join(missing)}"


def test_numba_has_the_classes_of_its_cache():
    from numba import njit
    from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
    from numba.extending import intrinsic, overload

    wanted = {
        _CacheLocator: [
            "from_function",
            "get_cache_path",
            "get_source_stamp",
            "get_disambiguator",
            "ensure_cache_path",
        ],
        CompileResultCacheImpl: ["_locator_classes", "locator", "filename_base", "reduce", "rebuild"],
        FunctionCache: ["_impl_class", "load_overload", "save_overload"],
        njit(lambda x: x): ["_cache"],
    }
    missing = [name for owner, names in wanted.items() for name in names if not hasattr(owner, name)]
    assert not missing, f"numba {version('numba')} has no {', '.join(missing)}"
    assert callable(intrinsic)
    assert callable(overload)


def test_scikit_learn_builds_trees_from_a_state():
    from sklearn.tree._tree import Tree

    state = Tree(2, np.array([1], np.intp), 1).__getstate__()
    fields = set(state["nodes"].dtype.names)
    wanted = {
        "left_child", "right_child", "feature", "threshold", "impurity", "n_node_samples", "weighted_n_node_samples",
        "missing_go_to_left",
    }  # fmt: skip
    assert wanted <= fields, f"scikit-learn {version('scikit-learn')} has no {sorted(wanted - fields)} in its trees"
    assert {"max_depth", "node_count", "nodes", "values"} <= set(state)


def test_threadpoolctl_knows_and_clears_the_controlling_thread():
    given = inspect.signature(threadpoolctl.OpenBLASController.clear_controlling_thread).parameters
    assert "force" in given, f"threadpoolctl {threadpoolctl.__version__} clears no controlling thread by force"
