"""Every block of code of the README and of docs/ runs, and every command and conf in them is one that there is."""

import logging
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from conf_tables import jobs, loader

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ELSEWHERE = {"extending.md"}  # test_extending.py runs it and compares what it finds
FENCED = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.M | re.S)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))


def snippets(page: Path, *languages: str) -> list[str]:
    """Blocks of a page in these languages, without the indentation of the list that they may be in."""
    found = FENCED.findall(page.read_text())
    return [re.sub(f"^{indent}", "", text, flags=re.M) for indent, language, text in found if language in languages]


def with_(*languages: str) -> list:
    return [pytest.param(page, id=page.name) for page in PAGES if snippets(page, *languages)]


@pytest.fixture(scope="module")
def rows(spark, tmp_path_factory):
    """Digits as Parquet, with the columns that the pages name beside them."""
    from pyspark.ml.feature import VectorAssembler

    digits = spark.read.parquet(str(ROOT / "data/digits/split=train")).limit(400)
    named = digits.selectExpr(
        "*", "cast(digit > 4 as double) as label", "pixel_13 as x0", "pixel_34 as x1", "pixel_62 as x2",
        "cast(pixel_43 % 3 as double) as city", "1.0D as weight", "cast(pixel_20 as double) as value",
    )  # fmt: skip
    path = str(tmp_path_factory.mktemp("rows") / "rows.parquet")
    VectorAssembler(inputCols=["x0", "x1", "x2"], outputCol="features").transform(named).write.parquet(path)
    return spark.read.parquet(path)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A working directory with the data and the outputs that the pages name."""
    shutil.copytree(ROOT / "data" / "digits", tmp_path / "data" / "digits")
    (tmp_path / "out" / "digits").mkdir(parents=True)
    passes = '{"name": "objective", "seconds": 0.1, "skew": 1.2}\n{"name": "read", "seconds": 1.0, "skew": null}\n'
    (tmp_path / "out" / "digits" / "passes.jsonl").write_text(passes)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.spark
@pytest.mark.parametrize("page", [each for each in with_("python") if each.id not in ELSEWHERE])
@pytest.mark.usefixtures("folder")
def test_code_runs(page, spark, rows):
    logger = logging.getLogger("treefold")
    level, handlers = logger.level, list(logger.handlers)
    names = {"__name__": page.stem, "spark": spark, "rows": rows, "test_rows": rows, "test": rows}
    try:
        for number, snippet in enumerate(snippets(page, "python"), 1):
            exec(compile(snippet, f"{page.name}, block {number}", "exec"), names)
    finally:
        logger.setLevel(level)
        logger.handlers = handlers


@pytest.mark.parametrize("page", with_("console", "bash", "sh"))
def test_commands_are_there(page):
    for text in (each.replace("\\\n", "") for each in snippets(page, "console", "bash", "sh")):
        lines = [line[2:] for line in text.splitlines() if line.startswith("$ ")]
        script = "\n".join(lines) if lines else text  # a script, or commands and what they print
        assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0, script
        for line in lines or re.findall(r"\./spark-submit\.sh [^&|;]*", text):
            check(shlex.split(line, comments=True))


def check(words: list[str]) -> None:
    """Fail unless what a command names is there."""
    while "=" in words[0]:  # variables before the command
        words = words[1:]
    program, *arguments = words
    if program == "make":
        assert set(arguments) <= TARGETS, words
    elif program == "./spark-submit.sh" or arguments[:2] == ["-m", "treefold"]:
        check_job(arguments if program == "./spark-submit.sh" else arguments[2:])
    elif program == ".venv/bin/python":
        assert arguments[0] == "-m"
        for path in (each for each in arguments[2:] if each.startswith(("tests/", "docs/"))):
            assert (ROOT / path).exists(), path
    else:
        assert program in {"pip", "git", "open", "spark-submit"}, words


def check_job(arguments: list[str]) -> None:
    """Fail unless there are the job and its conf, and the conf takes what is overridden."""
    if arguments[0] in ("--target", "--properties"):
        file = f"conf/spark/{arguments[1]}.conf" if arguments[0] == "--target" else arguments[1]
        assert (ROOT / file).exists(), file
        arguments = arguments[2:]
    if arguments[0] == "--setup":
        assert arguments[1] in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        return
    job, *rest = arguments
    assert job in jobs()
    if rest and not rest[0].startswith("-"):
        loader(job)(str(ROOT / rest[0]), [each for each in rest[1:] if not each.startswith("--")])
