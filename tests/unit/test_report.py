"""The report: one file, well formed, that needs nothing else."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from treefold.report.charts import BarChart, LineChart, RankingChart, TreeChart
from treefold.report.page import page
from treefold.report.pictures import drawn

LINES = {"a": [3.0, 2.0, 1.5], "b": [3.5, 1.0]}
LINE = LineChart("Cost", "iteration", "cost", LINES)
PAIRS = LineChart("S", "k", "s", {"s": ([1, 2, 3], [None, 0.5, 0.25])})
BAR = BarChart("Sizes", "cluster", "rows", {"rows": ([0, 1, 2], [5, 9, 1])})
CURVE = LineChart("ROC", "fpr", "tpr", {"roc": ([0.0, 0.1, 1.0], [0.0, 0.7, 1.0])})
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()).strip() for node in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("chart", [LINE, PAIRS, BAR], ids=["line", "pairs", "bar"])
def test_a_chart_is_well_formed_svg_with_its_axes_named(chart):
    words = texts(drawn(chart))
    assert {chart.x, chart.y} <= set(words)


def test_lines_are_named_where_there_are_several_and_few():
    assert {"a", "b"} <= set(texts(drawn(LINE)))
    many = replace(LINE, lines={f"restart {i}": [2.0, 1.0] for i in range(20)})
    assert not [word for word in texts(drawn(many)) if word.startswith("restart")]


def test_an_axis_of_whole_numbers_has_whole_ticks_and_one_of_shares_has_not():
    assert not [word for word in texts(drawn(BAR)) if "." in word]
    assert "0.2" in texts(drawn(CURVE))


def test_a_figure_that_is_not_known_is_left_out():
    points = re.findall(r"<use ", drawn(PAIRS))
    all_known = re.findall(r"<use ", drawn(replace(PAIRS, lines={"s": ([1, 2, 3], [0.1, 0.5, 0.25])})))
    assert len(all_known) > len(points)


class Collector(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.cells = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] in ("td", "th", "h1"):
            self.cells.append(data.strip())


def test_a_page_shows_facts_and_charts_and_refers_to_nothing_outside():
    facts = {
        "k": 12345,
        "outcome": "<b>done</b>",
        "sizes": [1, 2],
        "records": [{"k": 1}],
        "none": None,
        "x": 0.12345678,
    }
    text = page("Title", "two & three", facts, [LINE, BAR])
    seen = Collector()
    seen.feed(text)
    assert "Title" in seen.cells
    for shown in ("12,345", "<b>done</b>", "1,  2", "0.123457"):
        assert shown in seen.cells
    assert not {"records", "none"} & set(seen.cells)
    assert "two &amp; three" in text
    assert len([tag for tag, _ in seen.tags if tag == "svg"]) == 2
    for tag, attributes in seen.tags:
        assert tag not in ("script", "link", "img", "iframe")
        links = [value for name, value in attributes.items() if name in ("src", "href")]
        assert all(link.startswith("#") for link in links)


def test_the_same_figures_make_the_same_bytes():
    assert page("T", "s", {"a": 1}, [LINE, PAIRS]) == page("T", "s", {"a": 1}, [LINE, PAIRS])


RANKING = RankingChart("R", "importance", {"age": 0.7, "<b>": 0.3})
LEAF = {"text": "yes", "share": 0.25, "children": []}
OTHER = {"text": "no", "share": 0.75, "children": []}
TREE = TreeChart("T", {"text": "age <= 3", "share": 1.0, "children": [LEAF, OTHER]})


def test_a_ranking_names_its_bars_and_a_tree_its_conditions():
    assert {"age", "<b>", "importance"} <= set(texts(drawn(RANKING)))
    words = " ".join(texts(drawn(TREE)))
    for shown in ("age <= 3", "100.0%", "25.0%", "75.0%", "yes", "no"):
        assert shown in words
    assert "25.0%" in " ".join(texts(drawn(TreeChart("T", LEAF))))
