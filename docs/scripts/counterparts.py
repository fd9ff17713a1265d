"""scikit-learn's names of params, by estimator: the class, and for our param its own, or how the two are related."""

ITERATING = {"maxIter": "max_iter", "tol": "tol", "seed": "random_state"}
LINEAR = ITERATING | {"fitIntercept": "fit_intercept"}
WARM = {"initialModel": "warm_start"}
DESCENT = {  # of the solvers by gradients: SGDClassifier and SGDRegressor
    "stepSize": "eta0", "stepRule": "learning_rate", "averaging": "average",
    "validationFraction": "validation_fraction", "earlyStoppingRounds": "n_iter_no_change",
}  # fmt: skip
FOREST = {
    "numTrees": "n_estimators", "maxDepth": "max_depth", "minInfoGain": "min_impurity_decrease",
    "minInstancesPerNode": "min_samples_leaf", "minWeightFractionPerNode": "min_weight_fraction_leaf",
    "featureSubsetStrategy": "max_features", "impurity": "criterion", "bootstrap": "bootstrap",
    "subsamplingRate": "max_samples", "oobScore": "oob_score", "seed": "random_state",
}  # fmt: skip
PERCEPTRON = ITERATING | WARM | {
    "layers": "hidden_layer_sizes, without the first and the last number", "activation": "activation",
    "solver": "solver", "stepSize": "learning_rate_init", "regParam": "alpha",
    "validationFraction": "validation_fraction", "earlyStoppingRounds": "n_iter_no_change",
}  # fmt: skip


def by_descent(kind: str) -> dict[str, str]:
    """Params of the solvers by gradients, which scikit-learn has in a class of its own."""
    return {param: f"SGD{kind}.{name}" for param, name in DESCENT.items()}


COUNTERPARTS: dict[str, tuple[str, dict[str, str]]] = {
    "LogisticRegression": (
        "sklearn.linear_model.LogisticRegression",
        LINEAR | WARM | by_descent("Classifier") | {
            "regParam": "C = 1 / (regParam * sum of weights)", "elasticNetParam": "l1_ratio", "solver": "solver",
            "classWeight": "class_weight",
        },
    ),
    "LinearRegression": (
        "sklearn.linear_model.ElasticNet",
        LINEAR | WARM | by_descent("Regressor") | {
            "regParam": "alpha = regParam, for a label of deviation 1", "elasticNetParam": "l1_ratio",
            "loss": "HuberRegressor for huber", "epsilon": "HuberRegressor.epsilon",
        },
    ),
    "LinearSVC": (
        "sklearn.svm.LinearSVC",
        LINEAR | by_descent("Classifier") | {
            "regParam": "C = 1 / (regParam * sum of weights); half of it for squaredHinge", "loss": "loss",
            "classWeight": "class_weight", "elasticNetParam": "SGDClassifier.l1_ratio",
        },
    ),
    "LinearSVR": (
        "sklearn.svm.LinearSVR",
        LINEAR | by_descent("Regressor") | {
            "regParam": "C = 1 / (regParam * sum of weights)", "epsilon": "epsilon",
            "elasticNetParam": "SGDRegressor.l1_ratio",
        },
    ),
    "PoissonRegression": (
        "sklearn.linear_model.PoissonRegressor",
        {
            "maxIter": "max_iter", "tol": "tol", "fitIntercept": "fit_intercept", "initialModel": "warm_start",
            "regParam": "alpha", "solver": "solver",
        },
    ),
    "QuantileRegression": (
        "sklearn.linear_model.QuantileRegressor",
        {
            "quantile": "quantile", "regParam": "alpha, with elasticNetParam = 1", "fitIntercept": "fit_intercept",
            "solver": "solver",
        },
    ),
    "CalibratedClassifier": (
        "sklearn.calibration.CalibratedClassifierCV",
        {"estimator": "estimator", "method": "method", "folds": "cv"},
    ),
    "KMeans": (
        "sklearn.cluster.KMeans",
        {
            "k": "n_clusters", "nInit": "n_init", "maxIter": "max_iter", "tol": "tol", "seed": "random_state",
            "initMode": "init", "initialCenters": "init", "initialModel": "init", "solver": "algorithm",
            "batchSize": "MiniBatchKMeans.batch_size",
        },
    ),
    "RandomForestClassifier": (
        "sklearn.ensemble.RandomForestClassifier", FOREST | {"classWeight": "class_weight"}
    ),
    "RandomForestRegressor": ("sklearn.ensemble.RandomForestRegressor", FOREST),
    "MultilayerPerceptronClassifier": ("sklearn.neural_network.MLPClassifier", PERCEPTRON),
    "MultilayerPerceptronRegressor": ("sklearn.neural_network.MLPRegressor", PERCEPTRON),
    "CrossValidator": (
        "sklearn.model_selection.GridSearchCV",
        {
            "estimator": "estimator", "estimatorParamMaps": "param_grid", "space": "param_grid",
            "evaluator": "scoring", "numFolds": "cv", "foldCol": "cv = PredefinedSplit",
            "stratified": "cv = StratifiedKFold",
            "parallelism": "n_jobs", "rule": "refit, a callable", "trials": "RandomizedSearchCV.n_iter",
            "strategy": "RandomizedSearchCV, HalvingGridSearchCV", "reduction": "HalvingGridSearchCV.factor",
            "seed": "RandomizedSearchCV.random_state",
        },
    ),
    "TrainValidationSplit": (
        "sklearn.model_selection.GridSearchCV",
        {
            "estimator": "estimator", "estimatorParamMaps": "param_grid", "space": "param_grid",
            "evaluator": "scoring", "trainRatio": "cv = ShuffleSplit(1, train_size=trainRatio)",
            "parallelism": "n_jobs", "rule": "refit, a callable", "trials": "RandomizedSearchCV.n_iter",
        },
    ),
}  # fmt: skip
COLUMNS = {"weightCol": "sample_weight of fit", "featuresCol": "X", "labelCol": "y"}


def sklearn_class(estimator: str) -> str:
    """Dotted name of scikit-learn's class that does the same; empty if none is known."""
    return COUNTERPARTS[estimator][0] if estimator in COUNTERPARTS else ""


def sklearn_name(estimator: str, param: str) -> str:
    """scikit-learn's counterpart of a param; empty if none is known."""
    if estimator not in COUNTERPARTS:
        return ""
    return (COLUMNS | COUNTERPARTS[estimator][1]).get(param, "")
