"""MkDocs calls these functions: they add generated pages and the navigation, and render formulas."""

import re
from pathlib import Path
from typing import Any

import latex2mathml.converter
from mkdocs.structure.files import File, Files

import conf_tables
import param_tables
import reference_pages

GUIDE = ["linear.md", "kmeans.md", "forest.md"]  # these come first; any page that is not named here follows them
SECTIONS = {
    "Home": ["index.md", "quickstart.md", "concepts.md"],
    "User guide": GUIDE,
    "Params": ["params/"],
    "Migration": ["from-pyspark.md", "from-scikit-learn.md"],
    "Operations": ["operations.md", "clusters.md", "conf.md", "resilience.md"],
    "Internals": ["conventions.md", "architecture.md", "extending.md", "developing.md"],
    "Reference": ["reference/"],
}
FENCE = re.compile(r"^(```.*?^```)", re.M | re.S)
DISPLAY = re.compile(r"^\$\$(.+?)\$\$", re.M | re.S)
ROLE = re.compile(r":(?:class|func|meth|mod|attr|data):<code>(~?)([\w.]+)</code>")


def on_files(files: Files, config: Any) -> Files:
    """Add what is generated, then sort all pages into sections."""
    made = param_tables.pages() | reference_pages.pages() | {"conf.md": conf_tables.page()}
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    config.nav = navigation([file.src_uri for file in files.documentation_pages()])
    return files


def navigation(pages: list[str]) -> list[dict[str, list[str]]]:
    """Sections with all pages that there are: those that no section names belong to the user guide."""
    sections: dict[str, list[str]] = {}
    for title, names in SECTIONS.items():
        sections[title] = [page for name in names for page in pages if page == name or belongs(page, name)]
    named = {page for found in sections.values() for page in found}
    sections["User guide"] += sorted(page for page in pages if page not in named)
    return [{title: found} for title, found in sections.items()]


def belongs(page: str, folder: str) -> bool:
    """Whether a page is in a folder, which ends with a slash."""
    return folder.endswith("/") and page.startswith(folder)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Formulas become MathML, which browsers render without a script."""
    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else DISPLAY.sub(formula, part) for part in parts)


def formula(match: re.Match[str]) -> str:
    """A formula set on lines of its own."""
    mathml = latex2mathml.converter.convert(match[1].strip(), display="block")
    return f'<div class="formula">{mathml}</div>'


def on_page_content(html: str, **_: Any) -> str:
    """Names that docstrings mark by a role (``:class:``) become links where the reference has them."""
    return ROLE.sub(link, html)


def link(match: re.Match[str]) -> str:
    """A reference that mkdocs-autorefs resolves, or leaves as code."""
    text = match[2].rsplit(".", 1)[-1] if match[1] else match[2]
    return f'<autoref identifier="{match[2]}" optional><code>{text}</code></autoref>'


def on_config(config: Any) -> Any:
    """Rebuild when the library changes (``mkdocs serve``)."""
    config.watch.append(str(Path(config.config_file_path).parent / "lib" / "treefold"))
    return config
