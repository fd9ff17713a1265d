"""A report: one HTML file without external resources."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from treefold.report.charts import Chart
from treefold.report.pictures import drawn

REPORT = "report.html"
MANY = 30  # most figures of a list that are shown


def page(
    title: str,
    subtitle: str,
    facts: dict[str, Any],
    charts: Sequence[Chart],
    tables: dict[str, Sequence[dict[str, Any]]] | None = None,
) -> str:
    """The page: facts as a table with lists of figures in one line each, then further tables, then the charts.

    Parameters
    ----------
    title, subtitle : str
        Headings.
    facts : {name: value}
        Lists of records and None are left out.
    charts : sequence of Chart
        See :mod:`treefold.report.charts`.
    tables : {heading: records}, optional
        Records with the same keys; empty tables are left out.

    Returns
    -------
    str
        HTML.
    """
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        files(__package__).joinpath("page.html").read_text()
    )
    shown = [(name.replace("_", " "), _shown(value)) for name, value in facts.items() if _fits(value)]
    pictures = [{"title": chart.title, "svg": drawn(chart)} for chart in charts]
    filled = [
        {"title": heading, "heads": list(rows[0]), "rows": [[_shown(value) for value in row.values()] for row in rows]}
        for heading, rows in (tables or {}).items()
        if rows
    ]
    return template.render(title=title, subtitle=subtitle, facts=shown, tables=filled, charts=pictures)


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
