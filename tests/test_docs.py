"""The documentation: every block of code runs, every path exists, nothing is left unsaid."""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import torch

import weightdesk
from weightdesk.cli import app, main
from weightdesk.commands.options import RECIPE, RECORDING, START
from weightdesk.training.data.source import BUILT_IN
from weightdesk.training.defaults import defaults

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(
    r"(?P<opt_out><!-- not run: \S[^\n]* -->\n+)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """A block of code of a page, with the number of its first line."""

    language: str
    code: str
    line: int
    is_run: bool


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("code"))
        yield Block(found["language"], found["code"], line, found["opt_out"] is None)


def prose(page: Path) -> str:
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


def run_page(page: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the blocks of a page in order and return the names they defined."""
    namespace: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page):
        if block.is_run and block.language == "python":
            code = compile("\n" * block.line + block.code, str(page), "exec", dont_inherit=True)
            exec(code, namespace)
        elif block.is_run and block.language == "sh":
            for command in block.code.splitlines():
                words = shlex.split(command, comments=True)
                if words[:1] == ["weightdesk"]:
                    monkeypatch.setattr(sys, "argv", words)
                    judges = words[1] == "check"  # 1: it found something
                    assert main() in ((0, 1) if judges else (0,)), f"{page.name}: {command}"
    return namespace


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_the_page_runs(
    page: Path, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_page(page, monkeypatch)


def test_the_page_without_weightdesk_reads_what_weightdesk_reads(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ROOT / "docs" / "without-weightdesk.md"
    assert not any("weightdesk" in line for block in blocks(page) if block.language == "python"
                   for line in block.code.splitlines() if "import" in line)  # fmt: skip
    found = run_page(page, monkeypatch)
    run = weightdesk.open_run("runs/mine")
    assert found["metrics"]["loss"].dropna().tolist() == run.metrics["loss"].drop_null().to_pylist()
    assert len(found["statistics"]) == run.statistics.num_rows
    assert len(found["sampled"]) == run.sampled.num_rows
    assert torch.equal(found["model"].output.weight, run.weights("output.weight", -1))
    assert torch.equal(found["update"], run.update("output.weight", 0))
    assert sum(count for _, count in found["duckdb"].sql(found["question"]).fetchall()) == 64 * 32


def test_every_block_names_its_language() -> None:
    languages = {block.language for page in PAGES for block in blocks(page)}
    assert languages == {"python", "sh", "text"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_path_that_the_page_names_exists(page: Path) -> None:
    text = prose(page)
    links = [link for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in link]
    for link in links:
        assert (page.parent / link).exists(), link
    quoted = re.findall(r"`((?:src|tests|docs|examples|benchmarks)/[^`\s<>*]*)`", text)
    for path in quoted:
        assert (ROOT / path).exists(), path


def _tree() -> dict[str, str]:
    """Paths of the annotated tree in the README, with what it says of each."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (drawn,) = re.findall(r"## The tree\n.*?```text\n(.*?)```", text, re.S)
    found: dict[str, str] = {}
    open_folders: list[str] = []
    for line in drawn.splitlines():
        name, said = re.split(r"\s{2,}", line.strip(), maxsplit=1)
        depth = (len(line) - len(line.lstrip())) // 2
        path = "/".join([*open_folders[:depth], name.rstrip("/")])
        open_folders[depth:] = [name.rstrip("/")]
        found[path] = said
    return found


def _is_ignored(path: Path) -> bool:
    """Whether git leaves the path out; `.coverage.*` are there only while coverage is measured."""
    name, place = path.name, f"/{path.relative_to(ROOT).as_posix()}"
    patterns = [".git", ".coverage.*", *(ROOT / ".gitignore").read_text(encoding="utf-8").split()]
    return any(fnmatch(place if each.startswith("/") else name, each.rstrip("/")) for each in patterns)


def test_the_tree_of_the_readme_is_the_real_one() -> None:
    package = ROOT / "src" / "weightdesk"
    real = [*ROOT.iterdir(), *package.iterdir(), *(file.parent for file in package.rglob("__init__.py"))]
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in real
        if not _is_ignored(path) and path.name not in ("__init__.py", "py.typed") and path != package
    } - {"src"}
    told = {path for path in _tree() if path != "src/weightdesk"}
    assert told == wanted


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda command: command.callback.__name__)
def test_every_command_is_documented(command: Any) -> None:
    name = command.name or command.callback.__name__
    assert any(f"weightdesk {name}" in page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("name", [*inspect.signature(weightdesk.watch).parameters][3:])
def test_every_option_of_watch_is_documented(name: str) -> None:
    assert f"`{name}" in prose(ROOT / "docs" / "recording.md")


@pytest.mark.parametrize("option", [*RECIPE, *RECORDING, *START], ids=lambda option: option.name)
def test_every_option_of_train_is_documented_with_its_choices(option: Any) -> None:
    text = prose(ROOT / "docs" / "training.md")
    assert re.search(rf"`{option.flag}[` ]", text)
    for choice in option.choices:
        assert re.search(rf"\b{choice}\b", text), choice


@pytest.mark.parametrize("recipe", BUILT_IN)
def test_every_recipe_is_documented_with_its_network(recipe: str) -> None:
    row = next(
        line for line in (ROOT / "docs" / "training.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("|") and f"`{recipe}`" in line
    )  # fmt: skip
    assert f"{defaults(recipe)['network']}" in row
