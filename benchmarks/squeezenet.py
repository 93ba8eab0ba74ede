"""A trained ImageNet network and real photographs, where they are at hand.

They are looked for in the folder that the environment variable WEIGHTDESK_DATA names, or else in
`../shared/data` beside the checkout; its README says where they come from.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

DATA = Path(os.environ.get("WEIGHTDESK_DATA", Path(__file__).parents[2] / "shared" / "data"))
WEIGHTS, PHOTOS = DATA / "squeezenet1_0" / "squeezenet1_0.safetensors", DATA / "photos"

MEAN = torch.tensor([104.0, 117.0, 123.0]).view(3, 1, 1)
"""Blue, green and red, as the network takes them, from 0 to 255."""

WIDTHS = {3: (96, 16, 64), 4: (128, 16, 64), 5: (128, 32, 128), 7: (256, 32, 128), 8: (256, 48, 192),
          9: (384, 48, 192), 10: (384, 64, 256), 12: (512, 64, 256)}  # fmt: skip
POOLS = (2, 6, 11)


class Fire(nn.Module):
    """A narrow layer of 1 × 1, and two wide ones side by side."""

    def __init__(self, before: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.squeeze, self.squeezed = nn.Conv2d(before, narrow, 1), nn.ReLU()
        self.expand1x1, self.expanded1x1 = nn.Conv2d(narrow, wide, 1), nn.ReLU()
        self.expand3x3, self.expanded3x3 = nn.Conv2d(narrow, wide, 3, padding=1), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Both wide layers' channels."""
        x = self.squeezed(self.squeeze(x))
        return torch.cat([self.expanded1x1(self.expand1x1(x)), self.expanded3x3(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.0 (Iandola et al. 2016), its parameters named as torchvision names them."""

    def __init__(self) -> None:
        super().__init__()
        first = {0: nn.Conv2d(3, 96, 7, 2), 1: nn.ReLU()}
        pools = {at: nn.MaxPool2d(3, 2, ceil_mode=True) for at in POOLS}
        parts = first | pools | {at: Fire(*widths) for at, widths in WIDTHS.items()}
        self.features = nn.Sequential(*(parts[at] for at in sorted(parts)))
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Conv2d(512, 1000, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the 1,000 classes."""
        return self.classifier(self.features(x))


def squeezenet() -> nn.Module:
    """The trained network."""
    network = SqueezeNet()
    network.load_state_dict(load_file(WEIGHTS))
    return network.eval()


def photographs(size: int = 227) -> Tensor:
    """The photographs as the network takes them, the middle of each."""
    return torch.stack([_photograph(each, size) for each in sorted(PHOTOS.iterdir())])


def _photograph(path: Path, size: int) -> Tensor:
    picture = Image.open(path).convert("RGB")
    larger = 256 / min(picture.size)
    picture = picture.resize(
        [max(size, round(larger * side)) for side in picture.size], Image.Resampling.BICUBIC
    )
    left, top = ((side - size) // 2 for side in picture.size)
    picture = picture.crop((left, top, left + size, top + size))
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).flip(0).float() - MEAN
