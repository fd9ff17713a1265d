"""A report: one HTML file that needs nothing else."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from treefold.report.pictures import drawn

REPORT = "report.html"
MANY = 30  # figures of a list that are shown


def page(
    title: str,
    subtitle: str,
    facts: dict[str, Any],
    charts: Sequence[dict[str, Any]],
    rows: Sequence[dict[str, Any]] = (),
) -> str:
    """The page: facts as a table, lists of figures in one line each, then the rows of a table, then the charts.

    Parameters
    ----------
    facts : {name: value}
        Lists of records and whatever is None are left out.
    rows : records with the same keys
    charts : see :func:`treefold.report.pictures.drawn`
    """
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        files(__package__).joinpath("page.html").read_text()
    )
    shown = [(name.replace("_", " "), _shown(value)) for name, value in facts.items() if _fits(value)]
    pictures = [{"title": chart["title"], "svg": drawn(chart)} for chart in charts]
    table = [[_shown(value) for value in row.values()] for row in rows]
    heads = list(rows[0]) if rows else []
    return template.render(title=title, subtitle=subtitle, facts=shown, heads=heads, table=table, charts=pictures)


def _fits(value: Any) -> bool:
    return value is not None and not (isinstance(value, list) and any(isinstance(v, dict | list) for v in value))


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ",  ".join(_shown(v) for v in value[:MANY]) + (" ..." if len(value) > MANY else "")
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
