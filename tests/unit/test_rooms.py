"""Who may import whom. The table of the architecture, held by reading the imports."""

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "lib" / "treefold"


class Row(NamedTuple):
    """A row of the table: a room, its floor, and what it may import."""

    floor: int
    ours: set[str]
    packages: set[str]


def table() -> dict[str, Row]:
    """The table of rooms in docs/architecture.md."""
    rows = {}
    text = (ROOT / "docs" / "architecture.md").read_text().split("## Rooms", 1)[1]
    for line in text.splitlines():
        cells = [cell.strip().replace("\\", "") for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0].isdigit():
            ours, packages = ({word.strip() for word in cell.split(",")} - {""} for cell in cells[3:])
            rows[cells[1]] = Row(int(cells[0]), ours, packages)
    return rows


RULES = table()
STANDARD = {
    "argparse", "base64", "bisect", "collections", "concurrent", "contextlib", "copyreg", "ctypes", "dataclasses",
    "datetime", "difflib", "errno", "fcntl", "fnmatch", "functools", "gc", "hashlib", "hmac", "importlib", "inspect",
    "io", "itertools",
    "json", "logging", "math", "mmap", "os", "pathlib", "pickle", "platform", "posixpath", "queue", "re",
    "runpy", "select", "shlex", "shutil", "signal", "stat", "statistics", "subprocess", "sys", "tempfile",
    "threading", "time", "tomllib",
    "traceback", "types", "typing", "urllib", "uuid", "weakref",
    "zipfile", "zlib",
}  # fmt: skip
FILES = sorted({*LIBRARY.rglob("*.py"), *(LIBRARY / "jobs").glob("*.py")})  # jobs is a link to the top-level folder


def room_of(parts: tuple[str, ...]) -> str:
    """Room of a dotted or a file path below the library: the engine has four."""
    if parts[0] == "engine" and "/".join(parts[:2]) in RULES:
        return "/".join(parts[:2])
    return parts[0].removesuffix(".py")


def room(file: Path) -> str:
    return room_of(file.relative_to(LIBRARY).parts)


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
            package, *rest = name.split(".")
            found.add((package, room_of(tuple(rest)) if package == "treefold" and rest else ""))
    return found


def test_the_table_has_every_room_and_no_other():
    rooms = {room(file) for file in FILES} - {"__init__"}
    assert rooms == set(RULES)


def test_imports_go_to_lower_floors():
    for name, row in RULES.items():
        for other in row.ours:
            assert RULES[other].floor < row.floor, f"{name} must not import {other}, which is not below it"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_room_imports_only_what_its_row_allows(file):
    here = room(file)
    if here == "__init__":
        return  # held by what an import of it loads: test_api
    for package, name in imports(file):
        if package == "treefold":
            assert name in RULES[here].ours | {here, "__version__"}, f"{here} must not import treefold.{name}"
        else:
            assert package in RULES[here].packages | STANDARD, f"{here} must not import {package}"


def test_no_module_of_the_library_takes_the_active_session():
    for file in LIBRARY.rglob("*.py"):
        assert "getOrCreate(" not in file.read_text() or file == LIBRARY / "cli" / "spark_session.py", file
        assert "getActiveSession" not in file.read_text(), file


def test_jobs_are_short():
    for file in (LIBRARY / "jobs").glob("*.py"):
        assert len([line for line in file.read_text().splitlines() if line.strip()]) <= 45, file
