"""Machine code is compiled once, kept, and loaded without Numba."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from weightdesk.statistics import compiled


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )


def test_code_is_compiled_once_announced_and_the_same_as_kept(tmp_path: Path) -> None:
    script = f"""
    import sys
    from pathlib import Path
    from weightdesk.statistics import compiled
    compiled._folders = lambda: [Path("/proc/none"), Path({str(tmp_path)!r})]
    compiled._PATIENCE = 0.01
    before = "numba" in sys.modules
    compiled.load()
    print(before, "numba" in sys.modules)
    """
    first, second = run(script, PATH=""), run(script, PATH="")
    assert first.stdout.split() == ["False", "True"]
    assert "compiles its kernels, once on this machine" in first.stderr
    assert second.stdout.split() == ["False", "False"]
    assert second.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == [compiled._code_name()]


def test_without_any_place_to_keep_it_the_code_is_used_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_folders", lambda: [Path("/proc/none")])
    assert compiled._kept_code() is None
    compiled._keep(b"code")


def test_the_name_of_the_code_changes_with_what_it_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    here = compiled._code_name()
    monkeypatch.setattr(compiled.llvm, "get_host_cpu_name", lambda: "another")
    assert compiled._code_name() != here


def test_the_cache_may_be_told_where_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert compiled._folders()[1] == Path("/cache/weightdesk")
