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
    compiled.cache_folders = lambda: [Path("/proc/none"), Path({str(tmp_path)!r})]
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


def test_the_name_of_the_code_changes_with_what_it_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    here = compiled._code_name()
    monkeypatch.setattr(compiled.llvm, "get_host_cpu_name", lambda: "another")
    assert compiled._code_name() != here


@pytest.mark.parametrize("damage", ["empty", "half", "zeros", "foreign"])
def test_a_damaged_file_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    kernels = compiled.load()  # so that the code is kept in the usual place
    code = compiled.find_code(compiled.cache_folders(), compiled._code_name())
    assert code is not None
    monkeypatch.setattr(compiled, "cache_folders", lambda: [tmp_path])
    monkeypatch.setattr(compiled, "_compile", lambda: code)
    compiled.keep_code([tmp_path], compiled._code_name(), code)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    content = {
        "empty": b"",
        "half": whole[: len(whole) // 2],
        "zeros": whole[:4096] + bytes(len(whole) - 4096),
        "foreign": whole[32:],  # of a version that kept no digest
    }[damage]
    file.write_bytes(content)
    assert compiled.find_code([tmp_path], compiled._code_name()) is None
    assert compiled.load().keys() == kernels.keys()
