"""The page on extending runs as it stands, and its mixture is scikit-learn's."""

import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from sklearn.mixture import GaussianMixture

ROOT = Path(__file__).parents[2]


def test_the_mixture_of_the_page_is_that_of_scikit_learn(monkeypatch):
    monkeypatch.chdir(ROOT)
    snippets = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "extending.md").read_text(), re.M | re.S)
    assert sum(bool(line.strip()) for snippet in snippets for line in snippet.splitlines()) < 80
    page = {"__name__": "extending"}
    for snippet in snippets:
        exec(compile(snippet, "docs/extending.md", "exec"), page)
    X = pq.read_table("data/digits/split=train", columns=page["names"]).to_pandas()[page["names"]].to_numpy(float)
    start, found = page["start"], page["found"]
    other = GaussianMixture(
        3,
        weights_init=start.share,
        means_init=start.mean,
        precisions_init=np.linalg.inv(start.cov),
        reg_covar=1e-3,
        max_iter=500,
        tol=1e-9,
    ).fit(X)
    assert other.converged_
    assert found.change[0] <= 1e-9
    np.testing.assert_allclose(found.sums.log_likelihood / len(X), other.score(X), rtol=1e-9)
    np.testing.assert_allclose(found.mixture.share, other.weights_, rtol=1e-5)
    np.testing.assert_allclose(found.mixture.mean, other.means_, rtol=1e-5)
    np.testing.assert_allclose(found.mixture.cov, other.covariances_, rtol=1e-5, atol=1e-5)
