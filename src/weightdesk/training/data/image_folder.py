"""A folder with one folder of pictures for each class."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image

from weightdesk.errors import DataError
from weightdesk.paths import in_utf8
from weightdesk.training.data.dataset import Dataset
from weightdesk.training.data.source import PICTURE_SUFFIXES
from weightdesk.training.memory import refuse_larger_data

_CHANNELS: Final = 3  # of a picture in colour; each value is a byte at first, then a float of four


def load(folder: Path, size: int) -> Dataset:
    """Return all pictures scaled to size × size pixels from 0 to 1; grey if all are grey, else RGB.

    Raises:
        DataError: a class has no picture, or a picture cannot be read.

    """
    classes = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    files = [_pictures(each) for each in classes]
    count = sum(map(len, files))
    refuse_larger_data(f"{folder} at --image-size {size}", _CHANNELS * (1 + 4) * count * size * size)
    pictures = [_read(file, size) for of_class in files for file in of_class]
    grey = all(picture.mode == "L" for picture in pictures)
    arrays = np.stack([np.asarray(each if grey else each.convert("RGB")) for each in pictures])
    inputs = torch.from_numpy(arrays.reshape(len(arrays), size, size, -1)).permute(0, 3, 1, 2)
    return Dataset(
        inputs=inputs.contiguous().float() / 255,
        targets=torch.tensor([label for label, of_class in enumerate(files) for _ in of_class]),
        task="classification",
        class_names=tuple(in_utf8(each.name) for each in classes),
    )


def _pictures(folder: Path) -> list[Path]:
    # A pipe of such a name would be waited for without end.
    files = sorted(
        each for each in folder.iterdir() if each.suffix.lower() in PICTURE_SUFFIXES and each.is_file()
    )
    if not files:
        raise DataError(
            f"{folder} holds no picture ({', '.join(PICTURE_SUFFIXES)}); each folder is one class"
        )
    return files


def _read(file: Path, size: int) -> Image.Image:
    try:
        with warnings.catch_warnings(), Image.open(file) as picture:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            grey = picture.mode in ("1", "L", "LA", "I", "I;16")
            shallow = _shallow(picture) if picture.mode.startswith("I") else picture
            return shallow.convert("L" if grey else "RGB").resize((size, size), Image.Resampling.BILINEAR)
    except Exception as error:  # each format of Pillow's has errors of its own, SyntaxError among them
        raise DataError(f"cannot read the picture {file}: {error}; remove or replace it") from error


def _shallow(picture: Image.Image) -> Image.Image:
    """Bring 16 bits down to 8; Pillow's own conversion would cut off everything above 255."""
    return Image.fromarray((np.asarray(picture).clip(0, 65535) // 257).astype(np.uint8))
