"""Charts of a search."""

import numpy as np

from treefold.ml.tuning.leaderboard import short
from treefold.ml.tuning.results import Search, Trial
from treefold.report.charts import Chart, LineChart

CURVES = 6  # trials whose learning curves are drawn


def charts_of(search: Search) -> list[Chart]:
    """Charts of a report: score against every param that varies, and learning curves."""
    drawn: list[Chart] = [_validation(search, name) for name in search.varied if _is_number(search, name)]
    leaders = [search.trials[t] for t in search.order[:CURVES]]
    objectives = {_name(trial, search.varied): _mean_curve(trial.objectives) for trial in leaders}
    drawn.append(LineChart(f"Learning curves of the best {len(leaders)}", "iteration", "objective", objectives))
    scores = {_name(t, search.varied): _points(t.on_the_way) for t in leaders if t.on_the_way}
    if scores:
        drawn.append(LineChart("Score on the way", "iteration", search.metric, scores))
    return drawn


def _is_number(search: Search, name: str) -> bool:
    return all(isinstance(t.params.get(name), int | float) for t in search.trials if name in t.params)


def _validation(search: Search, name: str) -> LineChart:
    """Score against one param, a line for each setting of the others."""
    others = [other for other in search.varied if other != name]
    lines: dict[str, list[Trial]] = {}
    for trial in search.trials:
        if trial.mean is not None:
            lines.setdefault(_name(trial, others) if others else search.metric, []).append(trial)
    values = [float(t.params[name]) for t in search.trials if name in t.params]
    log = min(values) > 0 and max(values) / min(values) >= 50
    points = {
        label: tuple(
            zip(*sorted((t.params[name], t.mean, t.standard_error or 0.0) for t in some), strict=True)
        )
        for label, some in lines.items()
    }  # fmt: skip
    return LineChart(f"{search.metric} by {name}", name, search.metric, points, log=log, window=_window(search))


def _window(search: Search) -> tuple[float, float] | None:
    """The range of scores to show, if a few are so bad that the others could not be distinguished."""
    means = np.array([trial.mean for trial in search.trials if trial.mean is not None])
    losses = -means if search.larger_is_better else means
    least, most = losses.min(), 4 * np.quantile(losses, 0.75) - 3 * losses.min()
    if losses.max() <= most:
        return None
    margin = (most - least) / 20
    low, high = least - margin, most + margin
    return (-high, -low) if search.larger_is_better else (low, high)


def _name(trial: Trial, names: list[str]) -> str:
    return ", ".join(f"{name} {short(trial.params.get(name))}" for name in names) or f"trial {trial.number}"


def _mean_curve(histories: list[list[float]]) -> list[float]:
    """Mean over the folds, up to the shortest history."""
    length = min(len(history) for history in histories)
    return [float(np.mean([history[i] for history in histories])) for i in range(length)]


def _points(on_the_way: list[tuple[int, float | None]]) -> tuple[list[int], list[float | None]]:
    return [iteration for iteration, _ in on_the_way], [score for _, score in on_the_way]
