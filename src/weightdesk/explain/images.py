"""Pictures of a page: pixels as people see them, or weights in blue and orange."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from PIL import Image

POSITIVE, ZERO, NEGATIVE = "#3b7dd8", "#eef0f2", "#e8833a"

_SIDE: Final = 64  # pixels that a picture is wide at least


@dataclass(frozen=True, eq=False)
class Picture:
    """Something to look at.

    Attributes:
        name: what it shows, in a few words.
        values: three channels are red, green and blue; of any other number each is a picture of its own,
            side by side.
        signed: whether these are weights: then blue is above zero and orange below, in place of all from
            the least to the largest value.
    """

    name: str
    values: Float[Tensor, "channels height width"]
    signed: bool = False

    def image(self) -> Image.Image:
        """The picture in whole pixels, enlarged where it is small.

        >>> import torch
        >>> Picture("", torch.zeros(1, 8, 8)).image().size
        (64, 64)
        """
        from PIL import Image  # takes long to load

        values = np.nan_to_num(self.values.detach().cpu().double().numpy())
        plain = _signed(values) if self.signed else _plain(values)
        zoom = max(1, -(-_SIDE // max(self.values.shape[1:])))
        image = Image.fromarray(plain)
        return image.resize((zoom * image.width, zoom * image.height), Image.Resampling.NEAREST)

    def html(self) -> str:
        """The picture as part of a page."""
        sink = io.BytesIO()
        self.image().save(sink, "png")
        data = base64.b64encode(sink.getvalue()).decode()
        name = escape(self.name)
        return (
            '<figure style="display:inline-block;margin:0 .5em .5em 0;text-align:center">'
            f'<img alt="{name}" src="data:image/png;base64,{data}"><figcaption>{name}</figcaption></figure>'
        )


def _plain(values: Float[np.ndarray, "channels height width"]) -> npt.NDArray[np.uint8]:
    low, high = values.min(), values.max()
    shares = (values - low) / ((high - low) or 1.0)
    grey = np.moveaxis(shares, 0, -1) if len(shares) == 3 else np.repeat(_beside(shares)[..., None], 3, -1)
    pixels: npt.NDArray[np.uint8] = np.rint(255 * grey).astype(np.uint8)
    return pixels


def _signed(values: Float[np.ndarray, "channels height width"]) -> npt.NDArray[np.uint8]:
    shares = _beside(values) / (np.abs(values).max() or 1.0)
    zero, ends = _rgb(ZERO), np.where(shares[..., None] > 0, _rgb(POSITIVE), _rgb(NEGATIVE))
    return np.rint(zero + np.abs(shares)[..., None] * (ends - zero)).astype(np.uint8)


def _beside(values: Float[np.ndarray, "channels height width"]) -> Float[np.ndarray, "height columns"]:
    return np.concatenate(list(values), axis=1)


def _rgb(colour: str) -> npt.NDArray[np.float64]:
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float64)
