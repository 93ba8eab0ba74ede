"""Real handwritten digits that come with scikit-learn: 1,797 pictures of 8 × 8 pixels."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits

from weightdesk.training.data.dataset import Dataset


def load() -> Dataset:
    """Return the digits, pixels from 0 to 1 (Alpaydin & Kaynak 1998, UCI Optical Recognition).

    >>> len(load())
    1797
    """
    pictures, labels = load_digits(return_X_y=True)
    return Dataset(
        inputs=torch.from_numpy(pictures / 16).float().reshape(-1, 1, 8, 8),
        targets=torch.from_numpy(labels).long(),
        task="classification",
        class_names=tuple("0123456789"),
    )
