"""Who may import whom. The table of the architecture, held by reading the imports."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "lib" / "treefold"
PURE = {
    "errors",
    "compiled",
    "threads",
    "block",
    "blocks",
    "together",
    "iterate",
    "losses",
    "penalties",
    "solvers",
    "algorithms",
    "metrics",
}
ENGINE = {"errors", "threads", "block", "blocks", "engine"}
STORE = {"errors", "algorithms", "store", ""}
RULES = {  # room: (rooms of ours, packages from outside)
    "__init__": (set(), set()),
    "errors": (set(), set()),
    "compiled": (set(), {"numba"}),
    "threads": (set(), {"threadpoolctl"}),
    "block": (set(), {"numpy", "scipy"}),
    "blocks": (set(), {"numpy"}),
    "together": ({"algorithms", "blocks"}, set()),
    "iterate": ({"solvers"}, {"numpy"}),
    "losses": (set(), {"numpy", "scipy"}),
    "penalties": (set(), {"numpy", "scipy"}),
    "solvers": ({"solvers", "compiled", "threads"}, {"numpy"}),
    "algorithms": (PURE, {"numpy", "scipy", "numba"}),
    "metrics": (PURE, {"numpy", "scipy"}),
    "engine": (ENGINE, {"numpy", "scipy", "pyspark", "pyarrow", "threadpoolctl", "socket", "multiprocessing"}),
    "interchange": ({"errors", "algorithms", "interchange"}, {"numpy", "pyspark", "sklearn", "onnx"}),
    "ml": (PURE | ENGINE | STORE | {"interchange", "journal", "together", "ml"}, {"numpy", "pyspark", "pyarrow"}),
    "store": (STORE, {"numpy", "pyarrow"}),
    "seal": ({"errors", "store"}, {"cryptography"}),
    "digest": (set(), {"numpy", "scipy"}),
    "journal": ({"errors", "blocks", "digest", "store", "seal"}, {"pyarrow"}),
    "conf": ({"errors"}, {"msgspec"}),
    "report": ({"errors", "blocks", "report"}, {"matplotlib", "jinja2", "pyarrow"}),
    "jobs": ({"conf", "journal", "ml", "store", "report", "errors"}, {"pyspark"}),
}
STANDARD = {
    "argparse", "bisect", "collections", "concurrent", "contextlib", "ctypes", "dataclasses", "difflib", "errno",
    "fnmatch", "functools", "gc", "hashlib", "importlib", "inspect", "io", "itertools", "json", "mmap", "os", "pathlib",
    "pickle", "queue", "re", "select", "shutil", "statistics", "subprocess", "sys", "tempfile", "threading", "time",
    "tomllib", "typing", "uuid", "zipfile", "zlib",
}  # fmt: skip
FILES = [*LIBRARY.rglob("*.py"), *(ROOT / "jobs").glob("*.py")]


def room(file: Path) -> str:
    return "jobs" if file.parent.name == "jobs" else file.relative_to(LIBRARY).parts[0].removesuffix(".py")


def imports(file: Path) -> set[tuple[str, str]]:
    """Pairs (package, room of ours) that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: write imports from the top"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            ours = rest.split(".")[0] if package == "treefold" else ""
            found.add((package, "" if ours.startswith("__") else ours))
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_room_imports_only_what_its_table_allows(file):
    ours, outside = RULES[room(file)]
    for package, name in imports(file):
        if package == "treefold":
            assert name in ours, f"{room(file)} must not import treefold.{name}"
        else:
            assert package in outside | STANDARD, f"{room(file)} must not import {package}"


def test_no_module_of_the_library_takes_the_active_session():
    for file in LIBRARY.rglob("*.py"):
        assert "getOrCreate(" not in file.read_text(), file
        assert "getActiveSession" not in file.read_text(), file


def test_jobs_are_short():
    for file in (ROOT / "jobs").glob("*.py"):
        assert len([line for line in file.read_text().splitlines() if line.strip()]) <= 45, file
