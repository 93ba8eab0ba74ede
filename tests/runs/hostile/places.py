"""What may lie where a file of a run should, and beside it."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from random import Random

ODD_STEMS = (
    "²",
    "٣",
    "1",
    "-1",
    "99999999999999999999",
    "999999999999",
    "0000000003",
    "x",
    "00000000 ",
    "a\nb",
)


def change_place(run: Path, random: Random) -> None:
    """Put something else in the place of a file or a folder, move files, or add strange ones."""
    files = sorted(path for path in run.rglob("*") if path.is_file())
    folders = sorted(path for path in run.iterdir() if path.is_dir())
    action = random.randrange(5)
    if action <= 1:
        _replace(random.choice(files), random)
    elif action == 2:
        _replace(random.choice(folders), random)
    elif action == 3:
        source, target = random.choice(files), random.choice(files)
        shutil.copyfile(source, random.choice((target, target.with_name(source.name))))
    else:
        source = random.choice(files)
        stem, end = source.name.split(".")[0], source.name.partition(".")[2]
        odd = random.choice((*ODD_STEMS, stem + "0", stem[:-1], f"part-r{'9' * 30}-00000001-00000002"))
        shutil.copyfile(source, source.with_name(f"{odd}.{end}"))


def _replace(path: Path, random: Random) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    action = random.randrange(9)
    if action == 0:
        return
    if action == 1:
        os.mkfifo(path)
    elif action == 2:
        path.mkdir()
    elif action == 3:
        path.write_bytes(b"")
    elif action == 4:
        _make_socket(path)
    else:
        outside = ("/dev/zero", "/dev/full", "/etc/passwd", path.name, "/nowhere", "..", "/")
        path.symlink_to(random.choice(outside))


def _make_socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the whole path may be longer than a socket's name can be
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(path.name[:100])
    finally:
        os.chdir(before)
