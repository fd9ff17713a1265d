"""Laws of the forest: the kernels equal NumPy references, the trees depend on rows, seed and settings alone."""

from functools import reduce

import numpy as np
import pytest

from treefold.algorithms.forest import ForestModel, Settings, fit, grow, growth, histograms
from treefold.algorithms.forest.bins import Bins, Units, binned, bins_of, units_of
from treefold.algorithms.forest.first_pass import first_pass
from treefold.algorithms.forest.histograms import Trees
from treefold.algorithms.forest.kernels import ANY
from treefold.algorithms.forest.permutation import permutation_importances
from treefold.algorithms.forest.sampling import candidate_count, sampling
from treefold.dataset.block import Block, positions
from treefold.dataset.random import splitmix64
from treefold.engine.execution.local_blocks import LocalBlocks
from treefold.errors import InputError
from treefold.statistics.quantile_sketch import block_sketch, merge_sketch

RNG = np.random.default_rng(11)
ROWS = 600
X = RNG.standard_normal((ROWS, 6)).round(2)
X[:, 4] = RNG.integers(0, 7, ROWS)
X[:, 5] = RNG.integers(0, 3, ROWS)
HOLES = np.where(RNG.random((ROWS, 6)) < 0.15, np.nan, X)
EFFECT = np.array([0.0, 2.0, -1.0, 1.5, -2.0, 0.5, 1.0])[X[:, 4].astype(int)]
VALUE = X[:, 0] * 2 + np.abs(X[:, 1]) + EFFECT + RNG.normal(0, 0.2, ROWS)
LABEL = np.digitize(VALUE, [-1.5, 0.5, 2.0]).astype(float)
WEIGHT = RNG.integers(0, 4, ROWS) * 0.7
ARRAYS = ("roots", "feature", "threshold", "left", "nan_left", "table", "tables", "weight", "value", "impurity", "gain")
GINI, ENTROPY, VARIANCE = (
    Settings(impurity, trees=5, max_depth=7, categorical=(4, 5), seed=3) for impurity in ("gini", "entropy", "variance")
)


def with_(settings, **changes):
    return Settings(**{**settings.__dict__, **changes})


def target(settings):
    return LABEL if settings.classification else VALUE


def grown(settings, X=HOLES, y=None, weight=WEIGHT) -> ForestModel:
    y = target(settings) if y is None else y
    return fit(LocalBlocks.from_arrays(X, y, weight, dtype="float64"), settings).model


def assert_same(one: ForestModel, other: ForestModel):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def assert_close(one: ForestModel, other: ForestModel):
    """The same splits. Values may differ by the rounding of the mean label, which is added block by block."""
    for name in ARRAYS[:-3]:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in ARRAYS[-3:]:
        found, wanted = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * abs(wanted).max(), err_msg=name)


@pytest.mark.parametrize("settings", [GINI, VARIANCE], ids=["gini", "variance"])
def test_trees_are_the_same_for_any_split_and_reader(every_engine, settings, request):
    found = fit(every_engine(HOLES, target(settings), WEIGHT, missing=True), settings).model
    cut = request.node.callspec.params["every_engine"]
    (assert_close if cut in ("one block", "ragged") else assert_same)(found, grown(settings))
    assert found.depth > 3


class Disordered(LocalBlocks):
    """Blocks that tasks read in any order, each task any of them, and whose sums arrive in any order."""

    def reduce_tasks(self, stat, *args, merge):
        order = RNG.permutation(len(self.blocks))
        return reduce(merge, [stat([self.blocks[i] for i in some], *args) for some in np.array_split(order, 4)])

    def map(self, fn, *args):
        return Disordered(super().map(fn, *args).blocks)


@pytest.mark.parametrize("settings", [GINI, VARIANCE], ids=["gini", "variance"])
def test_the_order_in_which_rows_are_read_changes_nothing(small_blocks, monkeypatch, settings):
    monkeypatch.setattr(growth, "CHEAPER", 0.5)  # so that levels and small nodes both take passes
    blocks = LocalBlocks.from_arrays(HOLES, target(settings), WEIGHT, dtype="float64")
    assert len(blocks.blocks) > 8
    expected = fit(blocks, settings)
    assert {p.name for p in expected.passes} == {"histograms", "gathered"}
    assert_same(fit(Disordered(blocks.blocks), settings).model, expected.model)


@pytest.mark.parametrize("settings", [GINI, ENTROPY, VARIANCE], ids=["gini", "entropy", "variance"])
@pytest.mark.parametrize("cheaper", [0, 4, 1e9])
@pytest.mark.parametrize("memory", [1, 60_000])
def test_neither_memory_nor_where_small_nodes_grow_changes_the_trees(monkeypatch, settings, cheaper, memory):
    expected = grown(settings)
    monkeypatch.setattr(growth, "CHEAPER", cheaper)
    assert_same(grown(with_(settings, memory=memory)), expected)


@pytest.mark.parametrize("settings", [GINI, VARIANCE], ids=["gini", "variance"])
def test_subtraction_saves_rows_and_changes_nothing(monkeypatch, settings):
    monkeypatch.setattr(growth, "CHEAPER", 0)
    settings, told = with_(settings, feature_subset="all"), []
    monkeypatch.setattr(grow, "histograms", lambda blocks, trees, tried, *more: [
        told.append(len(tried)), histograms.histograms(blocks, trees, tried, *more)][1])  # fmt: skip
    one = grown(settings)
    counted, told[:] = sum(told), []
    two = grown(with_(settings, memory=1))
    assert_same(one, two)
    assert counted < 0.7 * sum(told)


def plan_of(settings, weight):
    blocks = LocalBlocks.from_arrays(HOLES, target(settings), weight, dtype="float64")
    found = first_pass(blocks, settings.classification, np.array(settings.categorical), settings.max_bins)
    draws = sampling(settings.trees, settings.seed, 1.0, True, 3)
    units = units_of(found, len(draws.table))
    bins = bins_of(found, np.array(settings.categorical), settings.max_bins)
    return blocks.map(binned, bins, units), bins, units, draws


def reference(blocks, trees, tried, draws, units, width, classes):
    """The histograms in plain NumPy."""
    channels = (classes or 3) + units.counted
    cells = np.zeros((*tried.shape, width, channels))
    for block in blocks.blocks:
        for root, tree in zip(trees.roots, trees.numbers, strict=True):
            times = draws.counts(positions(block), tree)
            for i in np.flatnonzero((times > 0) & (block.weight > 0)):
                node = root
                while trees.steps[node, 3] != node:
                    feature, cut, also, left, _ = trees.steps[node]
                    b = block.X[i, feature]
                    goes_left = trees.tables[-2 - also, b] if also < -1 else b <= cut or b == also
                    node = left + (not goes_left)
                slot, w, y = trees.steps[node, 4], block.weight[i], block.y[i]
                if slot < 0:
                    continue
                row = [w, y, np.rint(y * y / w * units.square_scale)] if not classes else w * (np.arange(classes) == y)
                row = [*row, 1.0][:channels]
                for k, feature in enumerate(tried[slot]):
                    cells[slot, k, block.X[i, feature]] += times[i] * np.array(row)
    return cells


@pytest.mark.parametrize("settings", [GINI, VARIANCE], ids=["gini", "variance"])
@pytest.mark.parametrize("weight", [WEIGHT, np.full(ROWS, 0.3)], ids=["weights", "one weight"])
def test_histograms_are_those_of_the_numpy_reference(small_blocks, settings, weight):
    blocks, bins, units, draws = plan_of(settings, weight)
    table = np.arange(bins.width + 1) % 2 == 0
    end, steps = (0, ANY, -1), [[0, 9, -1, 2, -1], [4, 0, -2, 4, -1]]
    steps = np.array([*steps, *([*end, node, node - 2] for node in (2, 3, 4)), [*end, 5, -1]], np.int32)
    trees = Trees(np.array([0, 1], np.int32), np.array([1, 4]), steps, table[None])
    tried = np.array([[0, 1, 4], [2, 3, 5], [1, 2, 3]], np.int32)
    found = blocks.reduce_tasks(
        histograms.histograms, trees, tried, draws, units, bins.width, merge=histograms.merge_histograms
    ).cells
    classes = 4 if settings.classification else 0
    np.testing.assert_array_equal(found, reference(blocks, trees, tried, draws, units, bins.width, classes))
    assert found[:, 0].any(axis=(1, 2)).all()


@pytest.mark.parametrize("impurity", ["gini", "entropy", "variance"])
def test_a_split_is_the_best_there_is(impurity):
    """A stump on few values against every cut of every feature, and each way of the missing values."""
    settings = Settings(impurity, trees=1, max_depth=1, bootstrap=False, max_bins=200)
    y = target(settings)
    model = grown(settings, HOLES, y)

    def mess(rows):
        w = WEIGHT[rows]
        if not w.sum():
            return 0.0
        if impurity == "variance":
            return w @ (y[rows] - np.average(y[rows], weights=w)) ** 2
        share = np.bincount(y[rows].astype(int), w, minlength=4) / w.sum()
        if impurity == "gini":
            return w.sum() * (1 - share @ share)
        return -w.sum() * (share[share > 0] @ np.log2(share[share > 0]))

    everyone, best = np.ones(ROWS, bool), 0.0
    for f in range(6):
        for cut in [*np.unique(HOLES[WEIGHT > 0, f][~np.isnan(HOLES[WEIGHT > 0, f])])]:
            for missing in (False, True):
                left = np.where(np.isnan(HOLES[:, f]), missing, HOLES[:, f] <= cut).astype(bool)
                best = max(best, mess(everyone) - mess(left) - mess(~left))
    assert model.gain[0] * WEIGHT.sum() == pytest.approx(best, rel=1e-9)
    assert model.impurity[0] == pytest.approx(mess(everyone) / WEIGHT.sum())
    left = model.leaves(HOLES)[:, 0] == 0
    assert mess(everyone) - mess(left) - mess(~left) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("impurity", ["gini", "variance"])
def test_a_split_of_categories_is_the_best_of_all_subsets(impurity):
    """Ordered by their mean, two classes and numbers lose nothing (Breiman et al. 1984, theorem 4.5)."""
    y = (VALUE > 0).astype(float) if impurity == "gini" else VALUE
    settings = Settings(impurity, trees=1, max_depth=1, bootstrap=False, categorical=(0,))
    model = grown(settings, X[:, 4:5], y, np.ones(ROWS))
    best = 0.0
    for chosen in range(1, 64):
        left = (chosen >> X[:, 4].astype(int)) % 2 == 1
        spread = sum(((y[s] - y[s].mean()) ** 2).sum() for s in (left, ~left) if s.any())
        best = max(best, ((y - y.mean()) ** 2).sum() - spread)
    assert model.gain[0] * ROWS == pytest.approx(best * (2 if impurity == "gini" else 1))


@pytest.mark.parametrize("settings", [GINI, VARIANCE], ids=["gini", "variance"])
def test_weight_2_is_the_row_twice_and_weight_0_its_absence(settings):
    settings = with_(settings, bootstrap=False, max_bins=300)
    twice = np.repeat(np.arange(ROWS), RNG.integers(0, 3, ROWS))
    weight = np.bincount(twice, minlength=ROWS).astype(float)
    y = target(settings)
    a, b = grown(settings, HOLES, y, weight), grown(settings, HOLES[twice], y[twice], np.ones(len(twice)))
    for name in ("feature", "left", "nan_left", "tables"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in ("threshold", "value", "weight", "impurity", "gain"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("settings", [GINI, VARIANCE], ids=["gini", "variance"])
def test_nodes_have_the_sums_of_the_sample_that_reaches_them(settings):
    """Leaves by values are those by bins: weights, values and impurities are those of the rows that fall there."""
    model, y = grown(settings), target(settings)
    draws = sampling(settings.trees, settings.seed, 1.0, True, 3)
    for t, tree in enumerate(model.trees):
        w = draws.counts(np.arange(ROWS, dtype=np.uint64), t) * WEIGHT
        numbers, leaf = tree.leaf_numbers, tree.leaves(HOLES)[:, 0]
        for node in np.flatnonzero(tree.feature < 0):
            own = leaf == numbers[node]
            assert w[own].sum() == pytest.approx(tree.weight[node])
            if settings.classification:
                share = np.bincount(y[own].astype(int), w[own], minlength=4) / w[own].sum()
                np.testing.assert_allclose(tree.value[node], share, atol=1e-9)
            else:
                assert tree.value[node, 0] == pytest.approx(np.average(y[own], weights=w[own]), abs=1e-6)


def test_predictions_are_means_over_the_trees():
    model = grown(GINI)
    each = np.stack([tree.probability(HOLES) for tree in model.trees])
    np.testing.assert_allclose(model.probability(HOLES), each.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(model.raw(HOLES), each.sum(axis=0), atol=1e-12)
    assert (model.predict(HOLES) == LABEL).mean() > 0.7
    np.testing.assert_array_equal(model.predict(HOLES.astype("f4")).shape, (ROWS,))


@pytest.mark.parametrize("count_by", ["entropy", "variance"])
def test_out_of_bag_is_the_prediction_of_rows_that_trees_have_not_seen(small_blocks, count_by):
    settings = with_(ENTROPY if count_by == "entropy" else VARIANCE, oob=True)
    y = target(settings)
    found = fit(LocalBlocks.from_arrays(HOLES, y, WEIGHT, dtype="float64"), settings)
    draws = sampling(settings.trees, settings.seed, 1.0, True, 3)
    unseen = np.stack([draws.counts(np.arange(ROWS, dtype=np.uint64), t) == 0 for t in range(5)])
    said = np.stack([tree.raw(HOLES) for tree in found.model.trees])
    judged = (unseen[:, :, None] * said).sum(axis=0)
    kept = unseen.any(axis=0) & (WEIGHT > 0)
    w = WEIGHT[kept]
    if settings.classification:
        score = np.average(judged[kept].argmax(axis=1) == y[kept], weights=w)
    else:
        error = judged[kept, 0] / unseen.sum(axis=0)[kept] - y[kept]
        score = 1 - w @ error**2 / (w @ (y[kept] - np.average(y[kept], weights=w)) ** 2)
    assert (found.oob_score, found.oob_rows) == (pytest.approx(score, rel=1e-6), kept.sum())


def test_importances_are_shares_of_gain_by_tree():
    model = grown(VARIANCE)
    each = []
    for tree in model.trees:
        split = tree.feature >= 0
        total = np.zeros(6)
        np.add.at(total, tree.feature[split], (tree.gain * tree.weight)[split])
        each.append(total / total.sum())
    np.testing.assert_allclose(model.importances, np.mean(each, axis=0))
    assert model.importances[0] > model.importances[2]


def test_a_saved_model_is_the_model():
    model = grown(GINI)
    again = ForestModel.from_state(*model.save_state())
    assert_same(again, model)
    np.testing.assert_array_equal(again.predict(HOLES), model.predict(HOLES))


def test_what_a_node_has_not_seen_goes_where_missing_values_go():
    seen = X[X[:, 4] != 3]
    model = grown(
        Settings("variance", trees=1, bootstrap=False, categorical=(4,)), seen, seen[:, 4], np.ones(len(seen))
    )
    strange = X[:20].copy()
    lost = model.predict(np.where(np.arange(6) == 4, np.nan, strange))
    for value in (3.0, 7.0, 99.0, -1.0, 0.5):
        strange[:, 4] = value
        np.testing.assert_array_equal(model.predict(strange), lost)


def test_missing_values_go_where_it_was_learnt():
    y = np.where(np.isnan(HOLES[:, 2]), 5.0, 0.0)
    model = grown(Settings("variance", trees=1, max_depth=1, bootstrap=False), HOLES, y, np.ones(ROWS))
    np.testing.assert_allclose(model.predict(HOLES), y, atol=1e-9)
    assert model.threshold[0] == np.inf


@pytest.mark.parametrize("settings", [GINI, VARIANCE], ids=["gini", "variance"])
def test_permutation_importances_are_the_rise_of_the_loss(small_blocks, settings):
    y = target(settings)
    model = grown(settings)
    blocks = LocalBlocks.from_arrays(HOLES, y, WEIGHT, dtype="float64")
    found = permutation_importances(blocks, model, 20, 4)
    whole = LocalBlocks([Block(HOLES, y, WEIGHT, 0)])
    np.testing.assert_allclose(permutation_importances(whole, model, 20, 4), found, rtol=1e-9, atol=1e-12)

    def loss(X):
        off = model.predict(X) != y if settings.classification else (model.predict(X) - y) ** 2
        return np.average(off, weights=WEIGHT)

    for f in range(6):
        rises, mixed = [], HOLES.copy()
        for _ in range(40):
            mixed[:, f] = RNG.choice(HOLES[:, f], ROWS, p=WEIGHT / WEIGHT.sum())
            rises.append(loss(mixed) - loss(HOLES))
        error = np.std(rises) / np.sqrt(20) + np.std(rises) / np.sqrt(40)
        assert abs(found[f].mean() - np.mean(rises)) < 4 * error + 1e-12
    assert found.mean(axis=1).argmax() in (0, 4)


class TestDraws:
    def test_counts_are_poisson_and_depend_on_the_row_alone(self):
        draws = sampling(3, 5, 0.8, True, 2)
        place = np.arange(200_000, dtype=np.uint64)
        counts = draws.counts(place, 1)
        assert counts.mean() == pytest.approx(0.8, abs=0.01)
        assert counts.var() == pytest.approx(0.8, abs=0.02)
        np.testing.assert_array_equal(counts[5000:5010], draws.counts(place[5000:5010], 1))
        assert abs(np.corrcoef(counts, draws.counts(place, 2))[0, 1]) < 0.01

    def test_without_replacement_a_row_counts_once(self):
        counts = sampling(1, 5, 0.3, False, 2).counts(np.arange(100_000, dtype=np.uint64), 0)
        assert set(counts) == {0, 1}
        assert counts.mean() == pytest.approx(0.3, abs=0.01)
        assert sampling(1, 5, 1.0, False, 2).counts(np.arange(1000, dtype=np.uint64), 0).min() == 1

    def test_candidates_are_uniform_without_repeats_and_attempts_share_none(self):
        draws = sampling(2, 5, 1.0, True, 3)
        paths = np.arange(1, 20_001)
        found = [draws.candidates(np.ones(20_000, int), paths, np.full(20_000, a), 8) for a in range(3)]
        assert (np.diff(found[0], axis=1) > 0).all()
        np.testing.assert_allclose(np.bincount(found[0].ravel()) / 20_000, 3 / 8, atol=0.02)
        every = np.sort(np.concatenate(found, axis=1), axis=1)
        assert (every == [-1, *range(8)]).all()

    def test_the_kernel_draws_as_numpy_does(self):
        from treefold.algorithms.forest import kernels_draws

        with np.errstate(over="ignore"):
            found = [kernels_draws.splitmix64(np.uint64(i), np.uint64(77)) for i in range(50)]
        np.testing.assert_array_equal(np.array(found, np.uint64), splitmix64(np.arange(50, dtype=np.uint64), 77))

    @pytest.mark.parametrize(
        ("strategy", "trees", "classification", "wanted"),
        [("auto", 1, True, 54), ("auto", 2, True, 8), ("auto", 2, False, 18), ("all", 2, True, 54),
         ("log2", 2, True, 6), ("sqrt", 2, False, 8), ("onethird", 2, True, 18), ("7", 2, True, 7),
         ("99", 2, True, 54), ("0.5", 2, True, 27), ("1.0", 2, True, 54), ("1", 2, True, 1)],
    )  # fmt: skip
    def test_strategies_mean_what_pyspark_means(self, strategy, trees, classification, wanted):
        assert candidate_count(strategy, 54, trees, classification) == wanted

    @pytest.mark.parametrize("strategy", ["most", "0", "1.5", "-3", "nan"])
    def test_other_strategies_are_refused(self, strategy):
        with pytest.raises(InputError, match="chooses no features"):
            candidate_count(strategy, 54, 2, True)


class TestSketch:
    def test_few_values_are_kept_exactly(self):
        blocks = [Block(HOLES[a : a + 100], VALUE, WEIGHT[a : a + 100], a) for a in range(0, ROWS, 100)]
        found = block_sketch(blocks[0], 1000)
        for block in blocks[1:]:
            found = merge_sketch(found, block_sketch(block, 1000))
        for f in range(6):
            own = ~np.isnan(HOLES[:, f]) & (WEIGHT > 0)
            values, place = np.unique(HOLES[own, f], return_inverse=True)
            n = found.filled[f]
            np.testing.assert_array_equal(found.values[f, :n], values)
            np.testing.assert_allclose(found.weights[f, :n], np.bincount(place, WEIGHT[own]))
            assert found.missing[f] == pytest.approx(WEIGHT[np.isnan(HOLES[:, f])].sum())

    @pytest.mark.parametrize("shape", ["normal", "lognormal", "sorted"])
    def test_ranks_are_close_after_many_merges(self, shape):
        n, size = 64_000, 256
        values = np.exp(RNG.standard_normal((n, 1)) * (3 if shape == "lognormal" else 0.1))
        values = np.sort(values, axis=0) if shape == "sorted" else values
        weight = RNG.uniform(0.5, 2, n)
        level = [
            block_sketch(Block(values[a : a + 1000], values, weight[a : a + 1000], a), size) for a in range(0, n, 1000)
        ]
        while len(level) > 1:
            level = [merge_sketch(*level[i : i + 2]) for i in range(0, len(level), 2)]
        found = level[0]
        assert found.filled[0] <= size
        assert found.weights.sum() == pytest.approx(weight.sum())
        order = np.argsort(values[:, 0])
        exact = np.cumsum(weight[order])[np.searchsorted(values[order, 0], found.values[0, : found.filled[0]])]
        off = abs(np.cumsum(found.weights[0]) - found.weights[0] / 2 - exact) / weight.sum()
        assert off.max() < 3 / size

    def test_bins_hold_about_equal_weight_and_heavy_values_their_own(self):
        values = np.where(RNG.random((50_000, 1)) < 0.4, 0.0, RNG.standard_normal((50_000, 1)))
        blocks = LocalBlocks.from_arrays(values, np.zeros(50_000), dtype="float64")
        found = first_pass(blocks, False, np.array([], int), 16)
        bins = bins_of(found, np.array([], int), 16)
        rows = np.concatenate([binned(b, bins, units_of(found, 1)).X[:, 0] for b in blocks.blocks])
        share = np.bincount(rows) / 50_000
        assert len(share) == 16
        assert sorted(share)[-1] == pytest.approx(0.4, abs=0.01)
        assert max(sorted(share)[:-1]) < 0.08
        assert (values[rows == share.argmax()] == 0).mean() > 0.99

    def test_a_value_that_is_a_cut_is_below_it_in_either_type(self):
        cuts = np.array([[-1e300, 0.1, 0.1 + 1e-9, 1 / 3, 0.7, 16777217.0, 1e300]])
        near = np.array([*cuts[0, 1:6], -np.inf, np.inf, 3e38]).astype(np.float32)
        near = np.concatenate([near, np.nextafter(near, np.float32(-9)), np.nextafter(near, np.float32(9e9))])
        few = Bins(cuts, np.array([8], np.int32), np.array([False]), np.array([False]))
        wanted = (near[:, None].astype(np.float64) > cuts).sum(axis=1)
        for dtype in (np.float32, np.float64):
            block = Block(near[:, None].astype(dtype), np.zeros(len(near)), np.ones(len(near)), 0)
            np.testing.assert_array_equal(
                binned(block, few, Units(1.0, 1.0, 1.0, 0.0, np.ones(2), False, 6)).X[:, 0], wanted
            )


@pytest.mark.parametrize("most", [3, 255, 256, 700, 1 << 20])
def test_histograms_are_unchanged_by_narrowing(most):
    few = np.where(RNG.random((4, 3, 9, 2)) < 0.02, most, RNG.integers(0, min(most, 200), (4, 3, 9, 2))).astype(
        np.uint32
    )
    for cells in (few, RNG.integers(0, most + 1, few.shape).astype(np.uint32), few / 7, np.zeros_like(few)):
        sent = histograms.narrowed(cells)
        np.testing.assert_array_equal(sent.cells, cells)
        assert sent.cells.dtype == cells.dtype
        np.testing.assert_array_equal(histograms.merge_histograms(sent, sent).cells, cells + cells)
    assert sum(part.nbytes for part in histograms.narrowed(few)) <= few.nbytes / 2


class TestCorners:
    @pytest.mark.parametrize("settings", [GINI, VARIANCE], ids=["gini", "variance"])
    def test_nothing_to_learn_gives_one_leaf(self, settings):
        plain = with_(settings, categorical=())
        one = np.ones(ROWS)
        for model in (
            grown(plain, HOLES, one),
            grown(plain, np.ones((ROWS, 3)), target(settings)),
            grown(plain, np.ones((ROWS, 3)), one),
            grown(with_(plain, max_depth=0), HOLES, target(settings)),
            grown(plain, np.full((ROWS, 2), np.nan), target(settings)),
        ):
            assert (len(model.feature), model.depth) == (5, 0)
            assert np.isfinite(model.predict(np.ones((2, model.features)))).all()
            assert model.importances.sum() == 0

    def test_a_depth_of_0_predicts_the_mean_of_the_samples(self):
        model = grown(with_(VARIANCE, max_depth=0, bootstrap=False))
        np.testing.assert_allclose(model.value[:, 0], np.average(VALUE, weights=WEIGHT), rtol=1e-9)

    def test_one_class_is_certain(self):
        model = grown(with_(GINI, trees=2), HOLES, np.zeros(ROWS))
        np.testing.assert_array_equal(model.probability(HOLES), np.tile([1.0, 0.0], (ROWS, 1)))

    def test_two_rows_are_separated(self):
        model = grown(Settings("gini", trees=1, bootstrap=False), X[:2], np.array([0.0, 1.0]), np.ones(2))
        np.testing.assert_array_equal(model.predict(X[:2]), [0, 1])

    def test_a_sample_may_be_empty(self):
        model = grown(Settings("gini", trees=30, rate=0.001), X[:40], LABEL[:40], np.ones(40))
        share = np.bincount(LABEL[:40].astype(int), minlength=model.classes) / 40
        assert any(np.allclose(model.value[root], share) and model.weight[root] == 0 for root in model.roots)

    def test_more_bins_than_values_and_more_features_than_rows(self):
        wide = RNG.standard_normal((60, 10_000))
        model = grown(Settings("variance", trees=2, max_bins=1000), wide, wide[:, 7000], np.ones(60))
        assert np.corrcoef(model.predict(wide), wide[:, 7000])[0, 1] > 0.8

    @pytest.mark.parametrize("settings", [GINI, VARIANCE], ids=["gini", "variance"])
    def test_children_obey_their_least(self, settings):
        model = grown(with_(settings, min_rows=30, min_weight_share=0.05, min_gain=0.01, bootstrap=False))
        assert model.weight[model.feature < 0].min() >= 0.05 * WEIGHT.sum()
        assert model.gain[model.feature >= 0].min() >= 0.01
        leaf = model.trees[0].leaves(HOLES[WEIGHT > 0])[:, 0]
        assert np.bincount(leaf).min() >= 30

    def test_constant_features_cost_a_node_no_split(self):
        one = np.ones((ROWS, 30))
        one[:, 17] = X[:, 0]
        model = grown(Settings("gini", trees=8, feature_subset="1"), one, (X[:, 0] > 0).astype(float))
        assert (model.predict(one) == (X[:, 0] > 0)).mean() > 0.98

    def test_balanced_classes_weigh_the_same(self):
        y = (RNG.random(ROWS) < 0.05).astype(float)
        model = grown(Settings("gini", trees=1, max_depth=0, bootstrap=False, class_weight="balanced"), X, y)
        np.testing.assert_allclose(model.value, [[0.5, 0.5]], atol=1e-9)
        given = grown(Settings("gini", trees=1, max_depth=0, bootstrap=False, class_weight=[1, 3]), X, y)
        weight = np.bincount(y.astype(int), WEIGHT) * [1, 3]
        np.testing.assert_allclose(given.value[0], weight / weight.sum(), rtol=1e-9)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"X": np.where(X[7, 4] == X, -1.0, X)}, "feature 4 is categorical but holds -1 in row"),
            ({"X": X + 0.5}, r"holds .*5 in row \d+: categories are 0, 1, 2, ... below maxBins"),
            ({"y": LABEL + 0.5}, "label .*5 in row 0 is out of range"),
            ({"weight": np.zeros(ROWS)}, "every row has weight 0"),
        ],
    )
    def test_bad_data_is_refused(self, change, message):
        with pytest.raises(InputError, match=message):
            grown(GINI, **({"X": X} | change))

    def test_a_class_weight_for_each_class(self):
        with pytest.raises(InputError, match="2 class weights but 4 classes"):
            grown(with_(GINI, class_weight=[1.0, 2.0]))


@pytest.mark.parametrize(("rows", "dtype"), [(2**32 // 7, np.uint32), (2**32 // 7 + 1, np.uint64)])
def test_counts_have_64_bits_where_32_may_not_do(rows, dtype):
    units = Units(1.0, 1.0, 1.0, 0.0, np.ones(2), False, rows * 7)
    assert histograms.cell_type(units) == dtype
    most = np.iinfo(dtype).max // 2
    cells = np.full((1, 1, 2, 2), most, dtype)
    cells[0, 0, 0, 0] = 3
    both = histograms.merge_histograms(histograms.narrowed(cells), histograms.narrowed(cells)).cells
    assert both.dtype == dtype
    np.testing.assert_array_equal(both, [[[[6, 2 * most], [2 * most, 2 * most]]]])


def test_a_data_set_of_more_rows_than_32_bits_count_grows_the_same_trees(monkeypatch):
    expected = grown(GINI)
    monkeypatch.setattr(histograms, "cell_type", lambda units: np.dtype(np.uint64))
    monkeypatch.setattr(grow, "cell_type", lambda units: np.dtype(np.uint64))
    assert_same(grown(GINI), expected)
