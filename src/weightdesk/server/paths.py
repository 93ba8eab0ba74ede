"""Text for other people, without the folders of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Final

# A folder begins with /, ~ or a drive, and not in the middle of a word or an address: "and/or" and
# "s3://bucket/run" name none. Between quotes it may have spaces.
_BEGINS: Final = r"(?<![\w./:\\-])(?:file://)?(?:~[\w.-]*)?(?:[A-Za-z]:)?[\\/]"
_PLAIN: Final = re.compile(_BEGINS + r"(?:[^\s'\"`,;:<>|*?\\/]*[\\/])*(?=[^\s\\/])")
_QUOTED: Final = re.compile(r"(?<=(['\"`]))" + _BEGINS + r"(?:(?:(?!\1)[^\\/\n])*[\\/])*(?=[^\\/])")


def without_folders(text: str, known: Iterable[str] = ()) -> str:
    """The text with the last part alone of each absolute path.

    Arguments:
        text: one line or several.
        known: paths that may be in it. Of others the end cannot be told from the words behind it, so that
            something is left of a folder whose name has a space.

    >>> without_folders("No space left on device: '/home/ann/my runs/digits/run.json'")
    "No space left on device: 'run.json'"
    >>> without_folders("continued from /data/ann/digits at step 4 and/or s3://bucket/run")
    'continued from digits at step 4 and/or s3://bucket/run'
    """
    local = {path for path in known if path and "://" not in path}
    forms = {str(Path(path).resolve()) for path in local} | {path for path in local if {"/", "\\"} & {*path}}
    for path in sorted(forms, key=len, reverse=True):  # one may be the beginning of another
        text = text.replace(path, name_of(path))
    return _PLAIN.sub("", _QUOTED.sub("", text))


def name_of(path: str) -> str:
    """The last part of a path or an address, which a relative one may not say.

    >>> name_of("/home/ann/digits/"), name_of("s3://bucket/digits"), name_of("digits/../other")
    ('digits', 'digits', 'other')
    """
    return PurePath(path).name if "://" in path else Path(path).resolve().name
