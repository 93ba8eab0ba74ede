"""The commit of a folder is told without running anything that the folder configures."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from weightdesk.recording.repository import read_commit


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one committed file, which is the working directory."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    git("init", "-q")
    Path("file").write_text("text")
    commit("first")
    return folder


def git(*arguments: str, folder: Path | None = None) -> str:
    names = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "protocol.file.allow=always"]
    return subprocess.run(
        ["git", *names, *arguments], check=True, capture_output=True, text=True, cwd=folder
    ).stdout.strip()


def commit(message: str) -> None:
    git("add", "-A")
    git("commit", "-q", "-m", message)


def test_outside_a_repository_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read_commit() is None


def test_the_commit_and_its_changes(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clean = {"commit": git("rev-parse", "HEAD"), "changed": False}
    assert read_commit() == clean
    Path("new").write_text("not under version control")
    assert read_commit() == clean
    os.utime("file", (0, 0))  # touched, not changed
    assert read_commit() == clean
    git("add", "new")
    assert read_commit() == clean | {"changed": True}
    commit("second")
    Path("file").write_text("another text")
    Path("folder").mkdir()
    monkeypatch.chdir("folder")
    assert read_commit() == {"commit": git("rev-parse", "HEAD"), "changed": True}
    git("checkout", "-q", "--", "../file")
    Path("../file").unlink()
    assert read_commit() == {"commit": git("rev-parse", "HEAD"), "changed": True}


def test_all_places_where_git_keeps_a_commit(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = {"commit": git("rev-parse", "HEAD"), "changed": False}
    git("pack-refs", "--all")
    git("gc", "-q")
    assert read_commit() == expected
    git("checkout", "-q", "--detach")
    assert read_commit() == expected
    git("update-index", "--split-index")
    assert read_commit() == expected
    git("worktree", "add", "-q", "../beside")
    monkeypatch.chdir("../beside")
    assert read_commit() == expected
    Path("file").write_text("changed")
    assert read_commit() == expected | {"changed": True}


def test_a_repository_of_sha256(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "--object-format=sha256")
    Path("file").write_text("text")
    commit("first")
    assert read_commit() == {"commit": git("rev-parse", "HEAD"), "changed": False}
    assert len(git("rev-parse", "HEAD")) == 64


def test_a_submodule(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("submodule", "--quiet", "add", str(shutil.copytree(repository, tmp_path / "other")), "inner")
    commit("with a submodule")
    outer = read_commit()
    monkeypatch.chdir("inner")
    inner = read_commit()
    assert outer == {"commit": git("rev-parse", "HEAD", folder=repository), "changed": False}
    assert inner == {"commit": git("rev-parse", "HEAD"), "changed": False}
    assert inner != outer


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """A program that leaves a mark if anybody runs it."""
    program = tmp_path / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/RAN\nexec cat\n")
    program.chmod(0o755)
    return program


SETTINGS = {
    "fsmonitor": ["core.fsmonitor"],
    "hooks": ["core.hooksPath"],
    "filter": ["filter.x.clean", "filter.x.smudge"],
    "process": ["filter.x.process"],
    "diff": ["diff.external", "diff.x.textconv", "diff.x.command"],
    "alias": ["alias.status", "alias.check-attr"],
    "commands": [
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.askPass",
        "credential.helper",
        "gpg.program",
    ],
}


@pytest.mark.parametrize("case", SETTINGS)
def test_nothing_that_the_folder_configures_is_run(
    case: str, repository: Path, evil: Path, tmp_path: Path
) -> None:
    Path(".gitattributes").write_text("file filter=x diff=x\n")
    commit("attributes")
    for name in SETTINGS[case]:
        git("config", name, str(tmp_path if name == "core.hooksPath" else evil))
    for hook in ("post-index-change", "pre-commit", "fsmonitor-watchman"):
        shutil.copy(evil, repository / ".git" / "hooks" / hook)
        shutil.copy(evil, tmp_path / hook)
    (tmp_path / "RAN").unlink(missing_ok=True)
    Path("file").write_text("changed")
    found = read_commit()
    assert found is not None
    assert found["changed"] is None  # the file passes through a filter, which alone could tell
    assert not (tmp_path / "RAN").exists()


def test_missing_objects_are_not_fetched(repository: Path, evil: Path, tmp_path: Path) -> None:
    git("config", "extensions.partialClone", "origin")
    git("config", "remote.origin.promisor", "true")
    git("config", "remote.origin.url", f"ext::{evil}")
    git("config", "remote.origin.uploadpack", str(evil))
    git("config", "protocol.ext.allow", "always")
    for folder in (repository / ".git" / "objects").iterdir():
        if len(folder.name) == 2:
            shutil.rmtree(folder)
    found = read_commit()
    assert found is not None
    assert (len(found["commit"]), found["changed"]) == (40, None)
    assert not (tmp_path / "RAN").exists()


def test_a_submodule_s_configuration_is_not_run(repository: Path, evil: Path, tmp_path: Path) -> None:
    git("submodule", "--quiet", "add", str(shutil.copytree(repository, tmp_path / "other")), "inner")
    commit("with a submodule")
    git("config", "core.fsmonitor", str(evil), folder=repository / "inner")
    (repository / "inner" / "file").write_text("changed")
    (tmp_path / "RAN").unlink(missing_ok=True)
    assert (read_commit() or {})["changed"] is False
    assert not (tmp_path / "RAN").exists()


def test_a_git_of_the_working_directory_is_not_run(
    repository: Path, evil: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(evil, "git")
    real = os.environ["PATH"]
    for path in (".", "", str(repository)):
        monkeypatch.setenv("PATH", f"{path}{os.pathsep}{real}")
        assert (read_commit() or {})["changed"] is False
    assert not (tmp_path / "RAN").exists()


def test_without_git_the_commit_is_told_and_no_more(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = git("rev-parse", "HEAD")
    monkeypatch.setenv("PATH", "")
    assert read_commit() == {"commit": expected, "changed": None}


ODD_HEADS = [
    "",
    "ref: refs/heads/../../../etc/passwd",
    "ref: refs/heads/nowhere",
    "x" * 10_000,
    "\0",
    "ref: HEAD",
]


@pytest.mark.parametrize("head", ODD_HEADS)
def test_an_odd_head_tells_nothing(head: str, repository: Path) -> None:
    (repository / ".git" / "HEAD").write_text(head)
    assert read_commit() is None


def test_a_pipe_in_place_of_a_file_is_not_waited_for(repository: Path) -> None:
    branch = repository / ".git" / (repository / ".git" / "HEAD").read_text().removeprefix("ref: ").strip()
    branch.unlink()
    os.mkfifo(branch)
    assert read_commit() is None
