"""An index of published runs, made without a JVM."""

import json
import sys
from html.parser import HTMLParser

import pyarrow.parquet as pq
import pytest

from submitting import job_module


class Cells(HTMLParser):
    """Texts of the cells of tables."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.texts = False, []

    def handle_starttag(self, tag, attrs) -> None:
        self.inside = tag in ("td", "th")

    def handle_data(self, data) -> None:
        if self.inside and data.strip():
            self.texts.append(data.strip())


def publish(folder, ended: str, metrics: dict, data: dict, model: dict) -> None:
    folder.mkdir(parents=True)
    run = {"ended": ended, "commit": "abc", "conf": {"data": data, "model": model}}
    (folder / "metrics.json").write_text(json.dumps({**metrics, "run": run}))


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    cost = {"cost": {"seconds": 2.5}}
    publish(
        folder / "a", "2024-01-01", {"test": {"accuracy": 0.5, "rows": 3}, **cost}, {"train": "d"}, {"name": "KMeans"}
    )
    publish(folder / "b", "2024-01-03", {"test": None, "iterations": 7, **cost}, {"train": "d"}, {"name": "LinearSVC"})
    publish(
        folder / "p/e", "2024-01-02", {"scores": {"accuracy": 0.75}, "seconds": 1}, {"path": "f"}, {"path": "a/model"}
    )
    (folder / "other").mkdir()
    (folder / "other/metrics.json").write_text("{}")
    return folder


@pytest.fixture
def index(out, tmp_path, monkeypatch, capfd, process_as_before):
    """Run the job; returns exit code, stdout and stderr."""
    conf = tmp_path / "runs.toml"
    conf.write_text(f'[data]\npath = "{out}"\n[output]\npath = "{tmp_path / "index"}"\n')

    def of(*overrides):
        module = job_module("runs")
        monkeypatch.setattr(sys, "argv", ["runs.py", str(conf), *overrides])
        with pytest.raises(SystemExit) as caught:
            module.run(module.runs, module.load_runs, "about", "example", ())
        shown = capfd.readouterr()
        return caught.value.code, shown.out, shown.err

    return of


def test_runs_are_listed_with_their_figures_and_a_rerun_replaces_the_index(index, tmp_path):
    code, shown, _ = index()
    assert (code, json.loads(shown)["runs"]) == (0, 3)
    table = pq.read_table(tmp_path / "index/runs.parquet").to_pandas().set_index("run")
    assert list(table.index) == ["b", "p/e", "a"]
    assert table.accuracy.dropna().to_dict() == {"a": 0.5, "p/e": 0.75}
    assert table.seconds.to_dict() == {"a": 2.5, "b": 2.5, "p/e": 1.0}
    assert table.loc["p/e", ["model", "data"]].tolist() == ["a/model", "f"]
    cells = Cells()
    cells.feed((tmp_path / "index/runs.html").read_text())
    assert {"run", "ended", "p/e", "LinearSVC", "0.75"} <= set(cells.texts)
    assert index("data.compare=['a','p/e']")[0] == 0
    cells = Cells()
    cells.feed((tmp_path / "index/runs.html").read_text())
    at = cells.texts.index("accuracy")
    assert cells.texts[at : at + 3] == ["accuracy", "0.5", "0.75"]
    assert "commit" not in cells.texts[: cells.texts.index("ended") + 1], "what is the same is left out"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.compare=['c']"], "compare: there is no run 'c': there are b, p/e, a"),
        (["data.path=/nowhere"], "there is no folder /nowhere"),
        (["data.pth=x"], "data: unknown key 'pth': did you mean 'path'"),
    ],
)
def test_bad_input_is_one_line(index, overrides, message):
    code, shown, told = index(*overrides)
    assert (code, shown) == (2, "")
    assert message in told
