"""What is set is read back as it was set, as in pyspark.ml."""

import numpy as np
import pytest
from pyspark.ml.linalg import DenseMatrix, DenseVector, Matrices, Vectors

from treefold import ml

WORDS = [
    (ml.LogisticRegression, "family", ["binomial", "Binomial", "MULTINOMIAL", "Auto"]),
    (ml.RandomForestClassifier, "impurity", ["gini", "Gini", "ENTROPY"]),
    (ml.RandomForestRegressor, "impurity", ["variance", "Variance"]),
    (ml.RandomForestClassifier, "featureSubsetStrategy", ["all", "ALL", "Sqrt", "0.5", "3"]),
    (ml.LinearRegression, "solver", ["l-bfgs", "normal", "auto"]),
    (ml.MultilayerPerceptronClassifier, "solver", ["l-bfgs", "gd"]),
    (ml.LinearRegression, "loss", ["squaredError", "huber"]),
    (ml.KMeans, "initMode", ["random", "k-means||"]),
    (ml.KMeans, "distanceMeasure", ["euclidean", "cosine"]),
]


@pytest.mark.parametrize(("estimator", "param", "words"), WORDS, ids=lambda value: getattr(value, "__name__", None))
def test_words_are_read_back_as_they_were_set(estimator, param, words):
    title = param[0].upper() + param[1:]
    for word in words:
        made = estimator(**{param: word})
        assert getattr(made, f"get{title}")() == word
        assert getattr(getattr(estimator(), f"set{title}")(word).copy(), f"get{title}")() == word


@pytest.mark.parametrize("end", ["lower", "upper"])
def test_bounds_are_read_back_as_the_matrix_and_vector_that_they_are(end):
    matrix, vector = Matrices.dense(2, 3, [0, 1, 2, 3, 4, 5]), Vectors.dense([1.0, np.inf])
    given = {f"{end}BoundsOnCoefficients": matrix, f"{end}BoundsOnIntercepts": vector}
    title = end[0].upper() + end[1:]
    for made in (ml.LogisticRegression(**given), ml.LogisticRegression().setParams(**given).copy()):
        found = getattr(made, f"get{title}BoundsOnCoefficients")(), getattr(made, f"get{title}BoundsOnIntercepts")()
        assert [type(one) for one in found] == [DenseMatrix, DenseVector]
        assert found == (matrix, vector)
