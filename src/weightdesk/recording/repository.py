"""The git repository around the working directory: its commit, and whether files were changed since.

A training may be started in a folder of somebody else's, whose `.git/config` may name programs: monitors of
the file system, hooks, filters, remotes that serve missing objects. None of it is ever read. The commit is
read from the files that git keeps it in, and git compares the files with it under a configuration of
our own, in a temporary folder that borrows the repository's objects and index.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

_HASH: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BRANCH: Final = re.compile(r"ref: (refs/[^\0\s]+)")
_LARGEST: Final = 1 << 26
"""Bytes of the file of packed branches that are read: repositories with 100,000 branches have 10 MB."""
_PATIENCE: Final = 0.5
"""Seconds that git may take: its answer is a remark, and `watch` waits for it."""
_CONFIGURATION: Final = """\
[core]
	repositoryformatversion = 1
	bare = false
	fileMode = false
	checkStat = minimal
	trustctime = false
[extensions]
	objectFormat = {hashing}
"""
# Times in full, owners and modes of files differ after a folder was copied, and are no change of the code.


def read_commit() -> dict[str, Any] | None:
    """Commit of the working directory and whether files of it were changed; None outside a repository.

    `changed` is None if it cannot be told: without git, in a repository too large to be compared at once,
    or if the files that look changed pass through a filter, such as that of Git LFS, which is never run.
    """
    try:
        root, folder = _repository(Path.cwd())
        shared = _shared_folder(folder)
        commit = _resolve(folder, shared)
        return {"commit": commit, "changed": _is_changed(root, folder, shared, commit)}
    except (OSError, ValueError, RuntimeError):
        return None


def _repository(start: Path) -> tuple[Path, Path]:
    """The folder with the files, and git's own."""
    ceilings = {
        Path(text) for text in os.environ.get("GIT_CEILING_DIRECTORIES", "").split(os.pathsep) if text
    }
    for root in (start, *start.parents):
        if root in ceilings and root != start:
            break
        entry = root / ".git"
        if (entry / "HEAD").is_file():
            return root, entry
        if entry.is_file():  # of a work tree beside the first one, or of a submodule
            return root, root / _read(entry, 4096).removeprefix("gitdir:").strip()
    raise FileNotFoundError("no repository")


def _shared_folder(folder: Path) -> Path:
    """Where branches and objects lie: several work trees share them."""
    name = folder / "commondir"
    return folder / _read(name, 4096).strip() if name.is_file() else folder


def _resolve(folder: Path, shared: Path) -> str:
    """The commit that HEAD stands for."""
    text = _read(folder / "HEAD", 4096).strip()
    for _ in range(5):  # as many names of names as git follows
        if _HASH.fullmatch(text):
            return text
        branch = _BRANCH.fullmatch(text)
        if branch is None or ".." in branch[1]:
            break
        try:
            text = _read(shared / branch[1], 4096).strip()
        except FileNotFoundError:
            packed = _read(shared / "packed-refs", _LARGEST)
            line = re.search(rf"^({_HASH.pattern}) {re.escape(branch[1])}$", packed, re.MULTILINE)
            text = line[1] if line else ""
    raise ValueError("HEAD leads to no commit")


def _read(path: Path, most: int) -> str:
    """A small file; a pipe or a device in its place is not waited for."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{path} is no file")
        return file.read(most).decode("utf-8", "replace")


def _is_changed(root: Path, folder: Path, shared: Path, commit: str) -> bool | None:
    git = _program()
    if git is None:
        return None
    try:
        with tempfile.TemporaryDirectory(prefix="weightdesk-") as own:
            _fill(Path(own), folder, commit)
            environment = _environment(own) | {
                "GIT_DIR": own,
                "GIT_WORK_TREE": str(root),
                "GIT_INDEX_FILE": str(folder.absolute() / "index"),
                "GIT_OBJECT_DIRECTORY": str(shared.absolute() / "objects"),
            }
            status = [git, "status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all"]
            lines = [line for line in _run(status, root, environment).split(b"\0") if line]
            modified = [line[3:] for line in lines if line.startswith(b" M")]
            if len(modified) < len(lines) or not lines:
                return bool(lines)
            # Without its filter a file looks changed whenever its times are not those of the index.
            check = [git, "check-attr", "-z", "--stdin", "filter"]
            values = _run(check, root, environment, b"\0".join(modified) + b"\0").split(b"\0")[2::3]
            return True if any(value in (b"unspecified", b"unset") for value in values) else None
    except (OSError, subprocess.SubprocessError):
        return None


def _fill(own: Path, folder: Path, commit: str) -> None:
    """Make a folder one of git's, with this commit checked out."""
    Path(own, "refs").mkdir()
    Path(own, "HEAD").write_text(f"{commit}\n")
    Path(own, "config").write_text(_CONFIGURATION.format(hashing="sha1" if len(commit) == 40 else "sha256"))
    for part in folder.glob("sharedindex.*"):  # of an index in two parts, git looks for one beside HEAD
        Path(own, part.name).symlink_to(part.absolute())


def _run(command: list[str], root: Path, environment: dict[str, str], given: bytes = b"") -> bytes:
    done = subprocess.run(  # noqa: S603  # a fixed program with fixed arguments
        command, cwd=root, env=environment, input=given,
        capture_output=True, check=True, timeout=_PATIENCE,
    )  # fmt: skip
    return done.stdout


def _environment(home: str) -> dict[str, str]:
    """The user's without what steers git: it reads no configuration, writes nothing and asks nobody."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return others | {
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "LC_ALL": "C",
    }


def _program() -> str | None:
    """The git of the search path; folders that are named relative to the working directory do not count.

    A git inside the working directory is not run either: whoever made the folder may have put it there.
    """
    here = os.path.realpath(Path.cwd())
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        program = Path(folder, "git.exe" if os.name == "nt" else "git")
        is_inside = os.path.realpath(program).startswith(here + os.sep)
        if program.is_absolute() and not is_inside and program.is_file() and os.access(program, os.X_OK):
            return str(program)
    return None
